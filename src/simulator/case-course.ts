import { DAY, HOUR, MINUTE } from '../values/instant.js';
import type { TenantWorld } from './options.js';
import { hash32, type Ids, Random, unit, uuid } from './random.js';
import { fateOf } from './schedule.js';
import { lag, offsetUtc, zulu } from './wire.js';
import { CASE_ANALYSES, CASE_DESCRIPTIONS, CASE_SUMMARIES, employee, type Person, PLACES } from './words.js';

interface CaseState {
  /** `last_modified`, ms since the epoch. */
  readonly time: number;
  /** The digits of `last_modified` below milliseconds. */
  readonly micros: number;
  readonly visibleAt: number;
  readonly status: string;
  readonly remediation: string;
  readonly level: string;
  /** The number of its threats and sentences known by then. */
  readonly threats: number;
  readonly sentences: number;
}

export interface CaseCourse {
  readonly index: number;
  /** Oldest first, in the order of visibility, beginning with the creation. */
  readonly states: readonly [CaseState, ...CaseState[]];
}

const isSlow = (fate: number) => fate < 2;
const MOST_CHANGES = 5;
const [QUICK_GAP, SLOW_GAP] = [10 * HOUR, 4 * DAY];

/** The possible time between its creation and a change, by fate. */
export const CHANGE_REACH = Array.from(
  { length: 16 },
  (_, fate) => MOST_CHANGES * (isSlow(fate) ? SLOW_GAP : QUICK_GAP) + MINUTE,
);
/** The longest time between the creation and the customer's view. */
export const VISIBLE_REACH = 30 * MINUTE;

const IN_PROGRESS = 'Acknowledged (In progress)';
const ENDS = [
  'Acknowledged (Attack resolved)',
  'Acknowledged (Attack resolved)',
  'Acknowledged (Not an attack)',
];

export function caseCourse(world: TenantWorld, index: number): CaseCourse {
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

/** Some changes happen on a full second, where windows end. */
function instantOf(random: Random, time: number): { time: number; micros: number } {
  if (random.chance(0.2)) return { time: Math.floor(time / 1000) * 1000, micros: 0 };
  return { time: Math.floor(time / 1000) * 1000 + random.below(1000), micros: random.below(1000) };
}

export function caseAt(course: CaseCourse, at: number): CaseState | null {
  let current: CaseState | null = null;
  for (const state of course.states) if (state.visibleAt <= at) current = state;
  return current;
}

/** The list item of a case, with other field names than the detail. */
export function caseItem(world: TenantWorld, id: string, course: CaseCourse, state: CaseState) {
  const facts = caseFacts(world, course);
  return {
    caseId: unit(world.seed, 81, course.index) < world.shares.numericCaseIds ? Number(id) : id,
    description: facts.description,
    severity_level: state.level === 'NONE' ? 'LOW' : state.level,
    confidence: facts.confidence,
    last_modified: offsetUtc(state.time, state.micros),
    first_observed: offsetUtc(facts.firstObserved, 0),
    created: offsetUtc(course.states[0].time, course.states[0].micros),
    tenant: facts.tenant,
  };
}

export function caseDetail(
  world: TenantWorld,
  id: string,
  course: CaseCourse,
  state: CaseState,
  threats: Ids,
) {
  const facts = caseFacts(world, course);
  const sentences = CASE_SUMMARIES.slice(0, state.sentences);
  return {
    caseId: unit(world.seed, 82, course.index) < world.shares.numericCaseIds ? Number(id) : id,
    case_status: state.status,
    severity: state.level === 'HIGH' ? 'Account Takeover' : 'Potential Account Takeover',
    affectedEmployee: facts.namesAddress ? facts.person.address : facts.person.name,
    customerVisibleTime: offsetUtc(visibleTime(world, course), 0),
    firstObserved: facts.plainTimes
      ? zulu(facts.firstObserved)
      : offsetUtc(facts.firstObserved, facts.micros),
    threatIds: threatIdsOf(world, course, state, threats),
    analysis: facts.analysis,
    remediation_status: state.remediation,
    severity_level: state.level,
    confidence: facts.confidence,
    genai_summary: facts.summaryAsText ? sentences.join(' ') : sentences,
    tenant: facts.tenant,
  };
}

export function visibleTime(world: TenantWorld, course: CaseCourse): number {
  return course.states[0].time + Math.floor(unit(world.seed, 83, course.index) * VISIBLE_REACH);
}

function caseFacts(world: TenantWorld, course: CaseCourse) {
  const { nulls, absentFields } = world.shares;
  const random = new Random(world.seed, 84, course.index);
  return {
    person: employee(random),
    namesAddress: random.chance(0.5),
    description: random.pick(CASE_DESCRIPTIONS),
    confidence: random.chance(absentFields) ? undefined : random.pick(['LOW', 'MEDIUM', 'HIGH']),
    analysis: random.pick(CASE_ANALYSES),
    firstObserved: course.states[0].time - random.between(MINUTE, 3 * DAY),
    micros: random.below(1000),
    plainTimes: random.chance(0.5),
    summaryAsText: random.chance(0.3),
    tenant: random.chance(absentFields) ? undefined : random.chance(nulls) ? null : 'meridian-mills',
  };
}

/** Threats that arrived in the days before the case; neighbouring cases may share one. */
function threatIdsOf(world: TenantWorld, course: CaseCourse, state: CaseState, threats: Ids): string[] {
  const { seed, shares } = world;
  const own = world.threats.settledBy(course.states[0].time - HOUR);
  // both of a pair count back from the older one
  const elder = Math.min(world.cases.arrival(course.index & ~1), world.cases.arrival(course.index | 1));
  const common = world.threats.settledBy(elder - HOUR);
  const ids: string[] = [];
  for (let place = 0; place < state.threats; place++) {
    const isShared = place === 0 && unit(seed, 85, course.index >>> 1) < 0.3;
    const index = isShared
      ? common - (hash32(seed, 86, course.index >>> 1) % 10)
      : own - (hash32(seed, 87, course.index, place) % 40);
    if (index >= 0) ids.push(threats.of(index));
  }
  const isDangling = unit(seed, 88, course.index) < shares.danglingThreatIds;
  return isDangling ? [...ids, uuid(course.index, seed, 1, 2)] : ids;
}

/** The body of `GET /cases/{id}/analysis`: an event for each change so far. */
export function caseAnalysis(world: TenantWorld, course: CaseCourse, at: number) {
  const { person } = caseFacts(world, course);
  const seen = course.states.filter((state) => state.visibleAt <= at);
  return {
    insights: [
      {
        signal: 'Risky Location',
        description: `There was a sign-in to ${person.address} from an unusual place.`,
      },
      { signal: 'New Mail Rule', description: 'A rule was created within an hour of it.' },
    ].slice(0, seen.length),
    eventTimeline: seen.flatMap((state, place) => [
      eventOf(world, course.index, place * 2, state.time - 20 * MINUTE, person),
      eventOf(world, course.index, place * 2 + 1, state.time - 5 * MINUTE, person),
    ]),
  };
}

function eventOf(world: TenantWorld, index: number, place: number, time: number, person: Person) {
  const random = new Random(world.seed, 89, index, place);
  const base = { event_timestamp: zulu(time) };
  const ip_address = `198.51.100.${random.between(1, 255)}`;
  const [location, prev_location] = [random.pick(PLACES), random.pick(PLACES)];
  switch (random.below(5)) {
    case 0: {
      const description = `Impossible travel was observed for ${person.address}.`;
      const title = 'Impossible Travel';
      return { ...base, category: 'Risk Event', title, ip_address, description, location, prev_location };
    }
    case 1:
      return { ...base, category: 'Mail Rule', title: 'Mail Rule Change', ...MAIL_RULE };
    case 2:
      return {
        ...base,
        category: 'Mail Sent',
        title: 'Unusual Correspondence',
        subject: 'Statement',
        ...{ sender: person.address, recipient: 'desk@secure-reply.example.net' },
      };
    case 3:
      return {
        ...base,
        category: 'MFA Failure',
        title: 'Repeated MFA Failure',
        session_ip: ip_address,
        ...MFA,
      };
    default:
      return {
        ...base,
        category: random.pick(['Sign In', 'Sign In Event']),
        ip_address,
        location,
        ...SIGN_IN,
      };
  }
}

const MAIL_RULE = { rule_name: '..', condition: 'hasNoCondition', flagging_detectors: 'DELETE_ALL' };
const MFA = { second_factor_ip: null, used_second_factors: ['push'], field_labels: {} };
const SIGN_IN = {
  title: 'Suspicious Sign In',
  field_labels: { ip_address: ['rare', 'proxy'] },
  isp: 'Example Net',
  browser: 'Example Browser 12',
  operating_system: 'Example OS 7',
  device_trust_type: 'None',
  protocol: 'Browser',
  application: 'Mail',
};
