import { visibleFrom } from './threat-course.js';
import { type MessageSlot, simulatedMessage, slotsAt, type ThreatView } from './threat-messages.js';

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
