import { Arg, Args, Ctx, FieldResolver, ID, Query, Resolver, Root } from 'type-graphql';
import { everyVersion } from '../../history/store-access.js';
import { RecordedMessages } from '../../model/recorded-messages.js';
import type { RevisionRecord } from '../../model/revision.js';
import { DEFINITION_OF, type ListedKind, type RecordOf } from '../../resources/registry.js';
import type { MessageRecord } from '../../resources/threat/threat.js';
import { badInput } from '../base/errors.js';
import { SyncResolver } from '../base/fields.js';
import { toGlobalId } from '../base/global-id.js';
import { caseList } from '../case/case.type.js';
import { reportCoverage } from '../collection/coverage.js';
import { type FilteredListArgs, listArgsOf, type ReadCoverage } from '../lists/connection.js';
import { type ItemListSpec, listItems } from '../lists/list-items.js';
import { arrayPage, type ConnectionPage, PageArgs } from '../lists/page.js';
import { assertCollected, type View } from '../lists/view.js';
import { Guard } from '../operation/guard.js';
import { readOnDemand, readRecord } from '../records/read-record.js';
import type { RecordNode } from '../records/record.type.js';
import { Revision } from '../records/revision.type.js';
import type { GatewayContext, RequestServices } from '../request/services.js';
import { Message, MessageConnection, messageFilter, messageOrder } from './message.type.js';
import {
  AttachmentList,
  LinkList,
  MessageListArgs,
  RemediationHistoryReport,
  Threat,
  threatList,
} from './threat.type.js';

const MessagesArgs = listArgsOf(messageFilter, messageOrder, 'messages', 'last received first');

@Resolver(() => Threat)
export class ThreatResolver {
  @SyncResolver
  @FieldResolver(() => MessageConnection, {
    nullable: true,
    description:
      'The stored messages, newest first; equal times are ordered by id. `allMessagesHeld` says whether all are stored. With `recorded: ALL`, every message ever recorded for the threat.',
  })
  messages(
    @Root() root: Threat,
    @Args(() => MessageListArgs) args: MessageListArgs,
    @Ctx() context: GatewayContext,
  ) {
    return readMessages(root, args, context.trackedServices);
  }

  @SyncResolver
  @FieldResolver(() => caseList.Connection, {
    nullable: true,
    description:
      'The cases that name the threat, ordered by id, in the same view. Derived by the gateway; Abnormal has no such lookup.',
  })
  cases(@Root() root: Threat, @Args(() => PageArgs) args: PageArgs, @Ctx() context: GatewayContext) {
    return namingRecords('Threat.cases', caseList, root, args, context.trackedServices);
  }

  @FieldResolver(() => AttachmentList, {
    nullable: true,
    description:
      'The attachments, read from Abnormal on demand and recorded; with `asOf`, as recorded at that instant. Null if they cannot be read.',
  })
  async attachments(@Root() root: Threat, @Ctx() context: GatewayContext): Promise<AttachmentList | null> {
    const seen = await readOnDemand(context.trackedServices, 'threatAttachments', root);
    return seen && new AttachmentList(seen);
  }

  @FieldResolver(() => LinkList, {
    nullable: true,
    description:
      'The links, read from Abnormal on demand and recorded; with `asOf`, as recorded at that instant. Null if they cannot be read.',
  })
  async links(@Root() root: Threat, @Ctx() context: GatewayContext): Promise<LinkList | null> {
    const seen = await readOnDemand(context.trackedServices, 'threatLinks', root);
    return seen && new LinkList(seen);
  }

  @FieldResolver(() => RemediationHistoryReport, {
    nullable: true,
    description:
      'What was done with one message of the threat and when: how long it was in a mailbox. Read from Abnormal on demand and recorded; with `asOf`, as recorded at that instant. Null if it cannot be read.',
  })
  async remediationHistory(
    @Root() root: Threat,
    @Arg('messageId', () => ID, { description: 'Abnormal’s id of a stored message of the threat.' })
    messageId: string,
    @Ctx() context: GatewayContext,
  ): Promise<RemediationHistoryReport | null> {
    if (!root.record.messages.some((message) => message.messageId === messageId)) {
      const text = `The threat ${root.record.threatId} has no stored message ${JSON.stringify(messageId)}. Pass a messageId of its messages.`;
      throw badInput(text, 'messageId');
    }
    const seen = await readOnDemand(context.trackedServices, 'messageRemediation', root, messageId);
    return seen && new RemediationHistoryReport(seen);
  }
}

@Resolver(() => Message)
export class MessageResolver {
  @SyncResolver
  @FieldResolver(() => Revision, {
    description:
      'The version of the threat that the message is from: the newest one, up to this snapshot, that contains the message.',
  })
  version(@Root() message: Message) {
    return new Revision(message.from);
  }

  @FieldResolver(() => Threat, {
    nullable: true,
    description: 'The threat that the message is part of, in the same view.',
  })
  async threat(@Root() { from, view }: Message, @Ctx() context: GatewayContext): Promise<Threat | null> {
    if (from.seqTo > view.seq) return new Threat(from, view);
    const current = await context.trackedServices.loaders.records.load<'threat'>(from.key, view.seq);
    return current && new Threat(current, view);
  }

  @Guard('reader')
  @Query(() => MessageConnection, {
    nullable: true,
    description:
      'The messages of all threats, last received first: those that a group of `messageStatistics` counts. Messages of deleted threats, and those that Abnormal no longer returns, are not in it.',
  })
  async messages(
    @Args(() => MessagesArgs) args: FilteredListArgs,
    @Ctx() context: GatewayContext,
  ): Promise<object> {
    return new MessageConnection(...(await listItems(context, MESSAGES, args)));
  }
}

const MESSAGES: ItemListSpec<'threat', Message> = {
  ...{ kind: 'threat', filter: messageFilter, order: messageOrder },
  toNode: (revision, index, view) =>
    new Message(revision.record.messages[index] as MessageRecord, revision, view),
};

/** The message with a global id, as it is now or as it was last recorded. */
export async function findMessage(
  integration: string,
  id: string,
  services: RequestServices,
): Promise<Message | null> {
  const [threatId, messageId] = placeOf(id);
  const seen = await readRecord<'threat'>(services, { integration, kind: 'threat', id: threatId }, {});
  if (!seen) return null;
  const isIt = (message: Message) => message.record.messageId === messageId && message.id === globalId;
  const globalId = toGlobalId('Message', integration, id);
  const { revision, view } = seen;
  const current = currentMessages(revision, view).find(isIt);
  return current ?? (await everyMessage(revision, view, services)).find(isIt) ?? null;
}

function placeOf(id: string): readonly [threatId: string, messageId: string] {
  try {
    const [threatId, messageId] = JSON.parse(id) as unknown[];
    return [String(threatId), String(messageId)];
  } catch {
    throw badInput('This is not the id of a message: give an "id" as a message has it.', 'id');
  }
}

async function readMessages(root: Threat, args: MessageListArgs, services: RequestServices): Promise<object> {
  const isAll = args.recorded === 'ALL';
  const current = async (view: View) => {
    const revision = await revisionIn(view, root, services);
    return revision ? currentMessages(revision, view) : [];
  };
  const list = isAll ? 'Threat.messages(recorded: ALL)' : 'Threat.messages';
  const read = isAll ? (view: View) => everyMessage(root.revision, view, services) : current;
  const idOf = ({ record }: Message) => record.messageId;
  const owner = root.revision.key;
  const { page, view } = await arrayPage({ list, owner, view: root.view, read, idOf }, args);
  return new MessageConnection(page, view, NO_WINDOW);
}

/** The version of a record that a view shows: the record's own, or another in the view that a cursor pins. */
async function revisionIn<K extends ListedKind>(
  view: View,
  root: RecordNode<K>,
  { loaders }: RequestServices,
): Promise<RevisionRecord<K> | null> {
  if (view.seq === root.view.seq) return root.revision;
  return loaders.records.load<K>(root.revision.key, view.seq);
}

function currentMessages(revision: RevisionRecord<'threat'>, view: View): Message[] {
  return revision.record.messages.map((message) => new Message(message, revision, view));
}

async function everyMessage(
  { key }: RevisionRecord<'threat'>,
  view: View,
  { store }: RequestServices,
): Promise<Message[]> {
  const messages = new RecordedMessages<RevisionRecord<'threat'>>();
  for await (const revision of everyVersion(store, key, view.seq)) messages.add(revision, revision);
  return messages
    .all()
    .map(({ message, from, noLongerGivenSince }) => new Message(message, from, view, noLongerGivenSince));
}

/* The edges between threats and the records that name them, both ways and in one view. */

/** The kinds of records that name threats, in the field `threatId` of their lists. */
type NamingKind = {
  [K in ListedKind]: RecordOf[K] extends { readonly threatIds: readonly string[] } ? K : never;
}[ListedKind];

const NO_WINDOW: ReadCoverage = async () => null;

export async function namedThreats<K extends NamingKind>(
  list: string,
  root: RecordNode<K>,
  args: PageArgs,
  services: RequestServices,
): Promise<object> {
  const { key } = root.revision;
  const read = async (view: View) => {
    const revision = await revisionIn(view, root, services);
    if (!revision) return [];
    const { threatIds } = revision.record as { readonly threatIds: readonly string[] };
    const found = await loadThreats([...new Set(threatIds)], key.integration, view, services);
    return found.flatMap((threat) => (threat ? [new Threat(threat, view)] : []));
  };
  const idOf = ({ record }: Threat) => record.threatId;
  const { page, view } = await arrayPage({ list, owner: key, view: root.view, read, idOf }, args);
  return new threatList.Connection(page, view, NO_WINDOW);
}

export async function missingThreatIds(
  root: RecordNode<NamingKind>,
  services: RequestServices,
): Promise<string[]> {
  const { threatIds } = root.record as { readonly threatIds: readonly string[] };
  const revisions = await loadThreats(threatIds, root.revision.key.integration, root.view, services);
  return threatIds.filter((_, index) => revisions[index] === null);
}

function loadThreats(
  ids: readonly string[],
  integration: string,
  view: View,
  services: RequestServices,
): Promise<readonly (RevisionRecord<'threat'> | null)[]> {
  const keys = ids.map((id) => ({ integration, kind: 'threat', id }) as const);
  return services.loaders.records.loadAll('threat', keys, view.seq);
}

interface Naming<K extends NamingKind, T> {
  readonly kind: K;
  readonly Node: new (revision: RevisionRecord<K>, view: View) => T;
  readonly Connection: new (page: ConnectionPage<T>, view: View, readCoverage: ReadCoverage) => object;
}

/** The stored records that name a threat, ordered by id; `list` is the name in cursors, such as `Threat.cases`. */
export async function namingRecords<K extends NamingKind, T extends RecordNode<K>>(
  list: string,
  { kind, Node, Connection }: Naming<K, T>,
  root: Threat,
  args: PageArgs,
  services: RequestServices,
): Promise<object> {
  const { key } = root.revision;
  const { integration, id: value } = key;
  const read = async (view: View) => {
    const reference = { kind, field: 'threatId', integration, value, seq: view.seq } as const;
    const revisions = await services.loaders.referrers.load<K>(reference);
    if (view.frozen && revisions.length === 0) await assertCollected(services, view, [kind], [integration]);
    return revisions.map((revision) => new Node(revision, view));
  };
  const idOf = (node: T) => node.revision.key.id;
  const { page, view } = await arrayPage({ list, owner: key, view: root.view, read, idOf }, args);
  const everything = { from: null, to: null };
  return new Connection(page, view, (asking) =>
    reportCoverage(asking, view, DEFINITION_OF[kind].resource, [integration], everything),
  );
}
