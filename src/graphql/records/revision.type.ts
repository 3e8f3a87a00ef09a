import { isDeepStrictEqual } from 'node:util';
import { ArgsType, Ctx, Field, Int } from 'type-graphql';
import type { RevisionRecord } from '../../model/revision.js';
import type { StreamState } from '../../model/stream.js';
import {
  byKind,
  DEFINITION_OF,
  type ListedKind,
  RESOURCE_OF,
  type RecordOf,
} from '../../resources/registry.js';
import type { MessageRecord } from '../../resources/threat/threat.js';
import { type Instant, toInstant, toMillis } from '../../values/instant.js';
import {
  DateTime,
  describedEnum,
  OnlyIntegrations,
  OutputType,
  outputType,
  showFields,
  Value,
} from '../base/fields.js';
import { IntegrationStream } from '../integration/integration.type.js';
import { connectionOf } from '../lists/connection.js';
import { type ConnectionPage, ForwardArgs } from '../lists/page.js';
import { viewOfRevision } from '../lists/view.js';
import type { GatewayContext, RequestServices } from '../request/services.js';
import { toRecordNode } from './nodes.js';
import { RecordNode } from './record.type.js';

export const RecordKind = describedEnum<ListedKind>(
  'RecordKind',
  'Kind of a record.',
  byKind(({ texts }) => texts.record),
);

export type ChangeKind = 'ADDED' | 'CHANGED' | 'DELETED';
export const ChangeKind = describedEnum<ChangeKind>(
  'ChangeKind',
  'How a version relates to the previous one.',
  {
    ADDED: 'The first version, or the first after a deletion.',
    CHANGED: 'Different from the previous version.',
    DELETED: 'A deletion (tombstone): Abnormal no longer knows the record.',
  },
);

export const FieldChange = outputType<FieldDifference>(
  'FieldChange',
  'One field that differs between two versions of a record.',
  {
    field: Value.text(
      'Name of the field in the graph, or of its `…Raw` field for a list of values; for a message of a threat `messages[<message id>].<field>`.',
    ),
    before: Value.jsonOrNull('The old value; null if there was none.', { personal: ['texts'] }),
    after: Value.jsonOrNull('The new value; null if there is none.', { personal: ['texts'] }),
  },
);

@OutputType('One version of one record: what the gateway knew from `observedFrom` until `observedTo`.')
export class Revision {
  constructor(readonly revision: RevisionRecord<ListedKind>) {}
}

showFields(Revision, 'revision', {
  kind: Value.enum(() => RecordKind, 'Kind of the record.', { by: (revision) => revision.key.kind }),
  integration: Value.id('Name of the integration.', { by: (revision) => revision.key.integration }),
  recordId: Value.id('Abnormal’s id of the record.', { by: (revision) => revision.key.id }),
  node: Value.object(
    () => RecordNode,
    'The record in this version; everything below is as it was recorded when this version was first seen. For a deletion, the last version.',
    { by: (revision) => toRecordNode(revision, viewOfRevision(revision)) },
  ),
  observedFrom: Value.instant('When the gateway first saw this version (UTC).'),
  observedTo: Value.instantOrNull('When the next version replaced it (UTC); null for the newest version.'),
  verifiedAt: Value.instant('When Abnormal last returned this version (UTC).'),
  runId: Value.id('The run that first saw it.'),
  digestAfter: Value.textOrNull('SHA-256 of `received`, in hex; null for a deletion.', {
    by: (revision) => (revision.deleted ? null : revision.digest),
  }),
});

@OutputType('A page of versions.')
export class RevisionConnection extends connectionOf<Revision>(() => Revision, 'Revision') {}

type ListedRecord = RecordOf[ListedKind];

export interface FieldDifference {
  readonly field: string;
  /** `null` without a value. */
  readonly before: unknown;
  readonly after: unknown;
}

/**
 * The fields that differ between two versions; `null`: no record. Messages are compared by id, so an added
 * message is one difference.
 */
export function differencesOf(
  kind: ListedKind,
  before: ListedRecord | null,
  after: ListedRecord | null,
): FieldDifference[] {
  const { shownAs } = DEFINITION_OF[kind];
  const old = flatten(before);
  const fresh = flatten(after);
  return [...new Set([...old.keys(), ...fresh.keys()])]
    .map((field) => ({ field, before: old.get(field) ?? null, after: fresh.get(field) ?? null }))
    .filter((difference) => !isDeepStrictEqual(difference.before, difference.after))
    .map((difference) => ({ ...difference, field: shownAs[difference.field] ?? difference.field }));
}

function flatten(record: ListedRecord | null): Map<string, unknown> {
  const fields = new Map<string, unknown>();
  for (const [name, value] of Object.entries(record ?? {})) {
    if (name === 'messages') flattenMessages(value as readonly MessageRecord[], fields);
    else fields.set(name, value);
  }
  return fields;
}

function flattenMessages(messages: readonly MessageRecord[], fields: Map<string, unknown>): void {
  for (const message of messages) {
    for (const [name, value] of Object.entries(message)) {
      fields.set(`messages[${message.messageId}].${name}`, value);
    }
  }
}

type ChangesStart = 'BEGINNING' | 'NOW';

const ChangesStart = describedEnum<ChangesStart>('ChangesStart', 'Where the list of changes starts.', {
  BEGINNING: 'At the first recording.',
  NOW: 'At the newest recording: only later changes.',
});

export interface ChangesFilter {
  readonly kinds: readonly ListedKind[];
  /** `null`: all. */
  readonly integrations: readonly string[] | null;
  /** `null`: all. */
  readonly change: readonly ChangeKind[] | null;
}

@ArgsType()
export class FollowArgs extends ForwardArgs {
  @Field(() => DateTime, {
    nullable: true,
    description:
      'Versions recorded after this instant of the gateway’s clock (UTC). The `asOf` of a list continues where that list ends. Pass this, `start` or `after`; with `after` it may be repeated.',
  })
  since?: Instant | null;

  @Field(() => ChangesStart, {
    nullable: true,
    description: 'Where to start without an instant or a cursor.',
  })
  start?: ChangesStart | null;

  @Field(() => [RecordKind], {
    nullable: true,
    description: 'Only records of these kinds. Default: all.',
  })
  kinds?: ListedKind[] | null;

  @OnlyIntegrations
  integrations?: string[] | null;

  @Field(() => [ChangeKind], {
    nullable: true,
    description: 'Only changes of these kinds, such as records that were added. Default: all.',
  })
  change?: ChangeKind[] | null;
}

@ArgsType()
export class ChangeArgs extends FollowArgs {
  @Field(() => DateTime, {
    nullable: true,
    description:
      'Versions recorded up to and including this instant (UTC). Default: all. Before the first recording the answer is the error `NOT_COLLECTED`, which names that instant.',
  })
  until?: Instant | null;

  @Field(() => Int, {
    nullable: true,
    description:
      'If there is no change, wait for one so many seconds, 1 to 25, but not longer than `REQUEST_TIMEOUT` permits. Cannot be combined with `until`.',
  })
  wait?: number | null;
}

@OutputType('Where a page of changes ends, and how to continue. Every page has one, also an empty page.')
export class ChangeTail {
  constructor(
    readonly cursor: string,
    readonly asOf: Instant,
    readonly caughtUp: boolean,
    private readonly filter: ChangesFilter,
  ) {}

  @Field(() => DateTime, {
    nullable: true,
    description:
      'When new data are expected (UTC): the last attempt to read one of the selected resources plus its polling interval. A queried record can be recorded earlier. Null if nothing is polled.',
  })
  async nextPollAt(@Ctx() { services }: GatewayContext): Promise<Instant | null> {
    const { pollEvery } = services;
    if (!pollEvery) return null;
    const lastAt = new Map<string, number>();
    for (const { integration, resource, lastAttemptAt } of await selectedStreams(services, this.filter)) {
      if (lastAttemptAt === null) continue;
      const due = toMillis(lastAttemptAt) + pollEvery[resource];
      const key = `${resource} ${integration}`;
      lastAt.set(key, Math.max(due, lastAt.get(key) ?? 0));
    }
    if (lastAt.size === 0) return null;
    return toInstant(Math.max(Math.min(...lastAt.values()), toMillis(services.now())));
  }

  @Field(() => [IntegrationStream], {
    nullable: true,
    description:
      'The streams of the selected records. If `lastSuccessAt` does not advance, no change means that nothing was collected.',
  })
  streams(@Ctx() { services }: GatewayContext): Promise<StreamState[]> {
    return selectedStreams(services, this.filter);
  }
}

showFields(ChangeTail, 'this', {
  cursor: Value.text(
    'Pass it as `after` to read what comes next, without an upper limit. It does not expire. If the history is another one, or was restored from a backup, the error is `CURSOR_GONE`.',
  ),
  asOf: Value.instant(
    'All selected changes recorded up to this instant (UTC) were returned. It advances with every recording, also if nothing matches. 1970-01-01 if nothing was recorded yet.',
  ),
  caughtUp: Value.boolean(
    'Whether all changes recorded so far were returned. If false, read the next page at once; if true, wait (`wait`, `nextPollAt` or the subscription).',
  ),
});

async function selectedStreams(
  services: RequestServices,
  { kinds, integrations }: ChangesFilter,
): Promise<StreamState[]> {
  const resources = kinds.map((kind) => RESOURCE_OF[kind]);
  const streams = await services.loaders.current.streams();
  return streams.filter(
    ({ integration, resource }) =>
      resources.includes(resource) && (integrations?.includes(integration) ?? true),
  );
}

@OutputType('A page of changes, with the place where it ends.')
export class ChangeConnection extends RevisionConnection {
  constructor(
    page: ConnectionPage<Revision>,
    readonly tail: ChangeTail,
  ) {
    super(page);
  }
}

showFields(ChangeConnection, 'this', {
  tail: Value.object(() => ChangeTail, 'Where this page ends, and how to continue.'),
});
