import type { TenantWorld } from './options.js';
import { type ThreatCourse, type ThreatFacts, threatFacts } from './threat-course.js';
import { type MessageSlot, simulatedMessage, slotsAt } from './threat-messages.js';
import type { IntegerForm } from './wire.js';

const SAMPLE = 10;
const MOST_MESSAGES = 2000;

export interface DetailPage {
  readonly size: number;
  readonly number: number;
}

/** The threat at `at` with every message that the account returns. */
export function wholeThreat(
  world: TenantWorld,
  id: string,
  course: ThreatCourse,
  at: number,
  integer: IntegerForm,
) {
  const facts = threatFacts(world, course.index);
  const messages = givenMessages(world, id, course, at, integer);
  return {
    ...frameOf(id, facts, course, at),
    messages: facts.withoutMessages === 'absent' ? undefined : messages,
  };
}

/** All messages of a complete reading, newest first, ties by id. */
function givenMessages(
  world: TenantWorld,
  id: string,
  course: ThreatCourse,
  at: number,
  integer: IntegerForm,
) {
  const facts = threatFacts(world, course.index);
  return givenSlots(world, course, facts, at)
    .sort((a, b) => b.received - a.received || (a.id < b.id ? -1 : 1))
    .map((slot) => simulatedMessage(world, id, course, facts, slot, at, integer));
}

function givenSlots(world: TenantWorld, course: ThreatCourse, facts: ThreatFacts, at: number): MessageSlot[] {
  if (facts.withoutMessages !== null) return [];
  return slotsAt(world, course, at).slice(0, world.sampleOnly ? SAMPLE : MOST_MESSAGES);
}

/** One page of its detail. Accounts with a sample ignore paging. */
export function threatPage(
  world: TenantWorld,
  id: string,
  course: ThreatCourse,
  at: number,
  page: DetailPage,
  integer: IntegerForm,
) {
  const facts = threatFacts(world, course.index);
  const all = givenSlots(world, course, facts, at);
  const end = world.sampleOnly ? SAMPLE : page.size * page.number;
  const messages = all
    .slice(world.sampleOnly ? 0 : end - page.size, end)
    .map((slot) => simulatedMessage(world, id, course, facts, slot, at, integer));
  return {
    ...frameOf(id, facts, course, at),
    messages: facts.withoutMessages === 'absent' ? undefined : messages,
    pageNumber: world.sampleOnly ? undefined : page.number,
    nextPageNumber: all.length > end ? page.number + 1 : undefined,
  };
}

function frameOf(id: string, { tenantId, uncounted }: ThreatFacts, course: ThreatCourse, at: number) {
  const seen = course.waves.filter((wave) => wave.visibleAt <= at);
  return {
    threatId: id,
    recipientCount: seen.reduce((sum, wave) => sum + wave.count, uncounted),
    tenantId,
    tenantName: tenantId === null ? null : tenantId && 'meridian-mills',
  };
}

export function attachmentsOf(world: TenantWorld, course: ThreatCourse, at: number, integer: IntegerForm) {
  const messages = givenMessages(world, '', course, at, integer);
  const attachments = messages.flatMap(({ abxMessageId, abxMessageIdStr, attachmentNames }) =>
    attachmentNames.map((attachmentName) => ({ abxMessageId, abxMessageIdStr, attachmentName })),
  );
  return { attachments, tenantId: null, tenantName: null };
}

export function linksOf(world: TenantWorld, course: ThreatCourse, at: number, integer: IntegerForm) {
  const messages = givenMessages(world, '', course, at, integer);
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
