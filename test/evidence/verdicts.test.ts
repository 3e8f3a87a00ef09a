import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Verdict } from '../../src/controls/control.js';
import type { ControlResult } from '../../src/controls/evaluate.js';
import { openStore } from '../../src/history/open-store.js';
import type { Instant } from '../../src/model/instant.js';
import { mail } from '../support/control-facts.js';
import { ask, recordHistory, type Seen } from '../support/evidence-history.js';
import { sampleCampaign, sampleCase, sampleMessage, sampleThreat } from '../support/records.js';

/*
 * Verdicts against an independent computation. It knows what happened, not what was recorded, and works in plain
 * loops over arrays of milliseconds.
 */

const HOUR = 3_600_000;
const LAG = 15 * 60_000;
const POLLS = { from: Date.parse('2026-08-20T00:00:00Z'), to: Date.parse('2026-09-22T00:00:00Z') };
const PERIOD = { from: Date.parse('2026-09-01T00:00:00Z'), to: Date.parse('2026-09-15T00:00:00Z') };
const iso = (ms: number): Instant => new Date(ms).toISOString();

interface Mail {
  readonly received: number;
  /** Milliseconds until it was remediated; `null`: never. */
  readonly after: number | null;
  readonly kind: 'attack' | 'spam' | 'safe';
}

interface Task {
  readonly start: number;
  readonly after: number | null;
}

interface World {
  readonly threats: readonly (readonly Mail[])[];
  readonly cases: readonly Task[];
  readonly reports: readonly Task[];
  readonly outage: { readonly from: number; readonly to: number; readonly caughtUp: boolean } | null;
}

const time = fc.oneof(
  { arbitrary: fc.integer({ min: PERIOD.from - 48 * HOUR, max: PERIOD.to + 48 * HOUR }), weight: 8 },
  { arbitrary: fc.constantFrom(PERIOD.from - 1, PERIOD.from, PERIOD.to - 1, PERIOD.to), weight: 1 },
);
const wait = (limit: number) =>
  fc.oneof(
    { arbitrary: fc.integer({ min: 0, max: 3 * limit }), weight: 2 },
    { arbitrary: fc.integer({ min: 0, max: limit / 100 }), weight: 5 },
    { arbitrary: fc.constantFrom(null, limit, limit + 1), weight: 1 },
  );
const mails = fc.record({
  received: time,
  after: wait(24 * HOUR),
  kind: fc.constantFrom('attack', 'attack', 'attack', 'spam', 'safe'),
});
const tasks = (limit: number) => fc.array(fc.record({ start: time, after: wait(limit) }), { maxLength: 6 });
const worlds: fc.Arbitrary<World> = fc.record({
  threats: fc.array(fc.array(mails, { minLength: 1, maxLength: 3 }), { maxLength: 25 }),
  cases: tasks(24 * HOUR),
  reports: tasks(48 * HOUR),
  outage: fc.option(
    fc
      .record({
        start: fc.integer({ min: 2, max: 180 }),
        hours: fc.integer({ min: 1, max: 12 }),
        caughtUp: fc.boolean(),
      })
      .map(({ start, hours, caughtUp }) => {
        const from = POLLS.from + start * 4 * HOUR;
        return { from, to: from + hours * 4 * HOUR, caughtUp };
      }),
    { freq: 2 },
  ),
});

/** The first poll at which something is seen that happens at `at`, and what it is seen as then. */
function pollAfter(at: number, every: number, outage: World['outage']): number {
  let poll = POLLS.from + Math.ceil((at - POLLS.from) / every) * every;
  while (outage && poll >= outage.from && poll < outage.to) poll += every;
  return poll;
}

function seenOf({ threats, cases, reports, outage }: World): Seen[] {
  const seen: Seen[] = [];
  threats.forEach((messages, i) => {
    const last = Math.max(...messages.map(({ received, after }) => received + (after ?? 0)));
    const record = sampleThreat(`t${i}`, {
      recipientCount: messages.length,
      messages: messages.map(({ received, after, kind }, j) => {
        const changes = { judgementRaw: kind === 'spam' ? 'Spam' : 'Attack' };
        const safe = kind === 'safe' ? { remediationStatusRaw: 'Marked Safe' } : {};
        return sampleMessage(`${i}-${j}`, mail(iso(received), after, { ...changes, ...safe }));
      }),
    });
    seen.push({ at: iso(Math.min(pollAfter(last, 4 * HOUR, outage), POLLS.to)), threat: record });
  });
  cases.forEach(({ start, after }, i) => {
    const base = { customerVisibleTime: iso(start), createdTime: iso(start) };
    const open = sampleCase(`c${i}`, { ...base, statusRaw: 'Action Required', lastModifiedTime: iso(start) });
    const end = start + (after ?? 10 * 24 * HOUR);
    const found = pollAfter(start, 4 * HOUR, outage);
    for (let poll = found; poll < end && poll <= POLLS.to; poll = pollAfter(poll + 1, 4 * HOUR, outage)) {
      seen.push({ at: iso(poll), case: open });
    }
    const taken = { ...open, statusRaw: 'Acknowledged (In progress)', lastModifiedTime: iso(end) };
    const at = Math.max(found, pollAfter(end, 4 * HOUR, outage));
    if (after !== null && at <= POLLS.to) seen.push({ at: iso(at), case: taken });
  });
  reports.forEach(({ start, after }, i) => {
    const base = { firstReportedTime: iso(start), lastReportedTime: iso(start) };
    const end = start + (after ?? Number.POSITIVE_INFINITY);
    const found = pollAfter(start, 24 * HOUR, outage);
    for (let poll = found; poll <= POLLS.to; poll = pollAfter(poll + 1, 24 * HOUR, outage)) {
      const judgementStatusRaw = poll >= end ? 'Safe' : 'Scanning';
      seen.push({ at: iso(poll), campaign: sampleCampaign(`r${i}`, { ...base, judgementStatusRaw }) });
    }
  });
  return seen;
}

interface Expected {
  readonly verdict: Verdict;
  readonly count: number;
  readonly met: number;
  readonly missed: number;
}

/** What no reading vouches for, of a stream that is polled so often. */
function holeOf({ outage }: World, every: number): { from: number; to: number } | null {
  if (!outage || outage.caughtUp) return null;
  const first = POLLS.from + Math.ceil((outage.from - POLLS.from) / every) * every;
  return first < outage.to ? { from: first - every - LAG, to: outage.to } : null;
}

function verdictOf(
  covered: boolean,
  met: number,
  missed: number,
  doubtful: number,
  tooSlow = false,
): Verdict {
  if (missed > 0 || tooSlow) return 'FAIL';
  if (!covered || doubtful > 0) return 'INSUFFICIENT_DATA';
  return met === 0 ? 'NOT_APPLICABLE' : 'PASS';
}

const meets = (hole: { from: number; to: number } | null, from: number, to: number) =>
  hole !== null && hole.from < to && hole.to > from;

function expectedRemediation(world: World): Expected {
  const hole = holeOf(world, 4 * HOUR);
  const own = world.threats
    .flat()
    .filter(({ received, kind }) => kind === 'attack' && received >= PERIOD.from && received < PERIOD.to);
  const times = own.flatMap(({ after }) => after ?? []).sort((a, b) => a - b);
  const open = own.filter(({ after }) => after === null);
  const doubtful = open.filter(({ received }) => meets(hole, received, received + 24 * HOUR)).length;
  const missed = open.length - doubtful;
  const rank = (percent: number) => times[Math.ceil((percent * times.length) / 100) - 1] ?? 0;
  const tooSlow = rank(50) > HOUR / 12 || rank(95) > 4 * HOUR;
  const covered = !meets(hole, PERIOD.from, PERIOD.to);
  const verdict = verdictOf(covered, times.length, missed, doubtful, tooSlow);
  return { verdict, count: own.length, met: times.length, missed };
}

/** A case tells when it was modified, so it is known exactly unless nobody looked until after its deadline. */
function expectedCases(world: World): Expected {
  const hole = holeOf(world, 4 * HOUR);
  const own = world.cases.filter(({ start }) => start >= PERIOD.from && start < PERIOD.to);
  let [met, missed, doubtful] = [0, 0, 0];
  for (const { start, after } of own) {
    const deadline = start + 24 * HOUR;
    const end = start + (after ?? 10 * 24 * HOUR);
    const looks: number[] = [];
    for (
      let at = pollAfter(start, 4 * HOUR, world.outage);
      at < end;
      at = pollAfter(at + 1, 4 * HOUR, world.outage)
    ) {
      looks.push(at);
    }
    const isSeen =
      after !== null &&
      Math.max(pollAfter(start, 4 * HOUR, world.outage), pollAfter(end, 4 * HOUR, world.outage)) <= POLLS.to;
    // what the history can know: the last look that found it open before it was seen done, or the only version's first
    const lastOpen = isSeen ? (looks.at(-1) ?? null) : (looks[0] ?? null);
    if (isSeen && end <= deadline) met += 1;
    else if (lastOpen !== null && lastOpen >= deadline) missed += 1;
    else if (!isSeen && !meets(hole, start, deadline)) missed += 1;
    else doubtful += 1;
  }
  const covered = !meets(hole, PERIOD.from, PERIOD.to + coverageRun(world, 4 * HOUR));
  return { verdict: verdictOf(covered, met, missed, doubtful), count: own.length, met, missed };
}

/** A period of cases or campaigns must be covered until the poll that completed it. */
function coverageRun({ outage }: World, every: number): number {
  let poll = POLLS.from + Math.ceil((PERIOD.to + LAG - POLLS.from) / every) * every;
  while (outage && poll >= outage.from && poll < outage.to) poll += every;
  return poll - LAG - PERIOD.to;
}

function expectedReports(world: World): Expected {
  const hole = holeOf(world, 24 * HOUR);
  const own = world.reports.filter(({ start }) => start >= PERIOD.from && start < PERIOD.to);
  let [met, missed, doubtful] = [0, 0, 0];
  for (const { start, after } of own) {
    const deadline = start + 48 * HOUR;
    const end = start + (after ?? Number.POSITIVE_INFINITY);
    const looks: number[] = [];
    for (
      let at = pollAfter(start, 24 * HOUR, world.outage);
      at <= POLLS.to;
      at = pollAfter(at + 1, 24 * HOUR, world.outage)
    ) {
      looks.push(at);
    }
    const seenDone = looks.find((at) => at >= end) ?? null;
    const open = looks.filter((at) => at < end);
    if (seenDone !== null && seenDone <= deadline) met += 1;
    else if (seenDone !== null && (open.at(-1) ?? 0) >= deadline) missed += 1;
    else if (seenDone !== null) doubtful += 1;
    else if ((open[0] ?? 0) >= deadline || looks.filter((at) => at >= deadline).length > 1) missed += 1;
    else doubtful += 1;
  }
  const covered = !meets(hole, PERIOD.from, PERIOD.to + coverageRun(world, 24 * HOUR));
  return { verdict: verdictOf(covered, met, missed, doubtful), count: own.length, met, missed };
}

function brief(result: ControlResult | undefined): Expected | undefined {
  if (!result) return undefined;
  const { verdict, population, outcomes } = result;
  return { verdict, count: population.count, met: outcomes.MET, missed: outcomes.EXCEPTION };
}

test('verdicts, populations and exceptions equal those of an independent computation', async () => {
  const controls = [
    'attacks-captured',
    'attacks-remediated',
    'account-takeover-handled',
    'abuse-mailbox-operating',
  ];
  const runs = Number(process.env.EVIDENCE_RUNS ?? 40);
  await fc.assert(
    fc.asyncProperty(worlds, async (world) => {
      const store = await openStore('sqlite::memory:', 'write');
      try {
        const { outage } = world;
        const outages = outage ? [{ ...outage, from: iso(outage.from), to: iso(outage.to) }] : [];
        const span = { from: iso(POLLS.from), to: iso(POLLS.to) };
        await recordHistory(store, { ...span, outages: () => outages, seen: seenOf(world) });
        const period = `${iso(PERIOD.from)}/${iso(PERIOD.to)}`;
        const { results } = await ask(store, { period, controls });
        const [captured, remediated, handled, judged] = results;
        expect({ remediated: brief(remediated), handled: brief(handled), judged: brief(judged) }).toEqual({
          remediated: expectedRemediation(world),
          handled: expectedCases(world),
          judged: expectedReports(world),
        });
        const hole = holeOf(world, 4 * HOUR);
        expect(captured?.verdict).toBe(meets(hole, PERIOD.from, PERIOD.to) ? 'FAIL' : 'PASS');
      } finally {
        await store.close();
      }
    }),
    { numRuns: runs },
  );
}, 300_000);

test('the naive gaps are those that a hole leaves', () => {
  const at = POLLS.from + 10 * 4 * HOUR;
  const world = {
    threats: [],
    cases: [],
    reports: [],
    outage: { from: at, to: at + 8 * HOUR, caughtUp: false },
  };
  expect(holeOf(world, 4 * HOUR)).toEqual({ from: at - 4 * HOUR - LAG, to: at + 8 * HOUR });
});
