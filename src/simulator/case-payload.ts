import { DAY, HOUR, MINUTE } from '../values/instant.js';
import { type CaseCourse, type CaseState, VISIBLE_REACH } from './case-course.js';
import { type Ids, uuid } from './ids.js';
import type { World } from './options.js';
import { employee, type Person } from './people.js';
import { hash32, Random, unit } from './random.js';
import { offsetUtc, zulu } from './times.js';
import { CASE_ANALYSES, CASE_DESCRIPTIONS, CASE_SUMMARIES, PLACES } from './words.js';

/** A case's item in the list; its names are not those of the detail. */
export function caseItem(world: World, id: string, course: CaseCourse, state: CaseState) {
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

/** A case's detail; it tells neither its description nor when it was last modified. */
export function caseDetail(world: World, id: string, course: CaseCourse, state: CaseState, threats: Ids) {
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

/** `customerVisibleTime`, ms since the epoch. */
export function visibleTime(world: World, course: CaseCourse): number {
  return course.states[0].time + Math.floor(unit(world.seed, 83, course.index) * VISIBLE_REACH);
}

function caseFacts(world: World, course: CaseCourse) {
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

/** Ids of threats that arrived in the days before the case; neighbouring cases may share one. */
function threatIdsOf(world: World, course: CaseCourse, state: CaseState, threats: Ids): string[] {
  const { seed, shares } = world;
  const own = world.threats.settledBy(course.states[0].time - HOUR);
  // both of a pair count back from where the elder of the two stands
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

/** The body of `GET /cases/{id}/analysis`: an event for each change so far, of mixed shapes. */
export function caseAnalysis(world: World, course: CaseCourse, at: number) {
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

function eventOf(world: World, index: number, place: number, time: number, person: Person) {
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
        ...mailOf(person),
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

function mailOf(person: Person) {
  return { sender: person.address, recipient: 'desk@secure-reply.example.net' };
}
