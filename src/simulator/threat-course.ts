import { DAY, HOUR, MINUTE } from '../values/instant.js';
import type { TenantWorld } from './options.js';
import { Random, unit } from './random.js';
import { fateOf } from './schedule.js';
import { lag } from './wire.js';
import { ATTACKS, type Attack, employee, outsider, type Person } from './words.js';

type Action = 'none' | 'attempted' | 'remediated' | 'undone';

export interface Step {
  readonly action: Action;
  /** In ms since the epoch; meaningless for `none`. */
  readonly time: number;
  readonly visibleAt: number;
}

/** Messages that arrive and are remediated together. */
export interface Wave {
  /** When its first message is received; the others follow within `SPREAD`. */
  readonly at: number;
  readonly visibleAt: number;
  /** The number of its first message within the threat. */
  readonly first: number;
  readonly count: number;
  /** Oldest first, in the order of visibility; begins with `none`. */
  readonly steps: readonly [Step, ...Step[]];
}

export interface ThreatCourse {
  readonly index: number;
  readonly fate: number;
  readonly waves: readonly [Wave, ...Wave[]];
  /** When the detail begins to answer 404; `Infinity`: never. */
  readonly goneAt: number;
}

/** The longest time between the messages of a wave. */
export const SPREAD = 30_000;

const [SLOW, NEVER, ATTEMPTED, UNDONE, WAVES, SLOW_WAVES, HOURS_LATER] = [0, 1, 2, 3, 4, 5, 6];
const WAVE_GAP = 18 * HOUR;

/** The possible time between a threat's arrival and a message, by fate. */
export const RECEIVED_REACH = byFate(SPREAD, {
  [WAVES]: 2 * WAVE_GAP + SPREAD,
  [SLOW_WAVES]: 2 * WAVE_GAP + SPREAD,
});

/** The possible time between a threat's arrival and an action, by fate. */
export const ACTION_REACH = byFate(2 * MINUTE, {
  [SLOW]: 15 * DAY,
  [ATTEMPTED]: 2 * DAY,
  [UNDONE]: 5 * DAY,
  [WAVES]: 2 * WAVE_GAP + 2 * HOUR,
  [SLOW_WAVES]: 2 * WAVE_GAP + 7 * HOUR,
  [HOURS_LATER]: 3 * HOUR,
});

function byFate(usual: number, others: Record<number, number>): number[] {
  return Array.from({ length: 16 }, (_, fate) => others[fate] ?? usual);
}

export function threatCourse(world: TenantWorld, index: number): ThreatCourse {
  const { seed, shares } = world;
  const fate = fateOf(seed, index);
  const random = new Random(seed, 31, index);
  const waves: Wave[] = [];
  let at = world.threats.arrival(index);
  let first = 0;
  for (const count of waveSizes(random, fate, shares.hugeThreats)) {
    if (first > 0) at += Math.floor(random.between(10 * MINUTE, WAVE_GAP) / 1000) * 1000;
    const wave = waveOf(random, fate, at, first, count, shares.lateArrivals);
    waves.push(wave);
    first += count;
  }
  const [start = waveOf(random, fate, at, 0, 1, 0), ...later] = waves;
  return { index, fate, waves: [start, ...later], goneAt: goneAt(world, index, fate, start.visibleAt) };
}

function waveSizes(random: Random, fate: number, hugeShare: number): number[] {
  const sizes = [random.chance(hugeShare) ? random.between(101, 351) : usualSize(random)];
  if (fate === WAVES || fate === SLOW_WAVES) {
    sizes.push(random.between(1, 4));
    if (random.chance(0.3)) sizes.push(random.between(1, 3));
  }
  return sizes;
}

function usualSize(random: Random): number {
  const draw = random.unit();
  if (draw < 0.85) return draw < 0.45 ? 1 : draw < 0.7 ? 2 : 3;
  return draw < 0.97 ? random.between(4, 9) : random.between(9, 31);
}

function waveOf(random: Random, fate: number, at: number, first: number, count: number, late: number): Wave {
  // the whole wave appears at once, so not before its last message
  const visibleAt = at + Math.max(lag(random, late), SPREAD + 1000);
  const none: Step = { action: 'none', time: 0, visibleAt: 0 };
  const steps: [Step, ...Step[]] = [none];
  for (const [action, time] of actions(random, fate, at)) {
    const seen = Math.max(time + lag(random, late), (steps.at(-1) ?? none).visibleAt + 1000);
    steps.push({ action, time, visibleAt: seen });
  }
  return { at, visibleAt, first, count, steps };
}

/** The actions on a wave received at `at`, all after its last message. */
function actions(random: Random, fate: number, at: number): [Action, number][] {
  const after = (least: number, most: number) => at + SPREAD + random.between(least, most);
  switch (fate) {
    case SLOW:
      return [['remediated', after(DAY, 14 * DAY)]];
    case NEVER:
      return [];
    case ATTEMPTED:
      return [
        ['attempted', after(5_000, 5 * MINUTE)],
        ['remediated', after(HOUR, 36 * HOUR)],
      ];
    case UNDONE:
      return undone(random, after(2_000, 30 * MINUTE));
    case SLOW_WAVES:
      return [['remediated', after(30 * MINUTE, 6 * HOUR)]];
    case WAVES:
    case HOURS_LATER:
      return [['remediated', after(MINUTE, 2 * HOUR - MINUTE)]];
    default:
      return [['remediated', after(2_000, 30_000)]];
  }
}

function undone(random: Random, remediated: number): [Action, number][] {
  const back = remediated + random.between(30 * MINUTE, 3 * DAY);
  const again: [Action, number][] = random.chance(0.5)
    ? [['remediated', back + random.between(HOUR, DAY)]]
    : [];
  return [['remediated', remediated], ['undone', back], ...again];
}

function goneAt(world: TenantWorld, index: number, fate: number, visibleAt: number): number {
  const { seed, shares } = world;
  const draw = unit(seed, 32, index);
  if (draw < shares.missingThreats) return visibleAt;
  // one threat in 16 is never remediated, and only those are deleted
  const isDeleted = fate === NEVER && 1 - draw <= shares.deletedThreats * 16;
  return isDeleted ? visibleAt + HOUR + Math.floor(unit(seed, 33, index) * 10 * DAY) : Infinity;
}

export function visibleFrom(course: ThreatCourse): number {
  return course.waves[0].visibleAt;
}

export function stepAt(wave: Wave, at: number): Step {
  let current = wave.steps[0];
  for (const step of wave.steps) if (step.visibleAt <= at) current = step;
  return current;
}

export function latestAction(course: ThreatCourse, at: number, undoneCounts: boolean): number | null {
  let latest = 0;
  for (const wave of course.waves) {
    if (wave.visibleAt > at) continue;
    const step = stepAt(wave, at);
    if (step.action === 'none' || (step.action === 'undone' && !undoneCounts)) continue;
    latest = Math.max(latest, step.time);
  }
  return latest === 0 ? null : latest;
}

/** The instants of the threat's changes, oldest first, beginning with its appearance. */
export function changesOf(course: ThreatCourse): number[] {
  const start = visibleFrom(course);
  const times = new Set([start]);
  for (const wave of course.waves) {
    times.add(wave.visibleAt);
    for (const step of wave.steps) if (step.visibleAt > wave.visibleAt) times.add(step.visibleAt);
  }
  if (course.goneAt < Infinity) times.add(course.goneAt);
  return [...times].filter((time) => time <= course.goneAt).sort((a, b) => a - b);
}

const ODDS = [30, 15, 12, 11, 8, 7, 4, 4, 4, 3, 2];
const ALL_ODDS = ODDS.reduce((sum, odds) => sum + odds, 0);

export interface ThreatFacts {
  readonly attack: Attack;
  readonly sender: Person;
  readonly subject: string;
  readonly recipients: readonly [Person, Person, Person];
  /** Some messages have another attack type. */
  readonly mixed: boolean;
  readonly arrayAddresses: boolean;
  readonly withoutIdText: boolean;
  /** Whether a detail without messages omits the list or leaves it empty. */
  readonly withoutMessages: 'absent' | 'empty' | null;
  /** In the form of old accounts: no counts, no status word. */
  readonly old: boolean;
  readonly tenantId: number | null | undefined;
  /** Mailboxes counted in addition to the messages. */
  readonly uncounted: number;
}

export function threatFacts(world: TenantWorld, index: number): ThreatFacts {
  const { shares, seed } = world;
  const random = new Random(seed, 41, index);
  const attack = drawAttack(random);
  const isInternal = attack.strategies[0].startsWith('Internal');
  return {
    attack,
    sender: isInternal ? employee(random) : outsider(random),
    subject: random.pick(attack.subjects),
    recipients: [employee(random), employee(random), employee(random)],
    mixed: random.chance(0.15),
    arrayAddresses: random.chance(shares.arrayAddresses),
    withoutIdText: random.chance(shares.withoutIdText),
    withoutMessages: random.chance(shares.withoutMessages) ? random.pick(['absent', 'empty']) : null,
    old: random.chance(shares.absentFields / 2),
    tenantId: random.chance(shares.absentFields) ? undefined : random.chance(shares.nulls) ? null : 4_417,
    uncounted: random.chance(0.1) ? random.between(1, 40) : 0,
  };
}

export function drawAttack(random: Random): Attack {
  let draw = random.below(ALL_ODDS);
  for (const [place, odds] of ODDS.entries()) {
    if (draw < odds) return ATTACKS[place] ?? ATTACKS[0];
    draw -= odds;
  }
  return ATTACKS[0];
}
