import { ID, ObjectType } from 'type-graphql';
import type { ThreatAttachments, ThreatLinks } from '../../resources/threat/threat-parts.js';
import { ValueField } from '../base/fields.js';
import type { RecordInView } from '../records/read-record.js';
import { Provenance } from '../records/record.type.js';

@ObjectType({ simpleResolvers: true, description: 'A file attached to a message of a threat.' })
export class Attachment {
  @ValueField(() => ID, { nullable: true, description: 'The message it is attached to: Abnormal’s id.' })
  readonly messageId!: string | null;

  @ValueField(() => String, { personal: ['attachments'], nullable: true, description: 'The file’s name.' })
  readonly name!: string | null;
}

@ObjectType({
  simpleResolvers: true,
  description: 'A threat’s attachments: `GET /threats/{id}/attachments`.',
})
export class AttachmentList {
  constructor(private readonly seen: RecordInView<'threatAttachments'>) {}

  @ValueField(() => [Attachment], { description: 'The attachments of all its messages.' })
  get items(): ThreatAttachments['attachments'] {
    return this.seen.revision.record.attachments;
  }

  @ValueField(() => Provenance, { description: 'Where these data come from: they are read on demand.' })
  get provenance(): Provenance {
    return new Provenance(this.seen.revision, this.seen.view);
  }
}

@ObjectType({ simpleResolvers: true, description: 'A link in a message of a threat.' })
export class Link {
  @ValueField(() => ID, { nullable: true, description: 'The message it stands in: Abnormal’s id.' })
  readonly messageId!: string | null;

  @ValueField(() => String, {
    personal: ['urls'],
    nullable: true,
    description: 'Where it leads. Handle with care.',
  })
  readonly url!: string | null;

  @ValueField(() => String, {
    personal: ['urls'],
    nullable: true,
    description: 'The domain it leads to (`domainLink`).',
  })
  readonly domain!: string | null;

  @ValueField(() => String, {
    nullable: true,
    description: 'What kind of link, as received, such as `html href`.',
  })
  readonly linkType!: string | null;

  @ValueField(() => String, {
    nullable: true,
    description: 'Where in the message, as received, such as `body`.',
  })
  readonly source!: string | null;

  @ValueField(() => String, { personal: ['urls'], nullable: true, description: 'The text that shows.' })
  readonly displayText!: string | null;
}

@ObjectType({ simpleResolvers: true, description: 'A threat’s links: `GET /threats/{id}/links`.' })
export class LinkList {
  constructor(private readonly seen: RecordInView<'threatLinks'>) {}

  @ValueField(() => [Link], { description: 'The links in all its messages.' })
  get items(): ThreatLinks['links'] {
    return this.seen.revision.record.links;
  }

  @ValueField(() => Provenance, { description: 'Where these data come from: they are read on demand.' })
  get provenance(): Provenance {
    return new Provenance(this.seen.revision, this.seen.view);
  }
}
