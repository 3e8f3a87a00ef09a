import { DAY, HOUR, MINUTE } from '../values/instant.js';
import type { World } from './options.js';
import { Random } from './random.js';
import { fateOf } from './search.js';
import { lag } from './times.js';

/** A case as it stands after one of its changes. */
export interface CaseState {
  /** When it changed, ms since the epoch; `last_modified`. */
  readonly time: number;
  /** What `last_modified` has beyond the milliseconds. */
  readonly micros: number;
  readonly visibleAt: number;
  readonly status: string;
  readonly remediation: string;
  readonly level: string;
  /** How many of its threats and sentences are known by now. */
  readonly threats: number;
  readonly sentences: number;
}

export interface CaseCourse {
  readonly index: number;
  /** Oldest first, each visible later than the one before; the first is how it was created. */
  readonly states: readonly [CaseState, ...CaseState[]];
}

/** Two cases in 16 take weeks. */
const isSlow = (fate: number) => fate < 2;
const MOST_CHANGES = 5;
const [QUICK_GAP, SLOW_GAP] = [10 * HOUR, 4 * DAY];

/** How long after its creation a case may change, by fate. */
export const CHANGE_REACH = Array.from(
  { length: 16 },
  (_, fate) => MOST_CHANGES * (isSlow(fate) ? SLOW_GAP : QUICK_GAP) + MINUTE,
);
/** A case becomes visible to the customer within this long of its creation. */
export const VISIBLE_REACH = 30 * MINUTE;

const IN_PROGRESS = 'Acknowledged (In progress)';
const ENDS = [
  'Acknowledged (Attack resolved)',
  'Acknowledged (Attack resolved)',
  'Acknowledged (Not an attack)',
];

/** The course of case `index`. */
export function caseCourse(world: World, index: number): CaseCourse {
  const random = new Random(world.seed, 71, index);
  const created = world.cases.arrival(index);
  const late = world.shares.lateArrivals;
  const first: CaseState = {
    ...instantOf(random, created),
    visibleAt: created + lag(random, late),
    status: 'Action Required',
    remediation: 'Not remediated',
    level: random.pick(['LOW', 'MEDIUM', 'HIGH', 'NONE']),
    threats: random.chance(0.4) ? random.between(1, 4) : 0,
    sentences: random.between(1, 3),
  };
  const states: [CaseState, ...CaseState[]] = [first];
  const gap = isSlow(fateOf(world.seed, index)) ? SLOW_GAP : QUICK_GAP;
  const changes = changeCount(random);
  let last = first;
  for (let change = 1; change <= changes; change++) {
    last = changed(random, last, last.time + random.between(5 * MINUTE, gap), late, change, changes);
    states.push(last);
  }
  return { index, states };
}

function changeCount(random: Random): number {
  const draw = random.unit();
  if (draw < 0.9) return draw < 0.15 ? 0 : draw < 0.4 ? 1 : draw < 0.7 ? 2 : 3;
  return random.between(4, MOST_CHANGES + 1);
}

function changed(
  random: Random,
  before: CaseState,
  time: number,
  late: number,
  change: number,
  changes: number,
): CaseState {
  const isEnd = change === changes && change > 1 && random.chance(0.8);
  const end = ENDS[random.below(ENDS.length)] ?? IN_PROGRESS;
  return {
    ...instantOf(random, time),
    visibleAt: Math.max(time + lag(random, late), before.visibleAt + 1000),
    status: isEnd ? end : IN_PROGRESS,
    remediation: isEnd ? 'remediated' : random.chance(0.3) ? 'Remediation attempted' : before.remediation,
    level: random.chance(0.2) ? 'HIGH' : before.level,
    threats: before.threats + (random.chance(0.3) ? 1 : 0),
    sentences: before.sentences + (random.chance(0.5) ? 1 : 0),
  };
}

/** Some changes happen on a full second, where window ends are; the others anywhere. */
function instantOf(random: Random, time: number): { time: number; micros: number } {
  if (random.chance(0.2)) return { time: Math.floor(time / 1000) * 1000, micros: 0 };
  return { time: Math.floor(time / 1000) * 1000 + random.below(1000), micros: random.below(1000) };
}

/** The case as it stands at `at`; `null` before it appears. */
export function caseAt(course: CaseCourse, at: number): CaseState | null {
  let current: CaseState | null = null;
  for (const state of course.states) if (state.visibleAt <= at) current = state;
  return current;
}
