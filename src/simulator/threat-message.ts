import { HOUR } from '../values/instant.js';
import type { IntegerForm } from './json.js';
import type { World } from './options.js';
import { employee } from './people.js';
import { hash32, Random } from './random.js';
import { type Step, stepAt, type ThreatCourse } from './threat-course.js';
import { drawAttack, type ThreatFacts } from './threat-facts.js';
import type { Slot } from './threat-messages.js';
import { zulu, zuluFraction } from './times.js';
import { ATTACHMENTS, ATTACKED, IMPERSONATED, LINK_HOSTS, REMEDIATED } from './words.js';

/** One message of a threat's detail, as it stands at `at`. What does not change is drawn the same at every instant. */
export function messageOf(
  world: World,
  threatId: string,
  course: ThreatCourse,
  facts: ThreatFacts,
  slot: Slot,
  at: number,
  integer: IntegerForm,
) {
  const draw = new Draw(world, new Random(world.seed, 61, course.index, slot.number));
  return {
    threatId,
    abxMessageId: integer(slot.id),
    abxMessageIdStr: facts.withoutIdText ? undefined : slot.id,
    abxPortalUrl: `https://portal.example.net/home/threat-center/remediation-history/${slot.id}`,
    ...senderOf(facts, draw),
    ...recipientsOf(facts, slot, draw),
    receivedTime: zulu(slot.received),
    sentTime: zulu(slot.wave.at - 1000),
    internetMessageId: draw.orNull(`<${mailNumber(world, course, slot)}@mx.example.net>`),
    ...remediationOf(world, course, facts, slot, at),
    ...attackOf(facts, slot, draw),
    ...contentOf(facts, draw),
    isRead: draw.random.chance(0.75) ? null : draw.random.chance(0.5),
    source: draw.orNot('Attack'),
    tenantId: facts.tenantId,
    tenantName: facts.tenantId === null ? null : facts.tenantId && 'meridian-mills',
  };
}

/** Draws for one message, oddities among them. */
class Draw {
  constructor(
    private readonly world: World,
    readonly random: Random,
  ) {}

  orNull<T>(value: T): T | null {
    return this.random.chance(this.world.shares.nulls) ? null : value;
  }

  /** The value, `null`, or nothing. */
  orNot<T>(value: T): T | null | undefined {
    return this.random.chance(this.world.shares.absentFields) ? undefined : this.orNull(value);
  }

  /** The text, nothing in a text, `null`, or nothing. */
  orBlank(text: string): string | null | undefined {
    return this.random.chance(this.world.shares.nulls / 2) ? '' : this.orNot(text);
  }
}

/** What the mails of one wave have in common: they are copies of one. */
function mailNumber(world: World, course: ThreatCourse, slot: Slot): string {
  return hash32(world.seed, 62, course.index, slot.wave.first).toString(16);
}

function senderOf({ sender }: ThreatFacts, draw: Draw) {
  const { address, name } = sender;
  return {
    fromAddress: address,
    fromName: name,
    senderDomain: draw.orNot(address.slice(address.indexOf('@') + 1)),
    senderIpAddress: draw.orBlank(`203.0.113.${draw.random.between(1, 255)}`),
    returnPath: draw.orNull(address),
    replyToEmails: draw.random.chance(0.1) ? ['desk@secure-reply.example.net'] : [],
  };
}

function recipientsOf(facts: ThreatFacts, slot: Slot, draw: Draw) {
  const { address } = slot.number === 0 ? facts.recipients[0] : employee(draw.random);
  return {
    toAddresses: addressesOf(facts, address, draw.random),
    recipientAddress: draw.orNot(address),
    ccEmails: draw.random.chance(0.1) ? [facts.recipients[1].address] : [],
  };
}

function attackOf(facts: ThreatFacts, slot: Slot, draw: Draw) {
  const { random } = draw;
  const isOther = facts.mixed && slot.number > 0 && random.chance(0.4);
  const attack = isOther ? drawAttack(random) : facts.attack;
  return {
    subject: isOther ? random.pick(attack.subjects) : facts.subject,
    attackType: attack.type,
    attackStrategy: draw.orNull(random.pick(attack.strategies)),
    attackVector: draw.orNull(random.pick(attack.vectors)),
    attackedParty: draw.orNull(random.pick(ATTACKED)),
    impersonatedParty: draw.orNull(random.pick(IMPERSONATED)),
    summaryInsights: attack.insights.slice(0, random.between(0, attack.insights.length + 1)),
  };
}

function contentOf({ old }: ThreatFacts, { random }: Draw) {
  const hasFile = random.chance(0.25);
  const [host, number] = [random.pick(LINK_HOSTS), random.below(100_000)];
  const links = [`https://${host}/r/${number}`, `https://${host}/`];
  const urls = random.chance(0.6) ? links.slice(random.below(2)) : [];
  return {
    attachmentNames: hasFile ? [random.pick(ATTACHMENTS)] : [],
    attachmentCount: old ? undefined : Number(hasFile),
    urls,
    // upstream counts more than it gives
    urlCount: old ? undefined : urls.length * random.between(1, 4),
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
