import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { EvaluatedControl } from '../../src/controls/evaluate.js';
import type { PeriodEvidence } from '../../src/evidence/evaluate-period.js';
import { openStore } from '../../src/history/open-store.js';
import type { HistoryStore, Pin } from '../../src/history/store.js';
import type { ReconciliationRecord, RunRecord } from '../../src/model/run.js';
import type { ThreatRecord } from '../../src/resources/threat/threat.js';
import type { Instant } from '../../src/values/instant.js';
import { mail } from '../support/control-facts.js';
import { ask, hoursAfter, recordHistory, type Seen } from '../support/evidence-history.js';
import {
  batchOf,
  observeThreat,
  sampleCampaign,
  sampleCase,
  sampleMessage,
  sampleRun,
  sampleThreat,
} from '../support/records.js';

/*
 * September 2026 of one account, with failings planted: an outage that was caught up, one that was not, three
 * messages left in mailboxes, a case taken up too late, and an old token.
 */

const CAUGHT_UP = { from: '2026-09-08T00:00:00.000Z', to: '2026-09-09T00:00:00.000Z', caughtUp: true };
const LOST = { from: '2026-09-20T00:00:00.000Z', to: '2026-09-20T12:00:00.000Z', caughtUp: false };

/** A threat received at an instant and collected two hours later. */
function threat(id: string, at: Instant, changes: readonly (readonly [string, number | null])[]): Seen[] {
  const messages = changes.map(([messageId, ms]) => sampleMessage(messageId, mail(at, ms)));
  return [{ at: hoursAfter(at, 2), threat: sampleThreat(id, { messages, recipientCount: messages.length }) }];
}

const day = (number: number, hour = 0) => hoursAfter('2026-09-01T00:00:00.000Z', (number - 1) * 24 + hour);

function caseSteps(id: string, start: Instant, takenAfter: number): Seen[] {
  const base = { customerVisibleTime: start, createdTime: start, threatIds: [] };
  const open = sampleCase(id, { ...base, statusRaw: 'Action Required', lastModifiedTime: start });
  const at = hoursAfter(start, takenAfter);
  const taken = sampleCase(id, { ...base, statusRaw: 'Acknowledged (In progress)', lastModifiedTime: at });
  return [
    { at: hoursAfter(start, 1), case: open },
    // open cases are read again each cycle
    { at: hoursAfter(start, takenAfter - 1), case: open },
    { at: hoursAfter(start, takenAfter + 1), case: taken },
  ];
}

function report(id: string, at: Instant): Seen[] {
  const campaign = sampleCampaign(id, { firstReportedTime: at, lastReportedTime: at });
  return [{ at: hoursAfter(at, 5), campaign }];
}

const SEEN: Seen[] = [
  ...Array.from({ length: 60 }, (_, i) => threat(`t${i}`, day(1 + (i % 28), 9), [[`m${i}`, 9_000]])).flat(),
  ...threat('left', day(15, 3), [
    ['left-1', null],
    ['left-2', null],
    ['done', 5_000],
  ]),
  ...threat('left-too', day(25, 5), [['left-3', null]]),
  ...threat('august', hoursAfter(day(1), -1), [['m-august', null]]),
  ...caseSteps('late', day(11), 30),
  ...caseSteps('in-time', day(12), 5),
  ...report('r1', day(5)),
];

let store: HistoryStore;
let head: Pin;

beforeAll(async () => {
  store = await openStore('sqlite::memory:', 'write');
  head = await recordHistory(store, {
    from: '2026-07-25T00:00:00.000Z',
    to: '2026-10-08T00:00:00.000Z',
    outages: () => [CAUGHT_UP, LOST],
    seen: SEEN,
  });
});

afterAll(() => store.close());

const credentials = [
  { integration: 'default', kind: 'TOKEN', issuedAt: '2026-01-01T00:00:00.000Z', expiresAt: null },
] as const;

const resultOf = (evidence: PeriodEvidence, id: string): EvaluatedControl => {
  const found = evidence.results.find(({ control }) => control === id);
  if (!found) throw new Error(`no ${id}`);
  return found;
};

describe('a month with planted failures', () => {
  let evidence: PeriodEvidence;
  beforeAll(async () => {
    evidence = await ask(store, { period: '2026-09', credentials });
  });

  test('gives each control the expected verdict', () => {
    expect(Object.fromEntries(evidence.results.map(({ control, verdict }) => [control, verdict]))).toEqual({
      'detection-active': 'INSUFFICIENT_DATA',
      'attacks-captured': 'FAIL',
      'attacks-remediated': 'FAIL',
      'account-takeover-handled': 'FAIL',
      'behavioural-ai-operating': 'INSUFFICIENT_DATA',
      'abuse-mailbox-operating': 'INSUFFICIENT_DATA',
      'collection-continuous': 'FAIL',
      'token-rotation': 'FAIL',
    });
  });

  test('makes attacks-captured name the outage that was not caught up, and nothing else', () => {
    const { exceptions } = resultOf(evidence, 'attacks-captured');
    expect(exceptions.map(({ subject }) => subject)).toEqual([
      {
        type: 'SPAN',
        stream: { integration: 'default', resource: 'threats', filterKey: 'receivedTime' },
        from: '2026-09-19T19:45:00.000Z',
        to: LOST.to,
      },
    ]);
  });

  test('makes attacks-remediated name the three messages that were left, and nothing else', () => {
    const { exceptions, population } = resultOf(evidence, 'attacks-remediated');
    const named = exceptions.map(
      ({ subject }) => subject.type === 'RECORD' && [subject.key.id, subject.messageId],
    );
    expect(named).toEqual([
      ['left', 'left-1'],
      ['left', 'left-2'],
      ['left-too', 'left-3'],
    ]);
    expect(population.count).toBe(64);
  });

  test('makes account-takeover-handled name the late case', () => {
    const { exceptions, population } = resultOf(evidence, 'account-takeover-handled');
    expect(exceptions.map(({ subject }) => subject.type === 'RECORD' && subject.key.id)).toEqual(['late']);
    expect(population.count).toBe(2);
  });

  test('makes collection-continuous name both outages in each stream', () => {
    const { exceptions } = resultOf(evidence, 'collection-continuous');
    const received = exceptions.flatMap(({ subject }) =>
      subject.type === 'SPAN' && subject.stream.filterKey === 'receivedTime'
        ? [[subject.from, subject.to]]
        : [],
    );
    expect(received).toEqual([
      ['2026-09-19T19:45:00.000Z', LOST.to],
      ['2026-09-07T20:00:00.000Z', CAUGHT_UP.to],
      // the poll at its very end has nothing new to read
      ['2026-09-19T20:00:00.000Z', hoursAfter(LOST.to, 4)],
    ]);
  });

  test('fails only for the late case in a span between the outages', async () => {
    const week = await ask(store, { period: '2026-09-09/2026-09-14', credentials: [] });
    expect(Object.fromEntries(week.results.map(({ control, verdict }) => [control, verdict]))).toMatchObject({
      'detection-active': 'PASS',
      'attacks-captured': 'PASS',
      'attacks-remediated': 'PASS',
      'account-takeover-handled': 'FAIL',
      'abuse-mailbox-operating': 'NOT_APPLICABLE',
      'collection-continuous': 'PASS',
    });
  });

  test('counts exceptions beyond the limit, and returns them by skipping', async () => {
    const question = { period: '2026-09', controls: ['attacks-remediated'] };
    const first = resultOf(
      await ask(store, { ...question, keep: { skip: 0, limit: 2 } }),
      'attacks-remediated',
    );
    const rest = resultOf(
      await ask(store, { ...question, keep: { skip: 2, limit: 2 } }),
      'attacks-remediated',
    );
    expect([first.outcomes.EXCEPTION, first.exceptions.length, rest.exceptions.length]).toEqual([3, 2, 1]);
    expect([...first.exceptions, ...rest.exceptions]).toEqual(
      resultOf(evidence, 'attacks-remediated').exceptions,
    );
  });

  test('reports every member of a population', async () => {
    const told: string[] = [];
    await ask(
      store,
      { period: '2026-09', controls: ['attacks-remediated'] },
      {
        onFinding: (_, { subject }) => {
          if (subject.type === 'RECORD') told.push(subject.messageId ?? '');
        },
      },
    );
    expect(told).toHaveLength(64);
    expect(new Set(told).size).toBe(64);
    expect(told).not.toContain('m-august');
  });
});

describe('the trend', () => {
  test.each(['DAY', 'WEEK', 'MONTH'] as const)(
    'by %s equals the evaluation of each part alone',
    async (trend) => {
      const evidence = await ask(store, { period: '2026-09-05/2026-09-22', trend, credentials });
      expect(evidence.trend.length).toBeGreaterThan(0);
      for (const { period, points } of evidence.trend) {
        // a part that is cut has no text of its own
        const alone = await ask(store, { period: `${period.from}/${period.to}`, credentials });
        const mix = (id: string) => id === 'behavioural-ai-operating';
        const expected = alone.results.map(({ control, verdict, population, outcomes }) => {
          return { control, verdict, count: population.count, exceptions: outcomes.EXCEPTION };
        });
        expect(points.filter(({ control }) => !mix(control))).toMatchObject(
          expected.filter(({ control }) => !mix(control)),
        );
      }
    },
  );

  test('by day adds up to the month', async () => {
    const evidence = await ask(store, { period: '2026-09', trend: 'DAY', controls: ['attacks-remediated'] });
    const points = evidence.trend.flatMap(({ points }) => points);
    expect(points).toHaveLength(30);
    expect(points.reduce((sum, { count }) => sum + count, 0)).toBe(64);
    expect(points.reduce((sum, { exceptions }) => sum + exceptions, 0)).toBe(3);
  });
});

describe('evidence as of a pin', () => {
  test('stays the same, whatever is recorded afterwards', async () => {
    const pin = await store.pinAt('2026-09-26T12:00:00.000Z');
    const question = { period: '2026-09', pin, credentials, trend: 'WEEK' } as const;
    const own = await openStore('sqlite::memory:', 'write');
    await recordHistory(own, {
      from: '2026-07-25T00:00:00.000Z',
      to: '2026-09-26T12:00:00.000Z',
      outages: () => [CAUGHT_UP, LOST],
      seen: SEEN.filter(({ at }) => at <= '2026-09-26T12:00:00.000Z'),
    });
    // the history as it stood then, and the one that has gone on since, read at the same place
    const then = await ask(own, { ...question, pin: await own.head() });
    expect(JSON.stringify(await ask(store, question))).toBe(JSON.stringify(then));
    await own.close();
  });

  test('shows a message as pending that is an exception later', async () => {
    const pin = await store.pinAt('2026-09-25T20:00:00.000Z');
    const question = { period: '2026-09-25', controls: ['attacks-remediated'] };
    const [then, now] = [await ask(store, { ...question, pin }), await ask(store, question)];
    expect(resultOf(then, 'attacks-remediated').outcomes).toMatchObject({ PENDING: 1, EXCEPTION: 0 });
    expect(resultOf(now, 'attacks-remediated').outcomes).toMatchObject({ PENDING: 0, EXCEPTION: 1 });
    expect(head.seq).toBeGreaterThan(pin.seq);
  });

  test('is not changed by a confirmation after the pin', async () => {
    const own = await openStore('sqlite::memory:', 'write');
    const open = sampleCase('c', {
      statusRaw: 'Action Required',
      customerVisibleTime: day(2),
      lastModifiedTime: day(2),
    });
    const span = { from: '2026-08-25T00:00:00.000Z', to: '2026-09-20T00:00:00.000Z' };
    const pin = await recordHistory(own, { ...span, seen: [{ at: day(2, 1), case: open }] });
    const question = { period: '2026-W36', controls: ['account-takeover-handled'], pin };
    const before = await ask(own, question);
    const later = { from: '2026-09-20T04:00:00.000Z', to: '2026-09-22T00:00:00.000Z', prefix: 'later' };
    await recordHistory(own, { ...later, seen: [{ at: day(21), case: open }] });
    expect(await ask(own, question)).toEqual(before);
    await own.close();
  });

  test('is undecided before anything was recorded', async () => {
    const pin = await store.pinAt('2026-01-01T00:00:00.000Z');
    const { results, integrations } = await ask(store, { period: '2025-12', pin });
    expect(integrations).toEqual([]);
    expect(new Set(results.map(({ verdict }) => verdict))).toEqual(new Set(['INSUFFICIENT_DATA']));
  });

  test('does not miss an account that was added after the pin', async () => {
    const own = await openStore('sqlite::memory:', 'write');
    const span = { from: '2026-08-25T00:00:00.000Z', to: '2026-09-20T00:00:00.000Z' };
    const pin = await recordHistory(own, span);
    const question = { period: '2026-W36', pin };
    const before = await ask(own, question);
    const later = { from: '2026-09-21T00:00:00.000Z', to: '2026-09-22T00:00:00.000Z', prefix: 'other' };
    await recordHistory(own, { ...later, integration: 'other' });
    expect(await ask(own, question)).toEqual(before);
    expect((await ask(own, { period: '2026-W36' })).integrations).toEqual(['default', 'other']);
    await own.close();
  });
});

describe('records without a time', () => {
  const undated = (id: string): ThreatRecord =>
    sampleThreat(id, { messages: [sampleMessage(id, mail('', null, { receivedTime: null }))] });

  test('belong to the time of their first recording, whatever happened to them later', async () => {
    const own = await openStore('sqlite::memory:', 'write');
    await recordHistory(own, {
      from: '2026-08-20T00:00:00.000Z',
      to: '2026-10-08T00:00:00.000Z',
      seen: [
        { at: day(10), threat: undated('u1') },
        { at: day(34), threat: { ...undated('u1'), recipientCount: 7 } },
        { at: day(33), threat: undated('u2') },
        { at: day(12), threat: sampleThreat('empty', { messages: [] }) },
      ],
    });
    const { results } = await ask(own, {
      period: '2026-09',
      controls: ['attacks-captured', 'attacks-remediated'],
    });
    expect(results.map(({ population }) => population.count)).toEqual([2, 1]);
    expect(results[0]?.exceptions.map(({ subject }) => subject)).toMatchObject([{ key: { id: 'empty' } }]);
    await own.close();
  });
});

describe('reconciliations with Abnormal’s own population', () => {
  test('count once they have ended, and their missing records count until they are stored', async () => {
    const own = await openStore('sqlite::memory:', 'write');
    const span = { from: '2026-08-20T00:00:00.000Z', to: '2026-10-02T00:00:00.000Z' };
    await recordHistory(own, { ...span, seen: threat('held', day(3), [['m', 1000]]) });
    const none = { count: 0, ids: [] };
    const reconciliation: ReconciliationRecord = {
      ...{
        from: day(1),
        to: day(31),
        verdict: 'SHORT',
        reason: null,
        failure: null,
        sources: ['LIST'],
        basis: 'IDS',
      },
      ...{
        population: 2,
        declared: 2,
        held: 1,
        missing: { count: 1, ids: ['late'] },
        extra: none,
        gone: none,
        opened: [],
      },
    };
    const run = (changes: Partial<RunRecord>) =>
      sampleRun('compare', { trigger: 'RECONCILE', startedAt: '2026-10-03T00:00:00.000Z', ...changes });
    const now = '2026-10-03T01:00:00.000Z';
    await own.record(batchOf('begun', { now: '2026-10-03T00:00:00.000Z', run: run({}) }));
    const begun = await own.head();
    await own.record(
      batchOf('ended', { now, run: run({ endedAt: now, status: 'SUCCEEDED', reconciliation }) }),
    );
    const ended = await own.head();
    await own.record(
      batchOf('filled', {
        now: '2026-10-04T00:00:00.000Z',
        observations: [
          observeThreat(sampleThreat('late', { messages: [sampleMessage('x', mail(day(4), 1000))] })),
        ],
      }),
    );
    const judge = async (pin: Pin) => {
      const { results } = await ask(own, { period: '2026-09', controls: ['attacks-captured'], pin });
      const [result] = results;
      return [
        result?.verdict,
        result?.exceptions.map(({ subject }) => subject.type === 'RECORD' && subject.key.id),
      ];
    };
    expect(await judge(begun)).toEqual(['PASS', []]);
    expect(await judge(ended)).toEqual(['FAIL', ['late']]);
    expect(await judge(await own.head())).toEqual(['PASS', []]);
    expect(await judge(ended)).toEqual(['FAIL', ['late']]);
    await own.close();
  });
});
