import { HOUR } from '../model/instant.js';
import type { IntegerForm } from './json.js';
import type { World } from './options.js';
import { employee } from './people.js';
import { hash32, Random } from './random.js';
import { type Step, stepAt, type ThreatCourse } from './threat-course.js';
import { drawAttack, type ThreatFacts, threatFacts } from './threat-facts.js';
import { type Slot, slotsAt } from './threat-messages.js';
import { zulu, zuluFraction } from './times.js';
import { ATTACHMENTS, ATTACKED, IMPERSONATED, LINK_HOSTS, REMEDIATED } from './words.js';

const SAMPLE = 10;
/** More messages than this Abnormal gives of no threat. */
const MOST_MESSAGES = 2000;

export interface DetailPage {
  readonly size: number;
  readonly number: number;
}

/** The threat at `at` with every message that the account gives. */
export function wholeThreat(
  world: World,
  id: string,
  course: ThreatCourse,
  at: number,
  integer: IntegerForm,
) {
  const slots = slotsAt(world, course, at).slice(0, world.sampleOnly ? SAMPLE : MOST_MESSAGES);
  return threatOf(world, id, course, at, slots, integer);
}

/** One page of its detail. Accounts that give a sample ignore the page asked for and name none. */
export function threatPage(
  world: World,
  id: string,
  course: ThreatCourse,
  at: number,
  page: DetailPage,
  integer: IntegerForm,
) {
  if (world.sampleOnly) return wholeThreat(world, id, course, at, integer);
  const all = slotsAt(world, course, at).slice(0, MOST_MESSAGES);
  const end = page.size * page.number;
  return {
    ...threatOf(world, id, course, at, all.slice(end - page.size, end), integer),
    pageNumber: page.number,
    nextPageNumber: all.length > end ? page.number + 1 : undefined,
  };
}

function threatOf(
  world: World,
  id: string,
  course: ThreatCourse,
  at: number,
  slots: readonly Slot[],
  integer: IntegerForm,
) {
  const facts = threatFacts(world, course.index);
  const seen = course.waves.filter((wave) => wave.visibleAt <= at);
  return {
    threatId: id,
    recipientCount: seen.reduce((sum, wave) => sum + wave.count, facts.uncounted),
    messages: slots.map((slot) => messageOf(world, id, course, facts, slot, at, integer)),
    tenantId: facts.tenantId,
    tenantName: facts.tenantId === null ? null : facts.tenantId && 'meridian-mills',
  };
}

function messageOf(
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

/** The body of `GET /threats/{id}/attachments`. */
export function attachmentsOf(world: World, course: ThreatCourse, at: number, integer: IntegerForm) {
  const { messages } = wholeThreat(world, '', course, at, integer);
  const attachments = messages.flatMap(({ abxMessageId, abxMessageIdStr, attachmentNames }) =>
    attachmentNames.map((attachmentName) => ({ abxMessageId, abxMessageIdStr, attachmentName })),
  );
  return { attachments, tenantId: null, tenantName: null };
}

/** The body of `GET /threats/{id}/links`. */
export function linksOf(world: World, course: ThreatCourse, at: number, integer: IntegerForm) {
  const { messages } = wholeThreat(world, '', course, at, integer);
  const links = messages.flatMap(({ abxMessageId, abxMessageIdStr, urls }) =>
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
