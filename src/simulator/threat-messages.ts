import { HOUR } from '../values/instant.js';
import type { TenantWorld } from './options.js';
import { hash32, int64Text, Random } from './random.js';
import {
  drawAttack,
  SPREAD,
  type Step,
  stepAt,
  type ThreatCourse,
  type ThreatFacts,
  threatCourse,
  threatFacts,
  visibleFrom,
  type Wave,
} from './threat-course.js';
import { type IntegerForm, zulu, zuluFraction } from './wire.js';
import { ATTACHMENTS, ATTACKED, employee, IMPERSONATED, LINK_HOSTS, REMEDIATED } from './words.js';

export interface MessageSlot {
  /** Its number within the threat, from 0. */
  readonly number: number;
  readonly wave: Wave;
  /** Ms since the epoch, a full second. */
  readonly received: number;
  /** A signed 64-bit integer as text. */
  readonly id: string;
}

export function messageId(world: TenantWorld, index: number, number: number): string {
  return int64Text(hash32(world.seed, 51, index, number), hash32(world.seed, 52, index, number));
}

/** When message `number` of a wave was received; the first one at the wave's start. */
function receivedAt(world: TenantWorld, index: number, wave: Wave, number: number): number {
  if (number === wave.first) return wave.at;
  const draw = hash32(world.seed, 53, index, number);
  // half of them in the same second as the first, like one mail to several people
  return draw & 1 ? wave.at : wave.at + ((draw >>> 1) % (SPREAD / 1000)) * 1000;
}

export interface ThreatView {
  readonly world: TenantWorld;
  readonly id: string;
  readonly course: ThreatCourse;
  readonly facts: ThreatFacts;
  /** In ms since the epoch. */
  readonly at: number;
  readonly integer: IntegerForm;
}

export function threatView(
  world: TenantWorld,
  id: string,
  index: number,
  at: number,
  integer: IntegerForm,
): ThreatView {
  return { world, id, at, integer, course: threatCourse(world, index), facts: threatFacts(world, index) };
}

/** The messages, newest first, ties in an order unrelated to ids. */
export function slotsAt({ world, course, at }: Pick<ThreatView, 'world' | 'course' | 'at'>): MessageSlot[] {
  const slots: MessageSlot[] = [];
  for (const wave of course.waves) {
    if (wave.visibleAt > at) continue;
    for (let number = wave.first; number < wave.first + wave.count; number++) {
      const received = receivedAt(world, course.index, wave, number);
      slots.push({ number, wave, received, id: messageId(world, course.index, number) });
    }
  }
  return slots.sort((a, b) => b.received - a.received || b.number - a.number);
}

/** Whether a message at `at` was received in `[from, to)`. */
export function isReceivedWithin(
  world: TenantWorld,
  course: ThreatCourse,
  from: number,
  to: number,
  at: number,
): boolean {
  return course.waves.some((wave) => {
    if (wave.visibleAt > at || wave.at >= to || wave.at + SPREAD < from) return false;
    if (wave.at >= from) return true;
    for (let number = wave.first; number < wave.first + wave.count; number++) {
      const received = receivedAt(world, course.index, wave, number);
      if (received >= from && received < to) return true;
    }
    return false;
  });
}

/** A message of a threat's detail. Constant fields are drawn the same at every instant. */
export function simulatedMessage(view: ThreatView, slot: MessageSlot) {
  const { world, id: threatId, course, facts, integer } = view;
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
    // the mails of one wave are copies of one mail
    internetMessageId: draw.orNull(
      `<${hash32(world.seed, 62, course.index, slot.wave.first).toString(16)}@mx.example.net>`,
    ),
    ...remediationOf(view, slot),
    ...attackOf(facts, slot, draw),
    ...contentOf(facts, draw),
    isRead: draw.random.chance(0.75) ? null : draw.random.chance(0.5),
    source: draw.orNot('Attack'),
    tenantId: facts.tenantId,
    tenantName: facts.tenantId === null ? null : facts.tenantId && 'meridian-mills',
  };
}

class Draw {
  constructor(
    private readonly world: TenantWorld,
    readonly random: Random,
  ) {}

  orNull<T>(value: T): T | null {
    return this.random.chance(this.world.shares.nulls) ? null : value;
  }

  orNot<T>(value: T): T | null | undefined {
    return this.random.chance(this.world.shares.absentFields) ? undefined : this.orNull(value);
  }

  orBlank(text: string): string | null | undefined {
    return this.random.chance(this.world.shares.nulls / 2) ? '' : this.orNot(text);
  }
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

function recipientsOf(facts: ThreatFacts, slot: MessageSlot, draw: Draw) {
  const { address } = slot.number === 0 ? facts.recipients[0] : employee(draw.random);
  return {
    toAddresses: addressesOf(facts, address, draw.random),
    recipientAddress: draw.orNot(address),
    ccEmails: draw.random.chance(0.1) ? [facts.recipients[1].address] : [],
  };
}

function attackOf(facts: ThreatFacts, slot: MessageSlot, draw: Draw) {
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
    // upstream counts more URLs than it returns
    urlCount: old ? undefined : urls.length * random.between(1, 4),
  };
}

/** A comma-separated string cut at 255 characters, an array, or an empty string. */
function addressesOf(facts: ThreatFacts, own: string, random: Random): string | string[] {
  const addresses = [own, ...facts.recipients.slice(1).map((person) => person.address)];
  const some = addresses.slice(0, random.between(1, addresses.length + 1));
  if (facts.arrayAddresses) return some;
  if (random.chance(0.03)) return '';
  return some.join(random.chance(0.5) ? ', ' : ',').slice(0, 255);
}

function remediationOf({ world, course, facts, at }: ThreatView, slot: MessageSlot) {
  const draw = hash32(world.seed, 63, course.index, slot.number);
  if (slot.number > slot.wave.first && draw % 33 === 0) return MARKED_SAFE;
  const step = stepAt(slot.wave, at);
  const kind = hash32(world.seed, 64, course.index);
  const isDone = step.action === 'remediated';
  const hasTime = isDone || (step.action === 'attempted' && (kind & 1) === 1);
  const isLate = step.time - slot.wave.at > 3 * HOUR;
  // older accounts do not say how a message was remediated, although there is a time
  const saysHow = isDone && kind % 10 > 0;
  return {
    remediationStatus: facts.old ? undefined : statusOf(step, isLate, kind),
    remediationTimestamp: hasTime ? timeText(step, slot, draw) : null,
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

/** The wave's first message has the time of the step, the others a slightly earlier one. */
function timeText(step: Step, slot: MessageSlot, draw: number): string {
  const time = slot.number === slot.wave.first ? step.time : step.time - (draw % 2000);
  if (draw % 7 === 0) return zulu(time);
  return zuluFraction(time, ['', '64', '640', '123456'][draw & 3] ?? '');
}

const SAMPLE = 10;
const MOST_MESSAGES = 2000;

export interface DetailPage {
  readonly size: number;
  readonly number: number;
}

/** Whether the detail answers; otherwise with 404. */
export function isGiven({ course, at }: ThreatView): boolean {
  return visibleFrom(course) <= at && course.goneAt > at;
}

/** The threat with every message that the account returns. */
export function wholeThreat(view: ThreatView) {
  const messages = givenMessages(view);
  return { ...frameOf(view), messages: view.facts.withoutMessages === 'absent' ? undefined : messages };
}

/** All messages of a complete reading, newest first, ties by id. */
function givenMessages(view: ThreatView) {
  return givenSlots(view)
    .sort((a, b) => b.received - a.received || (a.id < b.id ? -1 : 1))
    .map((slot) => simulatedMessage(view, slot));
}

function givenSlots(view: ThreatView): MessageSlot[] {
  if (view.facts.withoutMessages !== null) return [];
  return slotsAt(view).slice(0, view.world.sampleOnly ? SAMPLE : MOST_MESSAGES);
}

/** One page of its detail. Accounts with a sample ignore paging. */
export function threatPage(view: ThreatView, page: DetailPage) {
  const { sampleOnly } = view.world;
  const all = givenSlots(view);
  const end = sampleOnly ? SAMPLE : page.size * page.number;
  const messages = all
    .slice(sampleOnly ? 0 : end - page.size, end)
    .map((slot) => simulatedMessage(view, slot));
  return {
    ...frameOf(view),
    messages: view.facts.withoutMessages === 'absent' ? undefined : messages,
    pageNumber: sampleOnly ? undefined : page.number,
    nextPageNumber: all.length > end ? page.number + 1 : undefined,
  };
}

function frameOf({ id, facts: { tenantId, uncounted }, course, at }: ThreatView) {
  const seen = course.waves.filter((wave) => wave.visibleAt <= at);
  return {
    threatId: id,
    recipientCount: seen.reduce((sum, wave) => sum + wave.count, uncounted),
    tenantId,
    tenantName: tenantId === null ? null : tenantId && 'meridian-mills',
  };
}

export function attachmentsOf(view: ThreatView) {
  const attachments = givenMessages(view).flatMap(({ abxMessageId, abxMessageIdStr, attachmentNames }) =>
    attachmentNames.map((attachmentName) => ({ abxMessageId, abxMessageIdStr, attachmentName })),
  );
  return { attachments, tenantId: null, tenantName: null };
}

export function linksOf(view: ThreatView) {
  const links = givenMessages(view).flatMap(({ abxMessageId, abxMessageIdStr, urls }) =>
    urls.map((linkUrl, place) => ({
      abxMessageId,
      abxMessageIdStr,
      domainLink: linkUrl.slice('https://'.length, linkUrl.indexOf('/', 'https://'.length)),
      linkType: place === 0 ? 'html href' : 'text',
      source: 'body',
      displayText: place === 0 ? 'Open' : null,
      linkUrl,
    })),
  );
  return { links, tenantId: null, tenantName: null };
}
