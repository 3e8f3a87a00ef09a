import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { CredentialFact, Verdict } from '../../src/controls/control.js';
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
const POLLS = { from: Date.parse('2026-08-14T00:00:00Z'), to: Date.parse('2026-09-22T00:00:00Z') };
const PERIOD = { from: Date.parse('2026-09-01T00:00:00Z'), to: Date.parse('2026-09-15T00:00:00Z') };
const BEFORE = { from: 2 * PERIOD.from - PERIOD.to, to: PERIOD.from };
const iso = (ms: number): Instant => new Date(ms).toISOString();

interface Mail {
  readonly received: number;
  /** Milliseconds until it was remediated; `null`: never. */
  readonly after: number | null;
  readonly kind: 'attack' | 'spam' | 'safe';
  readonly behavioural: boolean;
}

interface Task {
  readonly start: number;
  readonly after: number | null;
}

interface World {
  readonly threats: readonly (readonly Mail[])[];
  readonly cases: readonly Task[];
  readonly reports: readonly Task[];
  readonly outage: Outage | null;
  /** Whether nothing that is received in the period is behavioural. */
  readonly dull: boolean;
  readonly token: Token;
}

interface Outage {
  readonly from: number;
  readonly to: number;
  readonly caughtUp: boolean;
  /** Whether Abnormal was asked meanwhile and did not answer. */
  readonly asked: boolean;
}

/** `null`: nothing is known of it. */
type Token = 'none' | { readonly issued: number; readonly expires: number | null } | null;

const time = fc.oneof(
  { arbitrary: fc.integer({ min: PERIOD.from - 48 * HOUR, max: PERIOD.to + 48 * HOUR }), weight: 8 },
  { arbitrary: fc.integer({ min: BEFORE.from - 48 * HOUR, max: BEFORE.to }), weight: 5 },
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
  behavioural: fc.boolean(),
});
const DAY = 24 * HOUR;
const tokens: fc.Arbitrary<Token> = fc.oneof(
  fc.constantFrom(null, 'none' as const),
  fc.record({
    issued: fc.oneof(
      fc.integer({ min: PERIOD.to - 200 * DAY, max: PERIOD.to + 5 * DAY }),
      fc.constantFrom(PERIOD.to - 90 * DAY, PERIOD.to - 90 * DAY - 1, PERIOD.to, PERIOD.to + 1),
    ),
    expires: fc.option(fc.constantFrom(PERIOD.to - 1, PERIOD.to, PERIOD.to + 1)),
  }),
);
const tasks = (limit: number) => fc.array(fc.record({ start: time, after: wait(limit) }), { maxLength: 6 });
const worlds: fc.Arbitrary<World> = fc.record({
  threats: fc.oneof(
    fc.array(fc.array(mails, { minLength: 1, maxLength: 3 }), { maxLength: 25 }),
    fc.array(fc.array(mails, { minLength: 2, maxLength: 4 }), { minLength: 60, maxLength: 90 }),
  ),
  dull: fc.nat({ max: 3 }).map((n) => n === 0),
  token: tokens,
  cases: tasks(24 * HOUR),
  reports: tasks(48 * HOUR),
  outage: fc.option(
    fc
      .record({
        start: fc.integer({ min: 2, max: 216 }),
        hours: fc.integer({ min: 1, max: 12 }),
        caughtUp: fc.boolean(),
        asked: fc.boolean(),
      })
      .map(({ start, hours, ...rest }) => {
        const from = POLLS.from + start * 4 * HOUR;
        return { from, to: from + hours * 4 * HOUR, ...rest };
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

/** Whether only behaviour gives a message away. */
function isBehavioural({ dull }: World, { received, behavioural }: Mail): boolean {
  return behavioural && !(dull && isIn(PERIOD, received));
}

const isIn = ({ from, to }: { from: number; to: number }, at: number) => at >= from && at < to;

function seenOf(world: World): Seen[] {
  const { threats, cases, reports, outage } = world;
  const seen: Seen[] = [];
  threats.forEach((messages, i) => {
    const last = Math.max(...messages.map(({ received, after }) => received + (after ?? 0)));
    const record = sampleThreat(`t${i}`, {
      recipientCount: messages.length,
      messages: messages.map((one, j) => {
        const { received, after, kind } = one;
        const attackTypeRaw = isBehavioural(world, one) ? 'Social Engineering (BEC)' : 'Malware';
        const judgementRaw = kind === 'spam' ? 'Spam' : 'Attack';
        const changes = { judgementRaw, attackTypeRaw, attackStrategyRaw: 'Unknown Sender' };
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
  const tries = triesIn(outage, every);
  const [first, last] = [tries[0], tries.at(-1)];
  if (first === undefined || last === undefined) return null;
  // what was asked for in vain has a name up to the last try, and is read from there on
  return { from: first - every - LAG, to: outage.asked ? last : outage.to };
}

/** The polls that an outage met. */
function triesIn(outage: Outage, every: number): number[] {
  return gridOf(every).filter((at) => at >= outage.from && at < outage.to);
}

function gridOf(every: number): number[] {
  const length = Math.floor((POLLS.to - POLLS.from) / every) + 1;
  return Array.from({ length }, (_, i) => POLLS.from + i * every);
}

/** The polls that were answered. The one right after an outage that is not caught up has nothing to ask for. */
function answersOf({ outage }: World, every: number): number[] {
  return gridOf(every).filter((at) => {
    if (!outage) return true;
    if (at >= outage.from && at < outage.to) return false;
    return outage.caughtUp || outage.asked || at !== outage.to || triesIn(outage, every).length === 0;
  });
}

/** How many stretches of a stream touch the period in which polls are missing. */
function silencesOf(world: World, every: number): number {
  const answers = answersOf(world, every);
  return answers.filter((to, i) => {
    const from = answers[i - 1] ?? to;
    return to - from > every + LAG && to > PERIOD.from && from < PERIOD.to;
  }).length;
}

/** The four streams by how often they are polled, with how far after the period's end they must be covered. */
function streamsOf(world: World) {
  const [quick, slow] = [4 * HOUR, 24 * HOUR];
  const stays = { every: quick, beyond: 0 };
  const moves = (every: number) => ({ every, beyond: coverageRun(world, every) });
  return [stays, stays, moves(quick), moves(slow)];
}

function holesOf(world: World): number {
  return streamsOf(world).filter(({ every, beyond }) =>
    meets(holeOf(world, every), PERIOD.from, PERIOD.to + beyond),
  ).length;
}

function expectedDetection(world: World): Expected {
  const silences = streamsOf(world).reduce((sum, { every }) => sum + silencesOf(world, every), 0);
  const isAsked = world.outage?.asked ?? false;
  const count = world.threats.filter((mails) => mails.some(({ received }) => isIn(PERIOD, received))).length;
  const isQuiet = count === 0 && !meets(holeOf(world, 4 * HOUR), PERIOD.from, PERIOD.to);
  const missed = isAsked ? silences : 0;
  const isOpen = silences > 0 || holesOf(world) > 0 || count === 0;
  const verdict = missed > 0 || isQuiet ? 'FAIL' : isOpen ? 'INSUFFICIENT_DATA' : 'PASS';
  return { verdict, count, met: 0, missed };
}

function expectedCollection(world: World): Expected {
  const missed = streamsOf(world).reduce((sum, { every }) => sum + silencesOf(world, every), holesOf(world));
  const count = streamsOf(world).reduce(
    (sum, { every }) => sum + answersOf(world, every).filter((at) => isIn(PERIOD, at)).length,
    0,
  );
  return { verdict: missed > 0 ? 'FAIL' : 'PASS', count, met: 0, missed };
}

function expectedBehaviour(world: World): Expected {
  const of = (span: typeof PERIOD) =>
    world.threats.flat().filter(({ kind, received }) => kind === 'attack' && isIn(span, received));
  const share = (mails: readonly Mail[]) =>
    mails.filter((one) => isBehavioural(world, one)).length / Math.max(1, mails.length);
  const [now, before] = [of(PERIOD), of(BEFORE)];
  const hole = holeOf(world, 4 * HOUR);
  const isCovered = !meets(hole, PERIOD.from, PERIOD.to);
  const isCompared = before.length >= 30 && !meets(hole, BEFORE.from, BEFORE.to);
  const isFallen = isCompared && share(now) < share(before) / 2;
  const met = now.length;
  const told = { count: met, met, missed: 0 };
  if (isCovered && met >= 30 && (share(now) === 0 || isFallen)) return { verdict: 'FAIL', ...told };
  if (!isCovered || (met > 0 && share(now) === 0)) return { verdict: 'INSUFFICIENT_DATA', ...told };
  return { verdict: met === 0 ? 'NOT_APPLICABLE' : 'PASS', ...told };
}

function expectedToken({ token }: World): Expected {
  if (token === 'none') return { verdict: 'NOT_APPLICABLE', count: 0, met: 0, missed: 0 };
  const isBad =
    token !== null &&
    ((token.expires !== null && token.expires <= PERIOD.to) || PERIOD.to - token.issued > 90 * DAY);
  if (isBad) return { verdict: 'FAIL', count: 1, met: 0, missed: 1 };
  const isKnown = token !== null && token.issued <= PERIOD.to;
  return { verdict: isKnown ? 'PASS' : 'INSUFFICIENT_DATA', count: 1, met: isKnown ? 1 : 0, missed: 0 };
}

function credentialsOf({ token }: World): CredentialFact[] {
  if (token === null) return [];
  const integration = 'default';
  if (token === 'none') return [{ integration, kind: 'NONE', issuedAt: null, expiresAt: null }];
  const expiresAt = token.expires === null ? null : iso(token.expires);
  return [{ integration, kind: 'TOKEN', issuedAt: iso(token.issued), expiresAt }];
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

function brief(result: ControlResult): Expected {
  const { verdict, population, outcomes } = result;
  return { verdict, count: population.count, met: outcomes.MET, missed: outcomes.EXCEPTION };
}

test('verdicts, populations and exceptions equal those of an independent computation', async () => {
  const runs = Number(process.env.EVIDENCE_RUNS ?? 40);
  const told = new Set<string>();
  await fc.assert(
    fc.asyncProperty(worlds, async (world) => {
      const store = await openStore('sqlite::memory:', 'write');
      try {
        const { outage } = world;
        const failure = outage?.asked ? { failure: 'Abnormal answered 503' } : {};
        const outages = outage
          ? [{ from: iso(outage.from), to: iso(outage.to), caughtUp: outage.caughtUp, ...failure }]
          : [];
        const span = { from: iso(POLLS.from), to: iso(POLLS.to) };
        await recordHistory(store, { ...span, outages: () => outages, seen: seenOf(world) });
        const period = `${iso(PERIOD.from)}/${iso(PERIOD.to)}`;
        const { results } = await ask(store, { period, credentials: credentialsOf(world) });
        const found = Object.fromEntries(results.map((result) => [result.control, brief(result)]));
        const { 'attacks-captured': captured, ...others } = found;
        expect(others).toEqual({
          'detection-active': expectedDetection(world),
          'attacks-remediated': expectedRemediation(world),
          'account-takeover-handled': expectedCases(world),
          'behavioural-ai-operating': expectedBehaviour(world),
          'abuse-mailbox-operating': expectedReports(world),
          'collection-continuous': expectedCollection(world),
          'token-rotation': expectedToken(world),
        });
        for (const [control, { verdict }] of Object.entries(others)) told.add(`${control} ${verdict}`);
        const hole = holeOf(world, 4 * HOUR);
        expect(captured?.verdict).toBe(meets(hole, PERIOD.from, PERIOD.to) ? 'FAIL' : 'PASS');
      } finally {
        await store.close();
      }
    }),
    { numRuns: runs },
  );
  // each of the seven failed and passed somewhere, or nothing was compared; a few worlds need not have it all
  if (runs >= 200) expect([...told].filter((text) => /FAIL|PASS/.test(text))).toHaveLength(14);
}, 600_000);

test('the naive gaps are those that a hole leaves', () => {
  const at = POLLS.from + 10 * 4 * HOUR;
  const world = {
    threats: [],
    cases: [],
    reports: [],
    outage: { from: at, to: at + 8 * HOUR, caughtUp: false, asked: false },
    dull: false,
    token: null,
  };
  expect(holeOf(world, 4 * HOUR)).toEqual({ from: at - 4 * HOUR - LAG, to: at + 8 * HOUR });
});
