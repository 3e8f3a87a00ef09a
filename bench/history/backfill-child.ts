import { once } from 'node:events';
import { Agent } from 'node:http';
import fetch from 'node-fetch';
import { runCommand } from '../../src/cli/run-command.js';
import type { Observation } from '../../src/model/revision.js';
import { sha256 } from '../../src/values/canonical-json.js';
import { DAY, toInstant } from '../../src/values/instant.js';
import { sqliteBench } from './record.js';

/*
 * Collects all threats of an account from a day on, by the gateway's backfill or by as little as that takes, and tells
 * how much processor time it used; what programs are loaded by does not count.
 *
 *   backfill-child.js gateway|bare <folder> <from> <to>
 */

const PER_BATCH = 100;
/** As many as the gateway asks for at the same time. */
const AT_ONCE = 8;

const [way, folder = '', from = '', to = ''] = process.argv.slice(2);
const { ABNORMAL_BASE_URL: baseUrl, ABNORMAL_TOKEN: token } = process.env;

async function byGateway(): Promise<void> {
  const terminal = { out: process.stdout, err: process.stderr, in: process.stdin };
  const args = ['backfill', '--from', from, '--resource', 'threats'];
  const env = { ...process.env, HISTORY: `sqlite:${folder}/history.db` };
  const stop = new AbortController().signal;
  const code = await runCommand({ arguments: args, env, terminal, stop, clock: Date.now });
  if (code !== 0) throw new Error(`the backfill ended with ${code}`);
}

async function bare(): Promise<void> {
  const rows = await sqliteBench(folder).openBare();
  let batch: Observation[] = [];
  // a threat may be listed more than once
  const seen = new Set<string>();
  for (let start = Date.parse(from); start < Date.parse(to); start += DAY) {
    const listed = await idsBetween(start, start + DAY);
    const ids = [...new Set(listed)].filter((id) => !seen.has(id));
    for (const id of ids) seen.add(id);
    for (let n = 0; n < ids.length; n += AT_ONCE) {
      batch.push(...(await Promise.all(ids.slice(n, n + AT_ONCE).map(detail))));
      if (batch.length < PER_BATCH) continue;
      await rows.insert(batch);
      batch = [];
    }
  }
  await rows.insert(batch);
  await rows.close();
  agent.destroy();
}

async function idsBetween(start: number, end: number): Promise<string[]> {
  const seconds = (ms: number) => `${toInstant(ms).slice(0, 19)}Z`;
  const filter = `receivedTime gte ${seconds(start)} lte ${seconds(end)}`;
  const ids: string[] = [];
  for (let page: number | undefined = 1; page; ) {
    const query = new URLSearchParams({ filter, pageSize: '100', pageNumber: String(page) });
    const list = JSON.parse(await get(`/threats?${query}`)) as {
      readonly threats: readonly { readonly threatId: string }[];
      readonly nextPageNumber?: number;
    };
    ids.push(...list.threats.map(({ threatId }) => threatId));
    page = list.nextPageNumber;
  }
  return ids;
}

async function detail(id: string): Promise<Observation> {
  const received = await get(`/threats/${id}`);
  const [record, fetchedAt] = [JSON.parse(received) as Observation['record'], toInstant(Date.now())];
  const key = { integration: 'default', kind: 'threat', id } as const;
  return { key, record, received, digest: sha256(received), fetchedAt, basis: 0, origin: 'ABNORMAL' };
}

/** By the same client as the gateway. */
const agent = new Agent({ keepAlive: true });

async function get(path: string): Promise<string> {
  const headers = { authorization: `Bearer ${token}` };
  const response = await fetch(`${baseUrl}${path}`, { headers, agent });
  if (!response.ok) throw new Error(`${path} answered ${response.status}`);
  return response.text();
}

const before = process.cpuUsage();
await (way === 'gateway' ? byGateway() : bare());
const { user, system } = process.cpuUsage(before);
process.send?.(user + system);
if (process.connected) await once(process, 'disconnect');
