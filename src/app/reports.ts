import { createReadStream } from 'node:fs';
import { join } from 'node:path';
import { recordAudit } from '../audit-trail.js';
import type { Config } from '../config/config.js';
import type { CredentialFact } from '../controls/control.js';
import { knownIntegrations } from '../evidence/evaluate-period.js';
import { gatherCredentials } from '../evidence/gather-facts.js';
import { lastSealed, PackError } from '../evidence/pack/pack-history.js';
import { writePack } from '../evidence/pack/write-pack.js';
import { type PostureRequest, windowEnds } from '../evidence/posture.js';
import { REPORT_FORMATS, type ReportQuestion, writeReport } from '../evidence/report/write-report.js';
import type { HistoryStore, Pin } from '../history/store.js';
import { makeTemporaryFolder, removeTemporaryFolder } from '../history/temporary-files.js';
import { HttpError } from '../http/errors.js';
import type { OpenReport, ReportRequest, Reports } from '../http/report-route.js';
import { SIMULATED_ACCOUNT } from '../integrations/accounts.js';
import { readTokenHistories } from '../integrations/token-history.js';
import type { Log } from '../log.js';
import { applyPolicy, type Policy, type Rules } from '../policy/policy.js';
import { pollingThresholds, type Thresholds } from '../policy/thresholds.js';
import { type Instant, toInstant } from '../values/instant.js';
import {
  choiceOf,
  chosenControls,
  integrationsOf,
  type NameOf,
  type RawReportQuestion,
  ReportQuestionError,
  type RequestedReport,
  readReportQuestion,
} from './report-question.js';

export interface ReportServices {
  readonly store: HistoryStore;
  readonly config: Config;
  readonly policy: () => Policy;
  readonly clock: () => number;
}

/**
 * Resolves the options against a history: the view and the thresholds. Throws a `ReportQuestionError` for
 * unknown names.
 */
export async function resolveReport(
  { store, config, policy, clock }: ReportServices,
  asked: RequestedReport,
  format: Format,
  nameOf: NameOf,
): Promise<ReportQuestion> {
  const { relative, controls, integrations, asOf, rows, thresholds, framework, spreadsheet } = asked;
  const now = toInstant(clock());
  if (asOf !== null && asOf > now)
    throw new ReportQuestionError(
      `${nameOf('asOf')} is ${asOf}, which is in the future; the gateway's time is ${now}.`,
    );
  if (rows === 'results' && format !== 'ndjson' && format !== 'csv')
    throw new ReportQuestionError(
      `${nameOf('rows')} results is available with ${nameOf('format')} csv or ndjson.`,
    );
  if (rows === 'revisions' && format !== 'ndjson')
    throw new ReportQuestionError(
      `${nameOf('rows')} revisions is available with ${nameOf('format')} ndjson only.`,
    );
  await checkIntegrations(store, integrations, nameOf('integration'));
  const view = {
    pin: await viewOf(store, asOf, format),
    rules: controlRules(config, policy(), thresholds),
    credentials: await credentialsOf(store),
    integrations,
  };
  const end = relative && (await windowEnds(store, { ...view, now: asOf ?? now }))(controls);
  return {
    ...{ ...view, controls, rows, framework, spreadsheet },
    period: relative && end ? relative(end.to) : asked.period,
    // a pack contains reports of several formats, and the trend for those that show one
    format: format === 'pack' ? 'html' : format,
    trend: TREND_FORMATS.includes(format) ? asked.trend : null,
    simulated: [SIMULATED_ACCOUNT],
  };
}

/** Resolves the options of `posture`. Throws a `ReportQuestionError` for unknown names. */
export async function postureRequest(
  { store, config, policy, clock }: ReportServices,
  {
    windows,
    ...asked
  }: Pick<RawReportQuestion, 'controls' | 'integration'> & Pick<PostureRequest, 'windows'>,
  nameOf: NameOf,
): Promise<PostureRequest> {
  const integrations = integrationsOf(asked.integration);
  await checkIntegrations(store, integrations, nameOf('integration'));
  return {
    ...{ windows, integrations, controls: chosenControls(asked.controls, nameOf) },
    ...{ pin: await store.head(), now: toInstant(clock()), rules: controlRules(config, policy()) },
    credentials: await credentialsOf(store),
  };
}

async function credentialsOf(store: HistoryStore): Promise<CredentialFact[]> {
  return gatherCredentials(await readTokenHistories(store), [SIMULATED_ACCOUNT]);
}

const TREND_FORMATS: readonly string[] = ['html', 'json', 'pack'];

/** A pack must be sealed. */
async function viewOf(store: HistoryStore, asOf: Instant | null, format: Format): Promise<Pin> {
  if (asOf !== null) return store.pinAt(asOf);
  return (format === 'pack' ? await lastSealed(store) : null) ?? store.head();
}

async function checkIntegrations(
  store: HistoryStore,
  wanted: readonly string[] | null,
  option: string,
): Promise<void> {
  if (wanted === null) return;
  const known = await knownIntegrations(store);
  const unknown = wanted.find((name) => !known.includes(name));
  if (unknown === undefined) return;
  throw new ReportQuestionError(
    `${option}: ${JSON.stringify(unknown)} does not exist. Known: ${known.join(', ') || 'none'}.`,
  );
}

const FORMATS = [...REPORT_FORMATS, 'pack'] as const;
type Format = (typeof FORMATS)[number];

const JSON_TYPE = 'application/json; charset=utf-8';

const FILES: Record<Format, readonly [contentType: string, extension: string]> = {
  html: ['text/html; charset=utf-8', 'html'],
  json: [JSON_TYPE, 'json'],
  ndjson: ['application/x-ndjson; charset=utf-8', 'ndjson'],
  csv: ['text/csv; charset=utf-8; header=present', 'csv'],
  oscal: [JSON_TYPE, 'oscal.json'],
  'oscal-plan': [JSON_TYPE, 'oscal-plan.json'],
  'oscal-component': [JSON_TYPE, 'oscal-component.json'],
  pack: ['application/x-tar', 'tar'],
};

const PARAMETERS = [
  ...(['format', 'controls', 'integration', 'asOf', 'trend', 'rows'] as const),
  ...(['threshold', 'framework', 'spreadsheet'] as const),
];
type Parameter = (typeof PARAMETERS)[number];

/** Reports over HTTP; each is recorded in the audit trail with its outcome. */
export function createReports(services: ReportServices & { readonly log: Log }): Reports {
  return {
    async open(asked) {
      try {
        return reportOf(services, await questionOf(services, asked), asked);
      } catch (error) {
        if (error instanceof ReportQuestionError) return { refusal: error.message };
        throw error;
      }
    },
  };
}

type Wanted = Awaited<ReturnType<typeof questionOf>>;

async function questionOf(services: ReportServices, { period, parameters, wantsPage }: ReportRequest) {
  const unknown = [...parameters.keys()].find((name) => !PARAMETERS.some((known) => known === name));
  if (unknown !== undefined) {
    const right = PARAMETERS.join(', ');
    throw new ReportQuestionError(
      `There is no parameter ${JSON.stringify(unknown)}. Known parameters: ${right}.`,
    );
  }
  const several = (name: Parameter) => parameters.get(name);
  const one = (name: Parameter) => {
    const [value, ...more] = several(name) ?? [];
    if (more.length > 0) throw new ReportQuestionError(`${name} occurs more than once.`);
    return value;
  };
  const raw = {
    ...{ period, controls: several('controls'), integration: several('integration') },
    ...{ asOf: one('asOf'), trend: one('trend'), rows: one('rows'), threshold: several('threshold') },
    ...{ framework: one('framework'), spreadsheet: one('spreadsheet') },
  };
  const asked = readReportQuestion(raw, nameOf, toInstant(services.clock()));
  const format = choiceOf('format', one('format') ?? (wantsPage ? 'html' : 'json'), FORMATS);
  return { question: await resolveReport(services, asked, format, nameOf), format };
}

const nameOf = (name: string) => name;

function reportOf(
  services: ReportServices & { readonly log: Log },
  wanted: Wanted,
  { caller }: ReportRequest,
): OpenReport {
  const { question, format } = wanted;
  const { period, rows } = question;
  const [contentType, extension] = FILES[format];
  return {
    contentType,
    fileName: `evidence-${period.text.replace(/[^\w-]+/g, '_')}.${extension}`,
    isPage: format === 'html',
    async write(write, signal) {
      const audit = (outcome: 'SUCCEEDED' | 'FAILED', detail: string) =>
        recordAudit(services, {
          ...{ caller, outcome, detail, target: period.text },
          action: rows === 'revisions' || format === 'pack' ? 'EXPORT' : 'REPORT',
        });
      const what = `${format}, as of ${question.pin.at}`;
      try {
        if (format === 'pack') await sendPack(services, wanted, write, signal);
        else await writeReport(services.store, question, write, { signal });
      } catch (error) {
        const isGone = signal.aborted;
        const message = error instanceof Error ? error.message : String(error);
        if (!isGone && !(error instanceof HttpError))
          services.log.error({ err: error, period: period.text, format }, 'a report could not be created');
        await audit(
          'FAILED',
          `${what}: ${isGone ? 'the caller closed the connection before the end' : message}`,
        );
        throw error;
      }
      await audit('SUCCEEDED', what);
    },
  };
}

/** A pack begins with the hashes of its content, so it is complete before the first piece is sent. */
async function sendPack(
  { store, config }: ReportServices,
  { question }: Wanted,
  write: Parameters<OpenReport['write']>[0],
  signal: AbortSignal,
): Promise<void> {
  const folder = makeTemporaryFolder();
  const path = join(folder, 'evidence.tar');
  try {
    await writePack(store, question, path, { signer: config.proof.signer, signal });
    for await (const piece of createReadStream(path, { signal })) await write(piece as Uint8Array);
  } catch (error) {
    throw error instanceof PackError ? new HttpError(400, 'BAD_USER_INPUT', error.message) : error;
  } finally {
    removeTemporaryFolder(folder);
  }
}

/** What controls are evaluated by: the configured polling intervals, the policy, and what is given for one report. */
export function controlRules({ poll }: Config, policy: Policy, overrides: Partial<Thresholds> = {}): Rules {
  const { every, ingestionLag } = poll;
  return applyPolicy(policy, { ...pollingThresholds(every), ingestionLag }, overrides);
}
