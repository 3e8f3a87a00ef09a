import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { CONTROLS, controlsOf } from '../../src/controls/registry.js';
import {
  type ControlState,
  changeText,
  directionOf,
  evaluateBefore,
  evaluatePosture,
  POSTURE_WINDOWS,
  type PostureRequest,
} from '../../src/evidence/posture.js';
import { sinceOf } from '../../src/evidence/posture-since.js';
import { openStore } from '../../src/history/open-store.js';
import type { HistoryStore, Pin } from '../../src/history/store.js';
import { applyPolicy, CONTROL_IDS, type ControlId, NO_POLICY } from '../../src/policy/policy.js';
import { type Instant, shift } from '../../src/values/instant.js';
import { mail } from '../support/control-facts.js';
import { ask, hoursAfter, recordHistory, type Seen } from '../support/evidence-history.js';
import { testMongo } from '../support/mongo.js';
import { sampleMessage, sampleThreat } from '../support/records.js';

const FROM = '2026-06-01T00:00:00.000Z';
const TO = '2026-09-20T06:00:00.000Z';
const LEFT_AT = '2026-09-16T09:00:00.000Z';

function received(id: string, at: Instant, remediatedAfter: number | null): Seen {
  const messages = [sampleMessage(`m-${id}`, mail(at, remediatedAfter))];
  return { at: hoursAfter(at, 2), threat: sampleThreat(id, { messages, recipientCount: 1 }) };
}

/** One attack in six hours, each remediated at once, except one that is left in its mailbox. */
const seen: Seen[] = [
  ...Array.from({ length: 438 }, (_, i) => received(`t${i}`, hoursAfter(FROM, 30 + 6 * i), 9_000)),
  received('left', LEFT_AT, null),
];

const FAILING = {
  from: '2026-09-17T08:30:00.000Z',
  to: '2026-09-17T22:30:00.000Z',
  caughtUp: true,
  failure: 'Abnormal is down',
};

let store: HistoryStore;
let head: Pin;

beforeAll(async () => {
  store = await openStore('sqlite::memory:', 'write');
  head = await recordHistory(store, {
    ...{ from: FROM, to: TO, seen },
    outages: ({ resource }) => (resource === 'cases' ? [FAILING] : []),
  });
});

afterAll(() => store.close());

function request(changes: Partial<PostureRequest> = {}): PostureRequest {
  const pin = changes.pin ?? head;
  return {
    ...{ controls: controlsOf(null), windows: POSTURE_WINDOWS, pin, now: pin.at, integrations: null },
    ...{ rules: applyPolicy(NO_POLICY), credentials: [], ...changes },
  };
}

async function stateOf(control: ControlId, changes: Partial<PostureRequest> = {}): Promise<ControlState> {
  const { states } = await evaluatePosture(store, request({ controls: [CONTROLS[control]], ...changes }));
  const [state] = states;
  if (!state) throw new Error('no state');
  return state;
}

const DAY = { windows: ['LAST_24_HOURS'] } as const;
const WEEK = { windows: ['LAST_7_DAYS'] } as const;

describe('the current state of controls', () => {
  test('is the verdict of a report of the same period', async () => {
    const { states } = await evaluatePosture(store, request());
    expect(states).toHaveLength(CONTROL_IDS.length * POSTURE_WINDOWS.length);
    const verdicts = new Set<string>();
    for (const { result } of states) {
      const { results } = await ask(store, { period: result.period.text, controls: [result.control] });
      const { verdict, reason, headline, measures, outcomes } = results[0] ?? {};
      expect(result).toMatchObject({ verdict, reason, headline, measures, outcomes });
      verdicts.add(result.verdict);
    }
    expect([...verdicts].sort()).toEqual(['FAIL', 'INSUFFICIENT_DATA', 'NOT_APPLICABLE', 'PASS']);
  });

  test('passes for a window that ends where the streams of the control are collected', async () => {
    const { result, validUntil } = await stateOf('attacks-captured', DAY);
    expect(result.verdict).toBe('PASS');
    // a poll of 04:00 settles what happened 15 minutes before it; the next is overdue 15 minutes after 08:00
    expect(result.period).toMatchObject({ from: '2026-09-19T03:45:00.000Z', to: '2026-09-20T03:45:00.000Z' });
    expect(validUntil).toBe('2026-09-20T08:15:00.000Z');
  });

  test('is not decided any more when a poll is overdue', async () => {
    const { validUntil } = await stateOf('attacks-captured', DAY);
    const until = validUntil ?? '';
    const before = await stateOf('attacks-captured', { ...DAY, now: until });
    const after = await stateOf('attacks-captured', { ...DAY, now: shift(until, 1) });
    expect(before.result.verdict).toBe('PASS');
    expect(after).toMatchObject({ validUntil: null, result: { verdict: 'INSUFFICIENT_DATA' } });
    const years = await stateOf('token-rotation', { ...DAY, now: hoursAfter(TO, 20_000) });
    expect(years).toMatchObject({ validUntil: null, result: { verdict: 'INSUFFICIENT_DATA' } });
  });

  test('shows failed polls from when they are known until they have left the window', async () => {
    const views: string[] = [];
    for (let hours = 0; hours < 69; hours += 1) {
      const pin = await store.pinAt(hoursAfter('2026-09-17T08:30:00.000Z', hours));
      views.push((await stateOf('detection-active', { ...DAY, pin })).result.verdict);
    }
    const runs = views.filter((verdict, i) => verdict !== views[i - 1]);
    expect(runs).toEqual(['PASS', 'FAIL', 'PASS']);
  });

  test('before the first recording nothing is decided', async () => {
    const empty = await openStore('sqlite::memory:', 'write');
    const pin = await empty.head();
    const { states } = await evaluatePosture(empty, request({ pin, now: TO }));
    expect(new Set(states.map(({ result }) => result.verdict))).toEqual(new Set(['INSUFFICIENT_DATA']));
    await empty.close();
  });
});

describe('since when a control is in its state', () => {
  test('is the first recording of an unbroken row with the verdict', async () => {
    const asked = request({ ...WEEK, controls: controlsOf(['attacks-remediated', 'attacks-captured']) });
    const { states } = await evaluatePosture(store, asked);
    const [sinceCaptured, sinceRemediated] = await sinceOf(store, asked, states);
    const [, remediated] = states as [ControlState, ControlState];
    expect(remediated.result.verdict).toBe('FAIL');
    // by looking at every recording
    const batches = await store.batches({ afterSeq: 0, toSeq: head.seq, limit: 10_000 });
    let [first, before] = [head.at, ''];
    for (const { seq, at } of batches.toReversed()) {
      const { result } = await stateOf('attacks-remediated', { ...WEEK, pin: { seq, at } });
      before = result.verdict;
      if (before !== 'FAIL') break;
      first = at;
    }
    expect(sinceRemediated).toEqual({ at: first, before });
    expect(first > LEFT_AT).toBe(true);
    // it passed in all of the seven days that are looked at
    expect(sinceCaptured).toEqual({ at: '2026-09-14T00:00:00.000Z', before: null });
  });

  test('is when the poll became overdue, if that changed the verdict', async () => {
    const asked = request({ ...DAY, now: hoursAfter(TO, 30), controls: [CONTROLS['attacks-captured']] });
    const { states } = await evaluatePosture(store, asked);
    const [since] = await sinceOf(store, asked, states);
    expect(since).toEqual({ at: '2026-09-20T08:15:00.000Z', before: 'PASS' });
  });

  test('is the first recording that decided it, in a history that began a short time ago', async () => {
    const young = await openStore('sqlite::memory:', 'write');
    const start = '2026-09-10T00:00:00.000Z';
    const ended = await recordHistory(young, { from: start, to: hoursAfter(start, 60) });
    const asked = request({ ...DAY, pin: ended, now: ended.at, controls: [CONTROLS['attacks-captured']] });
    const { states } = await evaluatePosture(young, asked);
    const [since] = await sinceOf(young, asked, states);
    expect(states[0]?.result.verdict).toBe('PASS');
    expect(since).toEqual({ at: '2026-09-10T20:00:00.000Z', before: 'INSUFFICIENT_DATA' });
    await young.close();
  });

  test('is the first recording at the earliest, in a history that never decided it', async () => {
    const young = await openStore('sqlite::memory:', 'write');
    const ended = await recordHistory(young, { from: '2026-09-10T00:00:00.000Z', to: hoursAfter(TO, -238) });
    const [first] = await young.batches({ afterSeq: 0, toSeq: 1, limit: 1 });
    const asked = request({ ...WEEK, pin: ended, now: ended.at });
    const { states } = await evaluatePosture(young, asked);
    const found = await sinceOf(young, asked, states);
    const undecided = found.filter((_, i) => states[i]?.result.verdict === 'INSUFFICIENT_DATA');
    expect(undecided.length).toBeGreaterThan(2);
    expect(undecided).toEqual(undecided.map(() => ({ at: first?.at, before: null })));
    expect(found.filter(({ at }) => at < String(first?.at))).toEqual([]);
    await young.close();
  });
});

describe('the window before', () => {
  test('is as long, ends where the window begins, and shows the direction', async () => {
    const asked = request({ ...WEEK, controls: [CONTROLS['attacks-remediated']] });
    const { states } = await evaluatePosture(store, asked);
    const [before] = await evaluateBefore(store, asked, states);
    const [now] = states;
    if (!before || !now) throw new Error('no state');
    expect(before.period.to).toBe(now.result.period.from);
    expect([before.verdict, now.result.verdict]).toEqual(['PASS', 'FAIL']);
    expect(directionOf(now.result, before)).toBe('WORSENING');
    expect(directionOf(before, now.result)).toBe('IMPROVING');
    expect(directionOf(before, before)).toBe('STEADY');
  });
});

const mongo = await testMongo();

test.runIf(mongo)(
  'both stores have the same states, since the same recordings',
  async () => {
    const url = mongo?.freshUrl() ?? '';
    const plan = {
      from: '2026-09-10T00:00:00.000Z',
      to: TO,
      seen: seen.filter(({ at }) => at > '2026-09-10'),
    };
    const found: unknown[] = [];
    for (const each of [url, 'sqlite::memory:']) {
      const other = await openStore(each, 'write');
      const pin = await recordHistory(other, plan);
      const asked = request({ ...WEEK, pin, now: pin.at });
      const { states } = await evaluatePosture(other, asked);
      found.push([states, await sinceOf(other, asked, states), await evaluateBefore(other, asked, states)]);
      await other.close();
    }
    await mongo?.drop(url);
    expect(found[0]).toEqual(found[1]);
  },
  120_000,
);

test('what would change a verdict is the nearest bound, or the next step', async () => {
  const left = await stateOf('attacks-remediated', WEEK);
  expect(changeText(left.result)).toBe(left.result.headline.next);
  const captured = await stateOf('attacks-captured', DAY);
  expect(changeText(captured.result)).toMatch(/^“.+” (below|above) .+; it is .+ now\.$/);
});
