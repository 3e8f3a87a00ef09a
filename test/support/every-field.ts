import { recordAudit } from '../../src/audit-trail.js';
import { sealHistory } from '../../src/evidence/seal/make-seals.js';
import { HistoryError } from '../../src/history/errors.js';
import type { HistoryStore } from '../../src/history/store.js';
import { COLLECTIONS } from '../../src/model/documents.js';
import type { Observation } from '../../src/model/revision.js';
import { FIELDS, KINDS, type ListedKind, type RecordKey } from '../../src/resources/registry.js';
import { type Instant, shift, toMillis } from '../../src/values/instant.js';
import {
  batchOf,
  campaignKey,
  caseKey,
  ledgerEntry,
  minutesAfterStart,
  observationOf,
  observeCampaign,
  observeCase,
  observeThreat,
  quarantineEntry,
  sampleCampaign,
  sampleCase,
  sampleCaseAnalysis,
  sampleDetection360Report,
  sampleMessage,
  sampleNotAnalyzedMessage,
  samplePortalAuditLog,
  sampleRemediationHistory,
  sampleRun,
  sampleThreat,
  sampleThreatAttachments,
  sampleThreatLinks,
  sampleVendorCase,
  streamState,
  threatKey,
} from './records.js';
import { SIGNER } from './sealed-history.js';

const BATCHES = 6;
const AT_ONCE = 16;
const OLD = '2026-02-27T08:00:00.000Z';
const NEW = '2026-03-02T07:00:00.000Z';

type Seen = Parameters<typeof observationOf>[3];

/** One record of each kind that came after those of the first three resources. */
function laterResources(n: number, time: Instant): ((seen: Seen) => Observation)[] {
  const vendorCase = sampleVendorCase(`v${n}`, { threatIds: [`t${n}`], lastModifiedTime: time });
  const message = sampleNotAnalyzedMessage(String(200 + n), { reportedTime: time });
  const report = sampleDetection360Report(`r${n}`, { submissionTime: time });
  const entry = samplePortalAuditLog(`e${n}`, { timestamp: time });
  const history = sampleRemediationHistory(String(100 + n));
  return [
    (seen) => observationOf('messageRemediation', history.messageId, history, seen),
    (seen) => observationOf('vendorCase', vendorCase.vendorCaseId, vendorCase, seen),
    (seen) => observationOf('notAnalyzedMessage', message.messageId, message, seen),
    (seen) => observationOf('detection360Report', report.reportId, report, seen),
    (seen) => observationOf('portalAuditLog', entry.entryId, entry, seen),
  ];
}

/**
 * A small history that has something in every table, collection and field, sealed to its end. Its first views see
 * less than its last, so that what is said of the past matters.
 */
export async function recordEverything(store: HistoryStore): Promise<void> {
  for (let n = 1; n <= BATCHES; n++) {
    const now = minutesAfterStart(n * 10);
    const { seq } = await store.head();
    const seen = { basis: seq, fetchedAt: shift(now, -1000) };
    const time = n < 3 ? OLD : NEW;
    const message = sampleMessage(String(100 + n), { receivedTime: time, subject: `Grüße ${n}` });
    const threat = sampleThreat(`t${n}`, { messages: [message, sampleMessage('7', { receivedTime: OLD })] });
    const run = sampleRun(`run-${n}`, {
      ...{ status: 'SUCCEEDED', startedAt: shift(now, -60_000), endedAt: now, errors: ['slow'] },
      trigger: n % 2 === 0 ? 'POLL' : 'LIVE',
    });
    await store.record(
      batchOf(`batch-${n}`, {
        ...{ now, run },
        // the fourth brings nothing but its instant and its run
        observations:
          n === 4
            ? []
            : [
                observeThreat(threat, seen),
                // seen again by the fifth batch, altered by the sixth
                observeThreat(sampleThreat('again', { recipientCount: n < 6 ? 1 : 2 }), seen),
                observeCase(
                  sampleCase(`c${n}`, { threatIds: [`t${n}`, '42'], lastModifiedTime: time }),
                  seen,
                ),
                observeCampaign(
                  sampleCampaign(`k${n}`, { messageId: String(100 + n), lastReportedTime: time }),
                  seen,
                ),
                observationOf('caseAnalysis', `c${n}`, sampleCaseAnalysis(`c${n}`), seen),
                observationOf('threatAttachments', `t${n}`, sampleThreatAttachments(`t${n}`), seen),
                observationOf('threatLinks', `t${n}`, sampleThreatLinks(`t${n}`), seen),
                ...laterResources(n, time).map((observe) => observe(seen)),
                // dated far ahead of its recording
                ...(n === 2
                  ? [
                      observeCampaign(
                        sampleCampaign('late', { lastReportedTime: '2031-01-01T00:00:00.000Z' }),
                        seen,
                      ),
                    ]
                  : []),
              ],
        tombstones: n === 5 ? [threatKey('t1'), campaignKey('k1')] : [],
        quarantine: [
          quarantineEntry(threatKey(`q${n}`), { lastTriedAt: now }),
          quarantineEntry(campaignKey('q'), { tries: n }),
        ],
        released: n === 3 ? [threatKey('q1')] : [],
        ledger: [
          ledgerEntry({ runId: `run-${n}`, readAt: now, declared: 3, reason: 'none' }),
          ledgerEntry({
            runId: `run-${n}`,
            readAt: now,
            from: '2026-03-02T00:00:00.000Z',
            to: minutesAfterStart(n),
          }),
        ],
        streams: [
          streamState({ message: `as of ${n}`, lastAttemptAt: now }),
          streamState({ resource: 'cases', filterKey: 'lastModifiedTime' }),
        ],
      }),
    );
    if (n === 1) {
      for (const collection of COLLECTIONS)
        await store.putDocument(collection, 'one', { text: 'as it was', n: 1 }, 0);
      await store.acquireLease('poll', 'me', 60_000);
    }
    await recordAudit(
      { store, clock: () => toMillis(now) },
      {
        caller: { kind: 'COMMAND_LINE', id: 'ops', name: 'ops', role: 'admin' },
        ...{ action: 'POLL', target: null, outcome: 'SUCCEEDED', detail: 'polled' },
      },
    );
    if (n % 2 === 0) await sealHistory(store, { signer: SIGNER, clock: () => toMillis(now) + 1 });
  }
}

const KEYS: readonly RecordKey[] = [
  ...['t1', 't2', 't6', 'again'].map((id) => threatKey(id)),
  ...['c1', 'c3'].map((id) => caseKey(id)),
  ...['k1', 'k5', 'late'].map((id) => campaignKey(id)),
  ...(['threatAttachments', 'threatLinks'] as const).map((kind) => ({
    integration: 'default',
    kind,
    id: 't2',
  })),
  { integration: 'default', kind: 'caseAnalysis', id: 'c2' },
];

/** What a fixed set of reads answers: every method that lists, counts, coverage and verdicts are made of. */
export async function answersOf(store: HistoryStore): Promise<string[]> {
  const answers: Promise<string>[] = [];
  const ask = async (name: string, answer: () => Promise<unknown>) => {
    answers.push(
      answer()
        .catch(refusal)
        .then((given) => `${name}: ${JSON.stringify(given)}`),
    );
    // a store is asked some things at once, as by its callers
    if (answers.length % AT_ONCE === 0) await Promise.all(answers);
  };
  await ask('head', () => store.head());
  for (const minutes of [-1, 10, 35, 40, 45, 60, 600]) {
    await ask(`pin ${minutes}`, () => store.pinAt(minutesAfterStart(minutes)));
  }
  for (const seq of [2, BATCHES]) await askLists(store, seq, ask);
  for (const key of KEYS) {
    await ask(`versions of ${key.kind} ${key.id}`, () => store.revisions(key, BATCHES + 1, 10));
    await ask(`number of ${key.kind} ${key.id}`, () => store.countRevisions(key, BATCHES));
    await ask(`received ${key.kind} ${key.id}`, () => store.received(key, 1));
  }
  const all = { afterSeq: 0, toSeq: BATCHES, kinds: KINDS, integrations: null, after: null, limit: 1000 };
  await ask('changes', () => store.changes(all));
  await ask('received', () => store.changesReceived(all));
  for (const filterKey of ['receivedTime', 'latestTimeRemediated'] as const) {
    const stream = { integration: 'default', resource: 'threats', filterKey } as const;
    for (const [from, to] of [
      ['0000-01-01T00:00:00.000Z', '9999-12-31T23:59:59.999Z'],
      ['2026-03-01T00:00:00.000Z', '2026-03-01T12:00:00.000Z'],
    ] as const) {
      await ask(`ledger ${filterKey} from ${from}`, () => store.ledger(stream, from, to, BATCHES));
    }
  }
  await ask('streams', () => store.streams());
  for (const integrations of [null, ['default']]) {
    await ask('runs', () => store.runs({ integrations, before: null, limit: 100 }));
    await ask('polls', () => store.runs({ integrations, before: null, limit: 100, trigger: 'POLL' }));
    await ask('number of runs', () => store.countRuns(integrations, 'POLL'));
    await ask('quarantine', () => store.quarantine({ integrations, kinds: KINDS, after: null, limit: 100 }));
    await ask('number set aside', () => store.countQuarantine({ integrations, kinds: KINDS }));
  }
  await ask('run', () => store.run('run-2'));
  await ask('set aside', () => store.quarantined([threatKey('q2'), campaignKey('q')]));
  for (const collection of COLLECTIONS) await ask(collection, () => store.documents(collection));
  for (const journal of ['seals', 'audit'] as const) {
    await ask(journal, () => store.journal({ journal, from: null, descending: false, limit: 100 }));
  }
  return Promise.all(answers);
}

async function askLists(
  store: HistoryStore,
  seq: number,
  ask: (name: string, answer: () => Promise<unknown>) => Promise<void>,
): Promise<void> {
  await ask(`records at ${seq}`, () => store.get(KEYS, seq));
  for (const kind of Object.keys(FIELDS) as ListedKind[]) {
    const list = { kind, integrations: null, filter: null, seq };
    await ask(`number of ${kind} at ${seq}`, () => store.count(list));
    for (const [field, spec] of Object.entries(FIELDS[kind])) {
      const either = [
        { field, eq: null },
        { field, contains: 'ü' },
        { field, in: ['42', '103'] },
      ];
      for (const filter of [{ field, gte: OLD }, { or: either }]) {
        await ask(`${kind} at ${seq} by ${JSON.stringify(filter)}`, () => store.count({ ...list, filter }));
      }
      if (!('order' in spec)) continue;
      for (const descending of [true, false]) {
        const page = { ...list, orderBy: field, descending, after: null, limit: 100 };
        await ask(`${kind} at ${seq} in the order of ${field}`, () => store.page(page));
      }
    }
  }
  await ask(`campaigns of a message at ${seq}`, () =>
    store.referrers('campaign', 'messageId', 'default', ['101', '103'], seq),
  );
  await ask(`cases of a threat at ${seq}`, () =>
    store.referrers('case', 'threatId', 'default', ['t1', '42'], seq),
  );
}

function refusal(error: unknown): string {
  return error instanceof HistoryError ? `refused (${error.code})` : 'refused';
}

const ISO = /^\d{4}-\d{2}-\d{2}T/;

/** What a value may be made into: near what it is, and far from it. */
export function alteredValues(value: unknown): unknown[] {
  if (typeof value === 'boolean') return [!value];
  if (typeof value === 'bigint') return [value + 1n, 1];
  if (typeof value === 'number') return [value + 1, value > 1 ? 1 : 0].filter((other) => other !== value);
  if (value === null || value === undefined) return ['x'];
  if (typeof value !== 'string') return [null];
  if (ISO.test(value)) return ['0001-01-01T00:00:00.000Z', shift(value, 1)];
  return [`${value}x`, '1'].filter((other) => other !== value);
}

/** A JSON text with each of its keys altered in turn, with the path; of lists, the first and last entry. */
export function alteredJson(text: string): [path: string, json: string][] {
  const edits: [string, string][] = [];
  const walk = (value: unknown, path: string, put: (other: unknown) => unknown) => {
    if (typeof value !== 'object' || value === null) {
      for (const other of alteredValues(value)) edits.push([path, JSON.stringify(put(other))]);
    } else if (Array.isArray(value)) {
      edits.push([`${path}[]`, JSON.stringify(put([]))]);
      if (value.length > 0) walk(value[0], `${path}[0]`, (other) => put([other, ...value.slice(1)]));
    } else {
      for (const [key, part] of Object.entries(value)) {
        walk(part, `${path}.${key}`, (other) => put({ ...value, [key]: other }));
      }
    }
  };
  walk(JSON.parse(text), '', (other) => other);
  return edits;
}
