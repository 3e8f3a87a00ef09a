import { DAY, HOUR, MINUTE } from '../values/instant.js';
import type { TenantWorld } from './options.js';
import { hash32, int64Text, Random, unit } from './random.js';
import { fateOf } from './schedule.js';
import { threatFacts } from './threat-course.js';
import { messageId } from './threat-messages.js';
import { lag, pacific, zulu } from './wire.js';
import { employee, outsider } from './words.js';

interface CampaignCourse {
  readonly index: number;
  /** Oldest first; ms since the epoch, full seconds. */
  readonly reports: readonly [Report, ...Report[]];
  /** `Infinity`: never. A judgement changes no time that a list filters by. */
  readonly judgedAt: number;
}

interface Report {
  readonly time: number;
  readonly visibleAt: number;
}

const isReportedAgain = (fate: number) => fate < 3;
const AGAIN_WITHIN = 4 * DAY;

/** The possible time between the first report and another one, by fate. */
export const REPORT_REACH = Array.from({ length: 16 }, (_, fate) =>
  isReportedAgain(fate) ? 2 * AGAIN_WITHIN : 0,
);
/** The longest time between an e-mail and its first report. */
export const RECEIVED_BEFORE = 2 * DAY;

export function campaignCourse(world: TenantWorld, index: number): CampaignCourse {
  const random = new Random(world.seed, 91, index);
  const late = world.shares.lateArrivals;
  const time = world.campaigns.arrival(index);
  let last: Report = { time, visibleAt: time + lag(random, late) };
  const reports: [Report, ...Report[]] = [last];
  const again = isReportedAgain(fateOf(world.seed, index)) ? random.between(1, 3) : 0;
  for (let count = 0; count < again; count++) {
    const next = last.time + Math.floor(random.between(20 * MINUTE, AGAIN_WITHIN) / 1000) * 1000;
    // reports are further apart than any lag, so they appear in their order
    last = { time: next, visibleAt: next + lag(random, late) };
    reports.push(last);
  }
  return { index, reports, judgedAt: judgedAt(random, reports[0].visibleAt) };
}

function judgedAt(random: Random, visibleAt: number): number {
  const draw = random.unit();
  if (draw < 0.1) return visibleAt;
  if (draw < 0.8) return visibleAt + random.between(10 * MINUTE, 12 * HOUR);
  return draw < 0.97 ? visibleAt + random.between(12 * HOUR, 3 * DAY) : Infinity;
}

export function reportAt(course: CampaignCourse, at: number): Report | null {
  let current: Report | null = null;
  for (const report of course.reports) if (report.visibleAt <= at) current = report;
  return current;
}

export function mailReceived(world: TenantWorld, course: CampaignCourse): number {
  const before = MINUTE + unit(world.seed, 92, course.index) * (RECEIVED_BEFORE - 2 * MINUTE);
  return Math.floor((course.reports[0].time - before) / 1000) * 1000;
}

/** The instants at which the campaign changes, oldest first, beginning with its appearance. */
export function campaignChanges(course: CampaignCourse): number[] {
  const times = new Set(course.reports.map((report) => report.visibleAt));
  if (course.judgedAt < Infinity) times.add(course.judgedAt);
  return [...times].sort((a, b) => a - b);
}

const JUDGEMENTS = ['Malicious', 'Malicious', 'Spam', 'Safe', 'Safe', 'N/A'] as const;
const ATTACKS: Record<string, readonly [string, ...string[]]> = {
  Malicious: ['Attack Type: Phishing: Credential', 'Attack Type: Scam', 'Malicious: Phishing'],
  Spam: ['Attack Type: Spam', 'Attack Type: Graymail'],
};

export function campaignDetail(world: TenantWorld, id: string, course: CampaignCourse, at: number) {
  const random = new Random(world.seed, 93, course.index);
  const clock = random.chance(0.3) ? pacific : zulu;
  const reporter = employee(random);
  const last = reportAt(course, at) ?? course.reports[0];
  return {
    campaignId: id,
    firstReported: clock(course.reports[0].time),
    lastReported: clock(last.time),
    ...mailOf(world, course, random),
    recipientName: reporter.name,
    recipientAddress: reporter.address,
    ...verdictOf(random, course.judgedAt <= at),
  };
}

/** For most campaigns one of a threat's messages. */
function mailOf(world: TenantWorld, course: CampaignCourse, random: Random) {
  const threat = world.threats.settledBy(mailReceived(world, course)) - random.below(20);
  if (random.chance(0.6) && threat >= 0) {
    const { sender, subject } = threatFacts(world, threat);
    return {
      messageId: messageId(world, threat, 0),
      subject,
      fromName: sender.name,
      fromAddress: sender.address,
    };
  }
  const sender = outsider(random);
  const own = int64Text(hash32(world.seed, 94, course.index), hash32(world.seed, 95, course.index));
  return { messageId: own, subject: 'Fw: is this real?', fromName: sender.name, fromAddress: sender.address };
}

function verdictOf(random: Random, isJudged: boolean) {
  const judgement = random.pick(JUDGEMENTS);
  const attacks = ATTACKS[judgement];
  const attack = attacks ? random.pick(attacks) : '';
  const overall =
    judgement === 'N/A'
      ? 'Could not find original message'
      : attacks
        ? 'Auto-Remediated'
        : 'No Action Needed';
  // an attack type that does not apply is empty in some responses and missing in others
  const none = random.chance(0.5) ? '' : undefined;
  if (!isJudged) return { judgementStatus: 'Scanning', overallStatus: '', attackType: none };
  return { judgementStatus: judgement, overallStatus: overall, attackType: attack === '' ? none : attack };
}
