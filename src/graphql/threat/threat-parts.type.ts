import type {
  RemediationHistory,
  ThreatAttachments,
  ThreatLinks,
} from '../../resources/threat/threat-parts.js';
import type { Instant } from '../../values/instant.js';
import { OutputType, ValueField } from '../base/fields.js';
import type { RecordInView } from '../records/read-record.js';
import { Provenance } from '../records/record.type.js';

@OutputType('A file attached to a message of a threat.')
class Attachment {
  @ValueField.idOrNull('Abnormal’s id of the message.')
  readonly messageId!: string | null;

  @ValueField.textOrNull('Name of the file.', { personal: ['attachments'] })
  readonly name!: string | null;
}

@OutputType('Attachments of a threat: `GET /threats/{id}/attachments`.')
export class AttachmentList {
  constructor(private readonly seen: RecordInView<'threatAttachments'>) {}

  @ValueField(() => [Attachment], { description: 'The attachments of all messages.' })
  get items(): ThreatAttachments['attachments'] {
    return this.seen.revision.record.attachments;
  }

  @ValueField(() => Provenance, { description: 'Origin of these data: they are read on demand.' })
  get provenance(): Provenance {
    return new Provenance(this.seen.revision, this.seen.view);
  }
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
export class LinkList {
  constructor(private readonly seen: RecordInView<'threatLinks'>) {}

  @ValueField(() => [Link], { description: 'The links in all messages.' })
  get items(): ThreatLinks['links'] {
    return this.seen.revision.record.links;
  }

  @ValueField(() => Provenance, { description: 'Origin of these data: they are read on demand.' })
  get provenance(): Provenance {
    return new Provenance(this.seen.revision, this.seen.view);
  }
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
export class RemediationHistoryReport {
  constructor(private readonly seen: RecordInView<'messageRemediation'>) {}

  @ValueField.id('Abnormal’s id of the message.')
  get messageId(): string {
    return this.seen.revision.record.messageId;
  }

  @ValueField(() => [RemediationEvent], {
    description: 'The steps, oldest first (`remediation_history`). Abnormal returns each status once.',
  })
  get events(): RemediationHistory['events'] {
    return this.seen.revision.record.events;
  }

  @ValueField(() => [MailFolder], { description: 'Where the message is (`folder_locations`).' })
  get folders(): RemediationHistory['folders'] {
    return this.seen.revision.record.folders;
  }

  @ValueField(() => Provenance, { description: 'Origin of these data: they are read on demand.' })
  get provenance(): Provenance {
    return new Provenance(this.seen.revision, this.seen.view);
  }
}
