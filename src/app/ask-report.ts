import type { Config } from '../config/config.js';
import { gatherCredentials } from '../evidence/gather-credentials.js';
import type { ReportFormat, ReportQuestion } from '../evidence/report/write-report.js';
import type { HistoryStore } from '../history/store.js';
import { SIMULATED_ACCOUNT } from '../integrations/open-account.js';
import { readTokenHistories } from '../integrations/token-histories.js';
import { toInstant } from '../values/instant.js';
import { thresholdsOf } from './judged-by.js';
import { type AskedReport, type NameOf, ReportQuestionError } from './report-question.js';

/** What a question is put to. */
export interface AskMeans {
  readonly store: HistoryStore;
  readonly config: Config;
  /** Milliseconds since the epoch. */
  readonly clock: () => number;
}

/**
 * The question put to a history as it stands: which view is judged, and by what. Throws a `ReportQuestionError` when
 * it asks about what is not there.
 */
export async function askReport(
  { store, config, clock }: AskMeans,
  asked: AskedReport,
  format: ReportFormat,
  nameOf: NameOf,
): Promise<ReportQuestion> {
  const { period, controls, integrations, asOf, rows, thresholds } = asked;
  const now = toInstant(clock());
  if (asOf !== null && asOf > now)
    throw new ReportQuestionError(`${nameOf('asOf')} is ${asOf}, which is yet to come: here it is ${now}.`);
  if (rows === 'revisions' && format !== 'ndjson')
    throw new ReportQuestionError(
      `${nameOf('rows')} revisions are given by ${nameOf('format')} ndjson alone.`,
    );
  await checkIntegrations(store, integrations, nameOf('integration'));
  return {
    ...{ period, controls, integrations, format, rows },
    trend: format === 'html' || format === 'json' ? asked.trend : null,
    pin: asOf === null ? await store.head() : await store.pinAt(asOf),
    thresholds: thresholdsOf(config, thresholds),
    credentials: gatherCredentials(await readTokenHistories(store), [SIMULATED_ACCOUNT]),
    simulated: [SIMULATED_ACCOUNT],
  };
}

async function checkIntegrations(
  store: HistoryStore,
  wanted: readonly string[] | null,
  option: string,
): Promise<void> {
  if (wanted === null) return;
  const known = [...new Set((await store.streams()).map(({ integration }) => integration))].sort();
  const unknown = wanted.find((name) => !known.includes(name));
  if (unknown === undefined) return;
  throw new ReportQuestionError(
    `${option}: there is no ${JSON.stringify(unknown)}: there is ${known.join(', ') || 'none'}.`,
  );
}
