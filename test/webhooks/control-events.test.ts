import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { controlsOf } from '../../src/controls/registry.js';
import { POSTURE_WINDOWS } from '../../src/evidence/posture.js';
import { openStore } from '../../src/history/open-store.js';
import type { HistoryStore } from '../../src/history/store.js';
import { applyPolicy } from '../../src/policy/policy.js';
import { readPolicy } from '../../src/policy/read-policy.js';
import type { Instant } from '../../src/values/instant.js';
import { createControlDetector } from '../../src/webhooks/control-events.js';
import { detectEvents } from '../../src/webhooks/detect-events.js';
import { mail } from '../support/control-facts.js';
import { ask, hoursAfter, recordHistory, type Seen } from '../support/evidence-history.js';
import { sampleMessage, sampleThreat } from '../support/records.js';

const FROM = '2026-03-01T00:00:00.000Z';
const TO = '2026-09-01T06:00:00.000Z';
const LEFT_AT = '2026-05-20T09:00:00.000Z';

function received(id: string, at: Instant, remediatedAfter: number | null): Seen {
  const messages = [sampleMessage(`m-${id}`, mail(at, remediatedAfter))];
  return { at: hoursAfter(at, 2), threat: sampleThreat(id, { messages, recipientCount: 1 }) };
}

/** An attack a day, each remediated at once, except one that stays in its mailbox. */
const seen = [
  ...Array.from({ length: 180 }, (_, i) => received(`t${i}`, hoursAfter(FROM, 24 * i + 5), 9_000)),
  received('left', LEFT_AT, null),
];

const WAIVER = `version: 1
waivers:
  - { control: attacks-remediated, subject: { record: "left" }, reason: r, owner: o, ticket: T-1, from: 2026-05-01, expires: 2026-06-10 }
`;

// test/webhooks/detect-events.test.ts has both stores; evaluations have theirs in test/evidence
describe('events of controls', { shuffle: false }, () => {
  let store: HistoryStore;

  beforeAll(async () => {
    store = await openStore('sqlite::memory:', 'write');
    await recordHistory(store, { from: FROM, to: TO, seen });
    detector = newDetector();
  });
  afterAll(() => store.close());

  let policy = 'version: 1\n';
  let at: Instant = FROM;
  const rules = () => {
    const result = readPolicy(policy);
    if (!result.ok) throw new Error(JSON.stringify(result.problems));
    return applyPolicy(result.policy);
  };
  const newDetector = () =>
    createControlDetector({
      ...{ store, isWanted: () => true, rest: 0 },
      request: async () => ({
        ...{ controls: controlsOf(null), windows: POSTURE_WINDOWS, integrations: null, rules: rules() },
        ...{ pin: await store.pinAt(at), now: at, credentials: [] },
      }),
    });
  let detector: ReturnType<typeof newDetector>;
  /** What is new at an instant. */
  const newAt = async (instant: Instant): Promise<Record<string, unknown>[]> => {
    at = instant;
    const before = await store.journalLength('events');
    const clock = () => Date.parse(at);
    await detectEvents({ store, clock, rules, integrations: () => [], more: [detector] });
    const query = { journal: 'events', from: before, descending: false, limit: 1000 } as const;
    return (await store.journal(query)).flatMap(({ body: { type, data } }) =>
      type === 'waiver.expiring' ? [] : [{ type, ...(data as Record<string, unknown>) }],
    );
  };
  const EXCEPTION = {
    ...{ integration: 'default', control: 'attacks-remediated', kind: 'threat', id: 'left' },
    messageId: 'm-left',
  };
  const verdictsOf = (events: readonly Record<string, unknown>[]) =>
    events.flatMap(({ type, control, window, before, verdict }) =>
      type === 'control.verdict_changed' && control === 'attacks-remediated'
        ? [[window, before, verdict]]
        : [],
    );

  test('the first evaluation tells nothing, and an exception and the verdict follow when it is overdue', async () => {
    expect(await newAt(hoursAfter(LEFT_AT, 20))).toEqual([]);
    const events = await newAt(hoursAfter(LEFT_AT, 30));
    expect(events.filter(({ type }) => type !== 'control.verdict_changed')).toEqual([
      { type: 'control.exception_opened', ...EXCEPTION },
    ]);
    expect(verdictsOf(events)).toContainEqual(['30d', 'PASS', 'FAIL']);
    // a report of the same view says the same
    const pin = await store.pinAt(at);
    const said = events.find(({ window, control }) => window === '7d' && control === 'attacks-remediated');
    expect(said).toMatchObject({ asOf: pin.at, measure: { name: expect.any(String) } });
    const { results } = await ask(store, {
      period: '2026-05-15/2026-05-21',
      pin,
      controls: ['attacks-remediated'],
    });
    expect(results[0]).toMatchObject({ verdict: 'FAIL', outcomes: { EXCEPTION: 1 } });
  });

  test('nothing is told again, also not by another process', async () => {
    expect(await newAt(at)).toEqual([]);
    detector = newDetector();
    expect(await newAt(at)).toEqual([]);
  });

  test('a waiver closes the exception, and its end opens it again', async () => {
    policy = WAIVER;
    const closed = await newAt(hoursAfter(LEFT_AT, 34));
    expect(closed).toContainEqual({ type: 'control.exception_closed', ...EXCEPTION, reason: 'RESOLVED' });
    expect(verdictsOf(closed)).toContainEqual(['30d', 'FAIL', 'PASS']);
    const opened = await newAt('2026-06-11T09:00:00.000Z');
    expect(opened).toContainEqual({ type: 'control.exception_opened', ...EXCEPTION });
  });

  test('an exception that leaves the longest window is closed as such', async () => {
    const events = await newAt('2026-08-25T09:00:00.000Z');
    expect(events.filter(({ type }) => type === 'control.exception_closed')).toEqual([
      { type: 'control.exception_closed', ...EXCEPTION, reason: 'OUT_OF_WINDOW' },
    ]);
    expect(verdictsOf(events)).toContainEqual(['90d', 'FAIL', 'PASS']);
  });
});
