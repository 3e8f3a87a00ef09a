import { DAY, HOUR } from '../values/instant.js';
import type { TenantWorld } from './options.js';
import { employee } from './people.js';
import { hash32, int64Text, Random } from './random.js';
import type { Schedule } from './schedule.js';
import { messageId } from './threat-messages.js';
import { type IntegerForm, lag, type TimeWindow, zulu } from './wire.js';

/** A list that is answered in one piece, without pages and details. */
export interface WholeList {
  /** The items in the window of `start` and `end` by the time of the item, in the order of arrival. */
  items(window: TimeWindow, at: number, integer: IntegerForm): Item[];
}

export interface Item {
  readonly id: string;
  readonly time: number;
  readonly body: Readonly<Record<string, unknown>>;
}

/** The items of a schedule that are visible at `at`. */
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
export function detectionReports(world: TenantWorld, type: InquiryType): WholeList {
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
