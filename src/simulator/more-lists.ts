import { DAY, HOUR, MINUTE } from '../values/instant.js';
import type { TenantWorld } from './options.js';
import { hash32, type Ids, int64Text, Random } from './random.js';
import type { Schedule } from './schedule.js';
import { messageId } from './threat-messages.js';
import { type IntegerForm, lag, offsetUtc, type TimeWindow, zulu } from './wire.js';
import { employee, outsider, type Person } from './words.js';

/*
 * The smaller lists. Their records have no schedule of changes: an item is made from the time of its arrival and the
 * instant of the request.
 */

/** One list: its items within a window by the time of the item, in the order of arrival. */
export interface SmallList {
  items(window: TimeWindow, at: number, integer: IntegerForm): Item[];
}

export interface Item {
  readonly id: string;
  readonly time: number;
  readonly body: Readonly<Record<string, unknown>>;
}

function* arrived(
  schedule: Schedule,
  { from, to }: TimeWindow,
  isVisible: (index: number) => boolean,
): Iterable<number> {
  const { first, last } = schedule.range(from, to);
  for (let index = first; index <= last; index++) {
    const time = schedule.arrival(index);
    if (time >= from && time <= to && isVisible(index)) yield index;
  }
}

const REVIEWS = {
  MISSED_ATTACK: 'CONTAINING_ATTACK',
  FALSE_POSITIVE: 'CORRECTING_JUDGEMENT',
} as const;

export type InquiryType = keyof typeof REVIEWS;

/** Detection 360 reports: unreviewed, then reviewed within a day or two, then mostly resolved within ten days. */
export function detectionReports(world: TenantWorld, type: InquiryType): SmallList {
  const schedule = world.reports;
  const typeOf = (index: number): InquiryType =>
    new Random(world.seed, 201, index).chance(0.4) ? 'FALSE_POSITIVE' : 'MISSED_ATTACK';
  return {
    items: (window, at, integer) =>
      [...arrived(schedule, window, (index) => typeOf(index) === type)].flatMap((index) => {
        const body = reportAt(world, index, type, at, integer);
        return body === null ? [] : [{ id: String(body.id), time: schedule.arrival(index), body }];
      }),
  };
}

const FIRST_REPORT = 70_400;

function reportAt(world: TenantWorld, index: number, type: InquiryType, at: number, integer: IntegerForm) {
  const random = new Random(world.seed, 202, index);
  const time = world.reports.arrival(index);
  const visibleAt = time + lag(random, world.shares.lateArrivals);
  if (visibleAt > at) return null;
  const reviewedAt = visibleAt + random.between(HOUR, 2 * DAY);
  const resolvedAt = random.chance(0.9) ? reviewedAt + random.between(HOUR, 8 * DAY) : Infinity;
  const { name, address } = employee(random);
  const review = random.chance(0.3) ? 'IMPROVING_PLATFORM' : REVIEWS[type];
  const status = resolvedAt <= at ? 'RESOLVED' : reviewedAt <= at ? review : 'UNREVIEWED';
  const cause = { name: 'New sender', description: 'The sender was not known to the organisation.' };
  return {
    id: FIRST_REPORT + index * 3,
    inquiry_type: type,
    messages: reported(world, index, type, time, random).map((id) => integer(id)),
    ...(reviewedAt <= at && {
      report: { analysis: 'The message was analysed again.', root_causes: [cause] },
    }),
    status,
    submission_datetime: zulu(time),
    // the address is optional
    submitted_by: random.chance(0.9) ? { name, email: address } : { name },
  };
}

/** A false positive is a message that was judged; a missed attack is none of the tenant's threats. */
function reported(
  world: TenantWorld,
  index: number,
  type: InquiryType,
  time: number,
  random: Random,
): string[] {
  const threat = world.threats.settledBy(time) - random.below(20);
  if (type === 'FALSE_POSITIVE' && threat >= 0) return [messageId(world, threat, 0)];
  const count = random.between(1, 4);
  return Array.from({ length: count }, (_, n) =>
    int64Text(hash32(world.seed, 203, index, n), hash32(world.seed, 204, index, n)),
  );
}

const REASONS: readonly [string, ...string[]] = [
  'PHISHING_SIMULATION',
  'EXCLUDED_SENDER',
  'ORIGINAL_EMAIL_NOT_LOCATED',
  'UNKNOWN_REPORTER',
  'COULD_NOT_EXTRACT',
  'AI_CONVERSATION',
];
/** A row may be listed so long after the report. */
const LATEST_ROW = 3 * DAY;
const SPAN = 6 * HOUR;

/** Reported messages that were not analysed. Some spans are listed hours or days late, but no row overtakes an earlier one. */
export function notAnalyzed(world: TenantWorld): SmallList {
  const schedule = world.notAnalyzed;
  const shownFrom = (span: number) => {
    const random = new Random(world.seed, 208, span);
    return random.chance(0.1) ? span * SPAN + random.between(HOUR, LATEST_ROW) : 0;
  };
  const visibleAt = (index: number) => {
    const time = schedule.arrival(index);
    const span = Math.floor(time / SPAN);
    const earlier = Array.from({ length: LATEST_ROW / SPAN + 1 }, (_, n) => shownFrom(span - n));
    return Math.max(time + 5 * MINUTE, ...earlier);
  };
  return {
    items: (window, at, integer) =>
      [...arrived(schedule, window, (index) => visibleAt(index) <= at)].map((index) => {
        const random = new Random(world.seed, 209, index);
        const id = int64Text(hash32(world.seed, 210, index), hash32(world.seed, 211, index));
        const [reporter, recipient] = [employee(random), employee(random)];
        const user = ({ name, address }: Person) =>
          random.chance(0.9) ? { name, email: address } : { name };
        const time = schedule.arrival(index);
        const body = {
          subject: 'Fw: please check this',
          abx_message_id: integer(id),
          reported_datetime: zulu(time),
          recipient: user(recipient),
          reporter: user(reporter),
          not_analyzed_reason: random.pick(REASONS),
        };
        return { id, time, body };
      }),
  };
}

const ACTIONS: readonly [readonly [string, string], ...(readonly [string, string])[]] = [
  ['threat_log', 'view_message_content'],
  ['threat_log', 'remediate_message'],
  ['abuse_mailbox', 'view_campaign'],
  ['settings', 'change_policy'],
  ['sign_in', 'log_in'],
];

/** The portal's audit log. Times have a space and microseconds; entries have no id. */
export function auditLogs(world: TenantWorld): SmallList {
  const schedule = world.auditLogs;
  return {
    items(window, at) {
      const isVisible = (index: number) => schedule.arrival(index) + MINUTE <= at;
      const kept = { ...window, from: Math.max(window.from, at - 90 * DAY) };
      return [...arrived(schedule, kept, isVisible)].map((index) => {
        const random = new Random(world.seed, 212, index);
        const time = schedule.arrival(index);
        const [category, action] = random.pick(ACTIONS);
        const isAboutMessage = category === 'threat_log';
        const body = {
          ...(random.chance(0.9) && { action }),
          actionDetails: isAboutMessage
            ? { messageId: messageId(world, index, 0), providedReason: 'null', requestUrl: '/threat-log' }
            : null,
          category,
          sourceIp: `192.0.2.${random.between(1, 255)}`,
          status: random.chance(0.95) ? 'SUCCESS' : 'FAILURE',
          tenantName: random.chance(0.2) ? '' : 'meridian-mills',
          timestamp: offsetUtc(time, index % 1000).replace('T', ' '),
          user: { email: employee(random).address },
        };
        return { id: String(index), time, body };
      });
    },
  };
}

/** How long after its first message a vendor case can change. */
const VENDOR_REACH = 6 * DAY;

/** Vendor cases: each new message of the vendor modifies its case. The detail is the body of the item. */
export function vendorCases(world: TenantWorld, threats: Ids): SmallList {
  const schedule = world.vendorCases;
  return {
    items({ from, to }, at) {
      const found: Item[] = [];
      for (const index of arrived(schedule, { from: from - VENDOR_REACH, to, inclusive: true }, () => true)) {
        const item = vendorCaseAt(world, index, at, threats);
        if (item && item.time >= from && item.time <= to) found.push(item);
      }
      return found;
    },
  };
}

const FIRST_VENDOR_CASE = 3_100;

/** `null` if it does not exist, or is not visible yet. */
export function vendorCaseBy(world: TenantWorld, id: string, at: number, threats: Ids): Item | null {
  const index = Number(id) - FIRST_VENDOR_CASE;
  const exists = Number.isInteger(index) && index >= 0 && index < world.vendorCases.count;
  return exists ? vendorCaseAt(world, index, at, threats) : null;
}

function vendorCaseAt(world: TenantWorld, index: number, at: number, threats: Ids): Item | null {
  const random = new Random(world.seed, 205, index);
  const late = lag(random, world.shares.lateArrivals);
  const vendor = outsider(random);
  const begin = world.vendorCases.arrival(index);
  const count = random.between(1, 5);
  const times = Array.from({ length: count }, (_, n) =>
    n === 0 ? begin : begin + Math.floor(random.between(10 * MINUTE, VENDOR_REACH) / 1000) * 1000,
  ).sort((a, b) => a - b);
  const seen = times.filter((time) => time + late <= at);
  const last = seen.at(-1);
  if (last === undefined) return null;
  const domain = vendor.address.split('@')[1];
  const timeline = seen.map((time, n) => {
    const threat = world.threats.settledBy(time) - (hash32(world.seed, 206, index, n) % 20);
    return {
      eventTimestamp: zulu(time),
      senderAddress: vendor.address,
      recipientAddress: employee(new Random(world.seed, 207, index, n)).address,
      subject: 'Change of our bank details',
      markedAs: n % 3 === 2 ? 'Safe' : 'Malicious',
      threatId: threat >= 0 ? threats.of(threat) : '',
    };
  });
  const id = FIRST_VENDOR_CASE + index;
  const body = {
    vendorCaseId: id,
    vendorDomain: domain,
    firstObservedTime: zulu(begin),
    lastModifiedTime: zulu(last),
    insights: [{ highlight: 'Vendor compromise', description: 'The tone differs from earlier messages.' }],
    timeline,
  };
  return { id: String(id), time: last, body };
}
