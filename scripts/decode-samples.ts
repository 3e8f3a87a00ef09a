import { readdirSync, readFileSync } from 'node:fs';
import { basename, join, relative } from 'node:path';
import { UpstreamError } from '../src/abnormal/errors.js';
import { JsonError, parseJson } from '../src/abnormal/lossless-json.js';
import { decodeList } from '../src/abnormal/response.js';
import { decodeCampaign } from '../src/resources/campaign/campaign.js';
import { decodeCase } from '../src/resources/case/case.js';
import { decodeCaseAnalysis } from '../src/resources/case/case-analysis.js';
import { DEFINITION_OF_RESOURCE, type Resource } from '../src/resources/registry.js';
import { decodeThreat } from '../src/resources/threat/decode-threat.js';
import { decodeThreatAttachments, decodeThreatLinks } from '../src/resources/threat/threat-definition.js';
import type { Received } from '../src/resources/wire.js';
import { DecodeError, idOf } from '../src/resources/wire.js';
import { canonicalJson } from '../src/values/canonical-json.js';
import { isRecord } from '../src/values/filter.js';

/*
 * Decodes every payload in a folder that belongs to an endpoint the gateway reads, and says what it found:
 *
 *   npx tsx scripts/decode-samples.ts <folder>
 *
 * Exits with 1 when a payload fails that does not contradict the vendor's OpenAPI document.
 */

/** Samples that their own makers call illustrative, and what the vendor's document says against them. */
const CONTRADICTIONS = new Map([
  [
    'GetCaseAnalysis_JsonResult_example.json',
    'an analysis has the keys insights and eventTimeline, both required',
  ],
]);

type Sample = Received & { readonly json: Record<string, unknown> };

interface Endpoint {
  readonly name: string;
  readonly owns: (json: Record<string, unknown>) => boolean;
  /** Decodes, and says in a few words what it found. */
  readonly read: (sample: Sample) => string;
}

function listOf(resource: Resource): Endpoint {
  return {
    name: `GET ${DEFINITION_OF_RESOURCE[resource].upstream.listPaths[0]}`,
    owns: (json) => resource in json,
    read: (sample) => {
      const page = decodeList(resource, '', Number(sample.json.pageNumber ?? 1), sample);
      return `${page.items.length} items, ${page.unusable.length} unusable, next page ${page.nextPage}, total ${page.total}`;
    },
  };
}

const ownId = (sample: Sample, field: string) => idOf(sample.json[field]) ?? 'unknown';

/** The first that owns a payload reads it. */
const ENDPOINTS: readonly Endpoint[] = [
  listOf('threats'),
  listOf('cases'),
  listOf('campaigns'),
  {
    name: 'GET /threats/{id}/attachments',
    owns: (json) => 'attachments' in json,
    read: (sample) => `${decodeThreatAttachments('unknown', sample).record.attachments.length} attachments`,
  },
  {
    name: 'GET /threats/{id}/links',
    owns: (json) => 'links' in json,
    read: (sample) => `${decodeThreatLinks('unknown', sample).record.links.length} links`,
  },
  {
    name: 'GET /threats/{id}',
    owns: (json) => 'threatId' in json,
    read: (sample) => {
      const { record, payload } = decodeThreat(ownId(sample, 'threatId'), [sample], true);
      const ids = record.messages.map((message) => message.messageId).join(' ');
      return `${record.messages.length} messages (${ids}), ${canonicalJson(payload).length} characters canonical`;
    },
  },
  {
    name: 'GET /cases/{id}/analysis',
    // vendors and vendor cases have one of the two as well
    owns: (json) => ('insights' in json && 'eventTimeline' in json) || isRecord(json.analysis),
    read: (sample) => {
      const { record } = decodeCaseAnalysis('unknown', sample);
      return `${record.insights.length} insights, ${record.events.length} events`;
    },
  },
  {
    name: 'GET /cases/{id}',
    owns: (json) => 'caseId' in json,
    read: (sample) => {
      const { record } = decodeCase(ownId(sample, 'caseId'), sample, null);
      return `case ${record.caseId}, ${record.threatIds.length} threats, first observed ${record.firstObservedTime}`;
    },
  },
  {
    name: 'GET /abusecampaigns/{id}',
    owns: (json) => 'campaignId' in json,
    read: (sample) => {
      const { record } = decodeCampaign(ownId(sample, 'campaignId'), sample);
      return `campaign ${record.campaignId}, last reported ${record.lastReportedTime}`;
    },
  },
];

type Verdict = 'ok' | 'skipped' | 'contradicts' | 'FAILED';

function judge(path: string): readonly [Verdict, string] {
  const text = readFileSync(path, 'utf8');
  try {
    const json = parseJson(text);
    const endpoint = isRecord(json) ? ENDPOINTS.find(({ owns }) => owns(json)) : undefined;
    if (!isRecord(json) || !endpoint) return ['skipped', 'of no endpoint that the gateway reads'];
    return ['ok', `${endpoint.name}: ${endpoint.read({ json, evidence: () => text.slice(0, 65_536) })}`];
  } catch (error) {
    if (error instanceof JsonError && !path.includes('.json')) return ['skipped', 'not JSON'];
    if (!(error instanceof DecodeError || error instanceof UpstreamError || error instanceof JsonError))
      throw error;
    const contradiction = CONTRADICTIONS.get(basename(path));
    if (contradiction) return ['contradicts', `${error.message}; the vendor's document: ${contradiction}`];
    return ['FAILED', error.message];
  }
}

function filesIn(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile() && !entry.name.endsWith('.md'))
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
}

function main(folder: string | undefined): number {
  if (folder === undefined) {
    console.error('usage: npx tsx scripts/decode-samples.ts <folder>');
    return 2;
  }
  const counts: Record<Verdict, number> = { ok: 0, skipped: 0, contradicts: 0, FAILED: 0 };
  for (const path of filesIn(folder)) {
    const [verdict, found] = judge(path);
    counts[verdict] += 1;
    console.log(`${verdict.padEnd(12)}${relative(folder, path)}: ${found}`);
  }
  console.log(
    Object.entries(counts)
      .map(([verdict, count]) => `${count} ${verdict}`)
      .join(', '),
  );
  return counts.FAILED > 0 ? 1 : 0;
}

process.exitCode = main(process.argv[2]);
