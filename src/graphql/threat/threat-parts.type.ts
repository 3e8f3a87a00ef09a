import type {
  RemediationHistory,
  ThreatAttachments,
  ThreatLinks,
} from '../../resources/threat/threat-parts.js';
import type { Instant } from '../../values/instant.js';
import { OutputType, ValueField } from '../base/fields.js';
import { PartValue, partOf } from '../records/record.type.js';

@OutputType('A file attached to a message of a threat.')
class Attachment {
  @ValueField.idOrNull('Abnormal’s id of the message.')
  readonly messageId!: string | null;

  @ValueField.textOrNull('Name of the file.', { personal: ['attachments'] })
  readonly name!: string | null;
}

@OutputType('Attachments of a threat: `GET /threats/{id}/attachments`.')
export class AttachmentList extends partOf<'threatAttachments'>() {
  @PartValue(() => [Attachment], { from: 'attachments', description: 'The attachments of all messages.' })
  readonly items!: ThreatAttachments['attachments'];
}

@OutputType('A link in a message of a threat.')
class Link {
  @ValueField.idOrNull('Abnormal’s id of the message that contains the link.')
  readonly messageId!: string | null;

  @ValueField.textOrNull('Target of the link. It may be malicious: do not open it.', { personal: ['urls'] })
  readonly url!: string | null;

  @ValueField.textOrNull('Domain of the target (`domainLink`).', { personal: ['urls'] })
  readonly domain!: string | null;

  @ValueField.textOrNull('Kind of link, as received, such as `html href`.')
  readonly linkType!: string | null;

  @ValueField.textOrNull('Location in the message, as received, such as `body`.')
  readonly source!: string | null;

  @ValueField.textOrNull('Displayed text of the link.', { personal: ['urls'] })
  readonly displayText!: string | null;
}

@OutputType('Links of a threat: `GET /threats/{id}/links`.')
export class LinkList extends partOf<'threatLinks'>() {
  @PartValue(() => [Link], { from: 'links', description: 'The links in all messages.' })
  readonly items!: ThreatLinks['links'];
}

@OutputType('One step of the remediation of a message.')
class RemediationEvent {
  @ValueField.text('What was done, as received, such as `Auto-Remediated`.')
  readonly statusRaw!: string;

  @ValueField.instantOrNull('When it was done (UTC); null if Abnormal gives no time that can be read.')
  readonly time!: Instant | null;
}

@OutputType('A folder of a mailbox.')
class MailFolder {
  @ValueField.textOrNull('Name; null if Abnormal gives none.', { personal: ['texts'] })
  readonly name!: string | null;

  @ValueField.textOrNull('Name as users see it (`display_name`); null if Abnormal gives none.', {
    personal: ['texts'],
  })
  readonly displayName!: string | null;
}

@OutputType('What was done with a message, and where it is: `GET /messages/{id}/remediation_history`.', {
  name: 'RemediationHistory',
})
export class RemediationHistoryReport extends partOf<'messageRemediation'>() {
  @PartValue.id('Abnormal’s id of the message.')
  readonly messageId!: string;

  @PartValue(() => [RemediationEvent], {
    description: 'The steps, oldest first (`remediation_history`). Abnormal returns each status once.',
  })
  readonly events!: RemediationHistory['events'];

  @PartValue(() => [MailFolder], { description: 'Where the message is (`folder_locations`).' })
  readonly folders!: RemediationHistory['folders'];
}
