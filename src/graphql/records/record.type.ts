import { ID, InterfaceType } from 'type-graphql';
import { wholeOnes } from '../../history/errors.js';
import type { RevisionRecord } from '../../model/revision.js';
import type { Kind, ListedKind, PartKind, RecordOf } from '../../resources/registry.js';
import { earliest, type Instant } from '../../values/instant.js';
import { describedEnum, OutputType, ValueField, valueFieldFrom } from '../base/fields.js';
import { TYPE_OF, toGlobalId } from '../base/global-id.js';
import type { View } from '../lists/view.js';

@InterfaceType({ description: 'An object that `node(id)` can return.' })
export abstract class Node {
  abstract readonly id: string;
}

// not written at the property: some compilers omit the decorators of abstract members
ValueField(() => ID, {
  description:
    'Global id, unique over all types and integrations. It does not change. Opaque; Abnormal’s id is in a separate field.',
})(Node.prototype, 'id');

@InterfaceType('Record', {
  implements: Node,
  description: 'A record collected from Abnormal. The gateway stores every version.',
})
export abstract class RecordNode<K extends ListedKind = ListedKind> extends Node {
  private globalId: string | null = null;

  constructor(
    readonly revision: RevisionRecord<K>,
    /** The view of everything below this node. */
    readonly view: View,
  ) {
    super();
    // checked here, because a compiled query does not catch what a getter throws
    wholeOnes([revision]);
  }

  get record(): RecordOf[K] {
    return this.revision.record;
  }

  @ValueField.id(
    'Global id, unique over all types and integrations. It does not change. Opaque; Abnormal’s id is in a separate field.',
  )
  get id(): string {
    if (this.globalId === null) {
      const { kind, integration, id } = this.revision.key;
      this.globalId = toGlobalId(TYPE_OF[kind], integration, id);
    }
    return this.globalId;
  }

  @ValueField.instantOrNull(
    'When the gateway found that Abnormal had deleted the record (UTC): two 404 responses in different runs. The other fields show the last version. Null while the record exists. Lists do not contain deleted records.',
  )
  get deletedAt(): Instant | null {
    return this.revision.deleted ? this.revision.observedFrom : null;
  }

  @ValueField(() => Provenance, { description: 'Origin of these data, and when they were confirmed.' })
  get provenance(): Provenance {
    return new Provenance(this.revision, this.view);
  }

  @ValueField(() => [String], {
    description:
      'Parts of Abnormal’s response that cannot be read, each as path and problem: `messages.2: neither abxMessageIdStr nor abxMessageId holds an id`. At most ten. The fields show null for such a value and leave out such an element of a list; `received` of the revision contains it.',
  })
  get unread(): readonly string[] {
    return this.record.unread ?? [];
  }
}

type Source = 'RECORDED' | 'LIVE' | 'SIMULATED';

const Source = describedEnum<Source>('Source', 'Origin of a record’s data.', {
  RECORDED: 'From the history.',
  LIVE: 'Read from Abnormal for this request and then recorded. If several requests waited for the same reading, it is live for each of them.',
  SIMULATED: 'From the built-in simulated tenant: no real data, however it was read.',
});

const RevisionValue = valueFieldFrom('revision');

@OutputType('Origin of a record’s data, and when they were confirmed.')
export class Provenance {
  constructor(
    readonly revision: RevisionRecord,
    private readonly view: View,
  ) {}

  @RevisionValue.id('Name of the integration: the Abnormal account that the record was read from.', {
    from: 'key.integration',
  })
  readonly integration!: string;

  @ValueField(() => Source, {
    description: 'Whether the record is from the history, read for this answer, or simulated.',
  })
  get source(): Source {
    if (this.revision.origin === 'SIMULATED') return 'SIMULATED';
    return isReadFor(this.view, this.revision) ? 'LIVE' : 'RECORDED';
  }

  @RevisionValue.instant('When the gateway first saw this version (UTC).', { from: 'observedFrom' })
  readonly observedAt!: Instant;

  @RevisionValue.instant(
    'When Abnormal last returned this version (UTC). With `asOf` it may be later than that instant: Abnormal returned this version both before and after it.',
  )
  readonly verifiedAt!: Instant;

  @RevisionValue.text(
    'SHA-256, in hex, of what Abnormal sent, as canonical JSON (RFC 8785). Versions with equal digests are equal.',
  )
  readonly digest!: string;

  @RevisionValue.id('The run that first saw this version.')
  readonly runId!: string;

  @ValueField.boolean('Whether the record is older than requested because Abnormal could not be asked.')
  get stale(): boolean {
    return this.view.freshness?.stale ?? false;
  }

  @ValueField.textOrNull('Why the answer is stale, in words; null if it is not stale.')
  get staleReason(): string | null {
    return this.view.freshness?.stale ? this.view.freshness.reason : null;
  }
}

/** With the view in which it was read. */
export interface RecordInView<K extends Kind = Kind> {
  readonly revision: RevisionRecord<K>;
  readonly view: View;
}

/** The values of a part of a record. */
export const PartValue = valueFieldFrom('seen.revision.record');

/** The type of a part of a record, which is read on demand. */
export function partOf<K extends PartKind>() {
  @OutputType('A part of a record.')
  class Part {
    constructor(readonly seen: RecordInView<K>) {}

    @ValueField(() => Provenance, { description: 'Origin of these data: they are read on demand.' })
    get provenance(): Provenance {
      return new Provenance(this.seen.revision, this.seen.view);
    }
  }
  return Part;
}

/** Whether this request waited for the read that confirmed the version, even if another one started it. */
function isReadFor({ freshness, requestedAt }: View, { verifiedAt }: RevisionRecord): boolean {
  if (freshness === null || freshness.stale || !freshness.live) return false;
  return verifiedAt >= earliest(freshness.readSince ?? requestedAt, requestedAt);
}
