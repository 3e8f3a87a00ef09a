import type { IntegerForm } from './json.js';
import type { World } from './options.js';
import type { ThreatCourse } from './threat-course.js';
import { givenMessages } from './threat-payload.js';

/** The body of `GET /threats/{id}/attachments`. */
export function attachmentsOf(world: World, course: ThreatCourse, at: number, integer: IntegerForm) {
  const messages = givenMessages(world, '', course, at, integer);
  const attachments = messages.flatMap(({ abxMessageId, abxMessageIdStr, attachmentNames }) =>
    attachmentNames.map((attachmentName) => ({ abxMessageId, abxMessageIdStr, attachmentName })),
  );
  return { attachments, tenantId: null, tenantName: null };
}

/** The body of `GET /threats/{id}/links`. */
export function linksOf(world: World, course: ThreatCourse, at: number, integer: IntegerForm) {
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
