import { OutputType, outputType, showFields, Value } from '../base/fields.js';
import { partOf } from '../records/record.type.js';

const Attachment = outputType('Attachment', 'A file attached to a message of a threat.', {
  messageId: Value.idOrNull('Abnormal’s id of the message.'),
  name: Value.textOrNull('Name of the file.', { personal: ['attachments'] }),
});

@OutputType('Attachments of a threat: `GET /threats/{id}/attachments`.')
export class AttachmentList extends partOf<'threatAttachments'>() {}

showFields(AttachmentList, 'seen.revision.record', {
  items: Value.list(() => Attachment, 'The attachments of all messages.', {
    by: (record) => record.attachments,
  }),
});

const Link = outputType('Link', 'A link in a message of a threat.', {
  messageId: Value.idOrNull('Abnormal’s id of the message that contains the link.'),
  url: Value.textOrNull('Target of the link. It may be malicious: do not open it.', { personal: ['urls'] }),
  domain: Value.textOrNull('Domain of the target (`domainLink`).', { personal: ['urls'] }),
  linkType: Value.textOrNull('Kind of link, as received, such as `html href`.'),
  source: Value.textOrNull('Location in the message, as received, such as `body`.'),
  displayText: Value.textOrNull('Displayed text of the link.', { personal: ['urls'] }),
});

@OutputType('Links of a threat: `GET /threats/{id}/links`.')
export class LinkList extends partOf<'threatLinks'>() {}

showFields(LinkList, 'seen.revision.record', {
  items: Value.list(() => Link, 'The links in all messages.', { by: (record) => record.links }),
});

const RemediationEvent = outputType('RemediationEvent', 'One step of the remediation of a message.', {
  statusRaw: Value.text('What was done, as received, such as `Auto-Remediated`.'),
  time: Value.instantOrNull('When it was done (UTC); null if Abnormal gives no time that can be read.'),
});

const MailFolder = outputType('MailFolder', 'A folder of a mailbox.', {
  name: Value.textOrNull('Name; null if Abnormal gives none.', { personal: ['texts'] }),
  displayName: Value.textOrNull('Name as users see it (`display_name`); null if Abnormal gives none.', {
    personal: ['texts'],
  }),
});

@OutputType('What was done with a message, and where it is: `GET /messages/{id}/remediation_history`.', {
  name: 'RemediationHistory',
})
export class RemediationHistoryReport extends partOf<'messageRemediation'>() {}

showFields(RemediationHistoryReport, 'seen.revision.record', {
  messageId: Value.id('Abnormal’s id of the message.'),
  events: Value.list(
    () => RemediationEvent,
    'The steps, oldest first (`remediation_history`). Abnormal returns each status once.',
  ),
  folders: Value.list(() => MailFolder, 'Where the message is (`folder_locations`).'),
});
