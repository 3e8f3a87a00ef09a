import { ID, InterfaceType, ObjectType } from 'type-graphql';
import { wholeOnes } from '../../history/errors.js';
import type { RevisionRecord } from '../../model/revision.js';
import type { ListedKind, RecordOf } from '../../resources/registry.js';
import { earliest, type Instant } from '../../values/instant.js';
import { describedEnum, ValueField, valueFieldFrom } from '../base/fields.js';
import { TYPE_OF, toGlobalId } from '../base/global-id.js';
import { DateTime } from '../base/scalars.js';
import type { View } from '../lists/view.js';

@InterfaceType({ description: 'Anything that `node(id)` finds.' })
export abstract class Node {
  abstract readonly id: string;
}

// not written at the property: some compilers omit the decorators of abstract members
ValueField(() => ID, {
  description:
    'Unique over all types and integrations, and lasting. Opaque: Abnormal’s own id stands beside it.',
})(Node.prototype, 'id');

@InterfaceType('Record', {
  implements: Node,
  description: 'Anything collected from Abnormal, of which every version is kept.',
})
export abstract class RecordNode<K extends ListedKind = ListedKind> extends Node {
  private globalId: string | null = null;

  constructor(
    readonly revision: RevisionRecord<K>,
    /** Everything below this node is read in this view. */
    readonly view: View,
  ) {
    super();
    // checked here, because a compiled query does not catch what a getter throws
    wholeOnes([revision]);
  }

  get record(): RecordOf[K] {
    return this.revision.record;
  }

  @ValueField(() => ID, {
    description:
      'Unique over all types and integrations, and lasting. Opaque: Abnormal’s own id stands beside it.',
  })
  get id(): string {
    if (this.globalId === null) {
      const { kind, integration, id } = this.revision.key;
      this.globalId = toGlobalId(TYPE_OF[kind], integration, id);
    }
    return this.globalId;
  }

  @ValueField(() => DateTime, {
    nullable: true,
    description:
      'When the gateway found it gone at Abnormal (two answers of 404, in different runs); the fields show the last version. Null while it is there. Lists leave deleted records out.',
  })
  get deletedAt(): Instant | null {
    return this.revision.deleted ? this.revision.observedFrom : null;
  }

  @ValueField(() => Provenance, { description: 'Where these data come from, and how sure they are.' })
  get provenance(): Provenance {
    return new Provenance(this.revision, this.view);
  }

  @ValueField(() => [String], {
    description:
      'Parts of what Abnormal sent that cannot be read, by path with what is wrong: `messages.2: neither abxMessageIdStr nor abxMessageId holds an id`. At most ten. The fields show null for such a value and leave out such an element of a list; `received` of the revision keeps it.',
  })
  get unread(): readonly string[] {
    return this.record.unread ?? [];
  }
}

type Source = 'RECORDED' | 'LIVE' | 'SIMULATED';

const Source = describedEnum<Source>('Source', 'Where a record’s data come from.', {
  RECORDED: 'From the history.',
  LIVE: 'Abnormal was read while the caller waited, and what it said was recorded first. A reading that several callers waited for is live for each of them.',
  SIMULATED: 'From the built-in simulated tenant: no real data, however it was read.',
});

const RevisionValue = valueFieldFrom('revision');

@ObjectType({ simpleResolvers: true, description: 'Where a record’s data come from, and how sure they are.' })
export class Provenance {
  constructor(
    readonly revision: RevisionRecord,
    private readonly view: View,
  ) {}

  @RevisionValue(() => ID, {
    from: 'key.integration',
    description: 'The integration, by name: the Abnormal account it was read from.',
  })
  readonly integration!: string;

  @ValueField(() => Source, {
    description: 'Whether it was recorded before, read for this answer, or made up.',
  })
  get source(): Source {
    if (this.revision.origin === 'SIMULATED') return 'SIMULATED';
    return isReadFor(this.view, this.revision) ? 'LIVE' : 'RECORDED';
  }

  @RevisionValue(() => DateTime, {
    from: 'observedFrom',
    description: 'When the gateway first saw this version, in its own time (UTC).',
  })
  readonly observedAt!: Instant;

  @RevisionValue(() => DateTime, {
    description:
      'When Abnormal last gave this very version. With `asOf` it may be later than that instant: the version is then confirmed on both sides of it.',
  })
  readonly verifiedAt!: Instant;

  @RevisionValue(() => String, {
    description:
      'SHA-256 in hex of what Abnormal sent, as canonical JSON (RFC 8785). Equal digests are one version.',
  })
  readonly digest!: string;

  @RevisionValue(() => ID, { description: 'The run that first saw this version.' })
  readonly runId!: string;

  @ValueField(() => Boolean, {
    description: 'True when Abnormal could not be asked and this is older than the answer was to be.',
  })
  get stale(): boolean {
    return this.view.freshness?.stale ?? false;
  }

  @ValueField(() => String, { nullable: true, description: 'Why it is stale, for a person.' })
  get staleReason(): string | null {
    return this.view.freshness?.stale ? this.view.freshness.reason : null;
  }
}

/** Whether the caller waited for the read that confirmed the version, even if another caller started it. */
function isReadFor({ freshness, requestedAt }: View, { verifiedAt }: RevisionRecord): boolean {
  if (freshness === null || freshness.stale || !freshness.live) return false;
  return verifiedAt >= earliest(freshness.readSince ?? requestedAt, requestedAt);
}
