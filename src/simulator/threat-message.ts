import { HOUR } from '../model/instant.js';
import type { IntegerForm } from './json.js';
import type { World } from './options.js';
import { employee } from './people.js';
import { hash32, Random } from './random.js';
import { type Step, stepAt, type ThreatCourse } from './threat-course.js';
import { drawAttack, type ThreatFacts } from './threat-facts.js';
import type { Slot } from './threat-messages.js';
import { zulu, zuluFraction } from './times.js';
import { ATTACHMENTS, ATTACKED, IMPERSONATED, LINK_HOSTS, REMEDIATED } from './words.js';

/** One message of a threat's detail, as it stands at `at`. */
export function messageOf(
  world: World,
  threatId: string,
  course: ThreatCourse,
  facts: ThreatFacts,
  slot: Slot,
  at: number,
  integer: IntegerForm,
) {
  const { nulls, absentFields } = world.shares;
  const random = new Random(world.seed, 61, course.index, slot.number);
  const isOther = facts.mixed && slot.number > 0 && random.chance(0.4);
  const attack = isOther ? drawAttack(random) : facts.attack;
  const hasFile = random.chance(0.25);
  const hasLink = random.chance(0.6);
  const recipient = slot.number === 0 ? facts.recipients[0] : employee(random);
  const orNull = <T>(value: T): T | null => (random.chance(nulls) ? null : value);
  const orNot = <T>(value: T): T | null | undefined =>
    random.chance(absentFields) ? undefined : orNull(value);
  const [host, number] = [random.pick(LINK_HOSTS), random.below(100_000)];
  const urls = hasLink ? [`https://${host}/r/${number}`, `https://${host}/`].slice(random.below(2)) : [];
  return {
    threatId,
    abxMessageId: integer(slot.id),
    abxMessageIdStr: facts.withoutIdText ? undefined : slot.id,
    abxPortalUrl: `https://portal.example.net/home/threat-center/remediation-history/${slot.id}`,
    subject: isOther ? random.pick(attack.subjects) : facts.subject,
    fromAddress: facts.sender.address,
    fromName: facts.sender.name,
    senderDomain: orNot(facts.sender.address.slice(facts.sender.address.indexOf('@') + 1)),
    toAddresses: addressesOf(facts, recipient.address, random),
    recipientAddress: orNot(recipient.address),
    receivedTime: zulu(slot.received),
    sentTime: zulu(slot.wave.at - 1000),
    internetMessageId: orNull(
      `<${hash32(world.seed, 62, course.index, slot.wave.first).toString(16)}@mx.example.net>`,
    ),
    ...remediationOf(world, course, facts, slot, at),
    attackType: attack.type,
    attackStrategy: orNull(random.pick(attack.strategies)),
    attackVector: orNull(random.pick(attack.vectors)),
    attackedParty: orNull(random.pick(ATTACKED)),
    impersonatedParty: orNull(random.pick(IMPERSONATED)),
    returnPath: orNull(facts.sender.address),
    replyToEmails: random.chance(0.1) ? ['desk@secure-reply.example.net'] : [],
    ccEmails: random.chance(0.1) ? [facts.recipients[1].address] : [],
    senderIpAddress: random.chance(nulls / 2) ? '' : orNot(`203.0.113.${random.between(1, 255)}`),
    attachmentNames: hasFile ? [random.pick(ATTACHMENTS)] : [],
    attachmentCount: facts.old ? undefined : Number(hasFile),
    urls,
    urlCount: facts.old ? undefined : urls.length * random.between(1, 4),
    summaryInsights: attack.insights.slice(0, random.between(0, attack.insights.length + 1)),
    isRead: random.chance(0.75) ? null : random.chance(0.5),
    source: orNot('Attack'),
    tenantId: facts.tenantId,
    tenantName: facts.tenantId === null ? null : facts.tenantId && 'meridian-mills',
  };
}

/** A string joined by commas and cut at 255 characters, an array, or nothing in a string. */
function addressesOf(facts: ThreatFacts, own: string, random: Random): string | string[] {
  const addresses = [own, ...facts.recipients.slice(1).map((person) => person.address)];
  const some = addresses.slice(0, random.between(1, addresses.length + 1));
  if (facts.arrayAddresses) return some;
  if (random.chance(0.03)) return '';
  return some.join(random.chance(0.5) ? ', ' : ',').slice(0, 255);
}

function remediationOf(world: World, course: ThreatCourse, facts: ThreatFacts, slot: Slot, at: number) {
  const draw = hash32(world.seed, 63, course.index, slot.number);
  if (slot.number > slot.wave.first && draw % 33 === 0) return MARKED_SAFE;
  const step = stepAt(slot.wave, at);
  const kind = hash32(world.seed, 64, course.index);
  const isDone = step.action === 'remediated';
  const isLate = step.time - slot.wave.at > 3 * HOUR;
  // older accounts say neither way of remediation although there is a time
  const saysHow = isDone && kind % 10 > 0;
  return {
    remediationStatus: facts.old ? undefined : statusOf(step, isLate, kind),
    remediationTimestamp: hasTime(step, kind) ? timeText(step, slot, draw) : null,
    autoRemediated: saysHow && !isLate,
    postRemediated: saysHow && isLate,
  };
}

const MARKED_SAFE = {
  remediationStatus: 'Marked Safe',
  remediationTimestamp: null,
  autoRemediated: false,
  postRemediated: false,
  customerOverride: { overrideType: 'allow', reason: 'Known sender', overrideJudgement: 'safe' },
};

function statusOf(step: Step, isLate: boolean, kind: number): string | null {
  if (step.action === 'attempted') return 'Remediation Attempted';
  if (step.action === 'undone') return 'Not Remediated';
  if (step.action === 'remediated')
    return isLate ? 'Post Remediated' : (REMEDIATED[kind & 3] ?? REMEDIATED[0]);
  return ['Not Remediated', 'Would Remediate', '', null][kind & 3] ?? null;
}

function hasTime(step: Step, kind: number): boolean {
  return step.action === 'remediated' || (step.action === 'attempted' && (kind & 1) === 1);
}

/** The wave's first message bears the time of the step itself, the others one just before it. */
function timeText(step: Step, slot: Slot, draw: number): string {
  const time = slot.number === slot.wave.first ? step.time : step.time - (draw % 2000);
  if (draw % 7 === 0) return zulu(time);
  return zuluFraction(time, ['', '64', '640', '123456'][draw & 3] ?? '');
}
