import { InterfaceType } from 'type-graphql';
import { wholeOnes } from '../../history/errors.js';
import type { RevisionRecord } from '../../model/revision.js';
import type { Kind, ListedKind, PartKind, RecordOf } from '../../resources/registry.js';
import { earliest } from '../../values/instant.js';
import { describedEnum, OutputType, showFields, Value } from '../base/fields.js';
import { TYPE_OF, toGlobalId } from '../base/global-id.js';
import type { View } from '../lists/view.js';

const GLOBAL_ID =
  'Global id, unique over all types and integrations. It does not change. Opaque; Abnormal’s id is in a separate field.';

@InterfaceType({ description: 'An object that `node(id)` can return.' })
export abstract class Node {
  readonly id!: string;
}

showFields(Node, 'this', { id: Value.id(GLOBAL_ID) });

@InterfaceType('Record', {
  implements: Node,
  description: 'A record collected from Abnormal. The gateway stores every version.',
})
export abstract class RecordNode<K extends ListedKind = ListedKind> extends Node {
  globalId: string | null = null;

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
}

showFields(RecordNode, 'this', {
  id: Value.id(GLOBAL_ID, {
    by: (_, node: RecordNode) => {
      const { kind, integration, id } = node.revision.key;
      node.globalId ??= toGlobalId(TYPE_OF[kind], integration, id);
      return node.globalId;
    },
  }),
  provenance: Value.object(() => Provenance, 'Origin of these data, and when they were confirmed.', {
    by: ({ revision, view }) => new Provenance(revision, view),
  }),
  deletedAt: Value.instantOrNull(
    'When the gateway found that Abnormal had deleted the record (UTC): two 404 responses in different runs. The other fields show the last version. Null while the record exists. Lists do not contain deleted records.',
    { by: ({ revision }) => (revision.deleted ? revision.observedFrom : null) },
  ),
  unread: Value.texts(
    'Parts of Abnormal’s response that cannot be read, each as path and problem: `messages.2: neither abxMessageIdStr nor abxMessageId holds an id`. At most ten. The fields show null for such a value and leave out such an element of a list; `received` of the revision contains it.',
    { by: ({ record }) => record.unread ?? [] },
  ),
});

const Source = describedEnum<'RECORDED' | 'LIVE' | 'SIMULATED'>('Source', 'Origin of a record’s data.', {
  RECORDED: 'From the history.',
  LIVE: 'Read from Abnormal for this request and then recorded. If several requests waited for the same reading, it is live for each of them.',
  SIMULATED: 'From the built-in simulated tenant: no real data, however it was read.',
});

@OutputType('Origin of a record’s data, and when they were confirmed.')
export class Provenance {
  constructor(
    readonly revision: RevisionRecord,
    readonly view: View,
  ) {}
}

showFields(Provenance, 'revision', {
  integration: Value.id('Name of the integration: the Abnormal account that the record was read from.', {
    by: (revision) => revision.key.integration,
  }),
  observedAt: Value.instant('When the gateway first saw this version (UTC).', {
    by: (revision) => revision.observedFrom,
  }),
  verifiedAt: Value.instant(
    'When Abnormal last returned this version (UTC). With `asOf` it may be later than that instant: Abnormal returned this version both before and after it.',
  ),
  digest: Value.text(
    'SHA-256, in hex, of what Abnormal sent, as canonical JSON (RFC 8785). Versions with equal digests are equal.',
  ),
  runId: Value.id('The run that first saw this version.'),
  source: Value.enum(
    () => Source,
    'Whether the record is from the history, read for this answer, or simulated.',
    {
      by: (revision, { view }) => {
        if (revision.origin === 'SIMULATED') return 'SIMULATED';
        return isReadFor(view, revision) ? 'LIVE' : 'RECORDED';
      },
    },
  ),
  stale: Value.boolean('Whether the record is older than requested because Abnormal could not be asked.', {
    by: (_revision, { view }) => view.freshness?.stale ?? false,
  }),
  staleReason: Value.textOrNull('Why the answer is stale, in words; null if it is not stale.', {
    by: (_revision, { view }) => (view.freshness?.stale ? view.freshness.reason : null),
  }),
});

export interface RecordInView<K extends Kind = Kind> {
  readonly revision: RevisionRecord<K>;
  readonly view: View;
}

/** The type of a part of a record, which is read on demand. */
export function partOf<K extends PartKind>() {
  @OutputType('A part of a record.')
  class Part {
    constructor(readonly seen: RecordInView<K>) {}
  }

  showFields(Part, 'seen', {
    provenance: Value.object(() => Provenance, 'Origin of these data: they are read on demand.', {
      by: (seen) => new Provenance(seen.revision, seen.view),
    }),
  });
  return Part;
}

/** Whether this request waited for the read that confirmed the version, even if another one started it. */
function isReadFor({ freshness, requestedAt }: View, { verifiedAt }: RevisionRecord): boolean {
  if (freshness === null || freshness.stale || !freshness.live) return false;
  return verifiedAt >= earliest(freshness.readSince ?? requestedAt, requestedAt);
}
