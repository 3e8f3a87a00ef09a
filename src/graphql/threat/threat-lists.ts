import type { Revision } from '../../model/revision.js';
import { RecordedMessages } from '../../resources/threat/recorded-messages.js';
import { Case, CaseConnection } from '../case/case.type.js';
import { reportCoverage } from '../collection/coverage.js';
import { pageWithin } from '../lists/array-page.js';
import type { PageArgs } from '../lists/page-args.js';
import { assertCollected, type View } from '../lists/view.js';
import type { GatewayContext, Means } from '../request/services.js';
import { Message, MessageConnection } from './message.type.js';
import type { MessageListArgs, RecordedMessagesChoice } from './threat.args.js';
import type { Threat } from './threat.type.js';

/** Versions of a threat that are read at once. */
const VERSIONS_AT_ONCE = 200;

/** A page of a threat's messages, newest first. */
export function messagesOfThreat(root: Threat, args: MessageListArgs, context: GatewayContext) {
  return readMessages(root, args.recorded ?? 'CURRENT', args, context.meansOfNotedRead);
}

async function readMessages(
  root: Threat,
  which: RecordedMessagesChoice,
  args: PageArgs,
  means: Means,
): Promise<MessageConnection> {
  const { key } = root.revision;
  const current = async (view: View) => {
    const revision =
      view.seq === root.view.seq ? root.revision : await means.loaders.records.load<'threat'>(key, view.seq);
    return (revision?.record.messages ?? []).map(
      (message) => new Message(message, revision as Revision<'threat'>),
    );
  };
  const list = which === 'ALL' ? 'Threat.messages(recorded: ALL)' : 'Threat.messages';
  const read = which === 'ALL' ? (view: View) => everyMessage(root, view, means) : current;
  const idOf = (message: Message) => message.messageId;
  const { page } = await pageWithin({ list, owner: key, view: root.view, read, idOf }, args);
  return new MessageConnection(page);
}

async function everyMessage(
  { revision: { key } }: Threat,
  { seq }: View,
  { store }: Means,
): Promise<Message[]> {
  const messages = new RecordedMessages<Revision<'threat'>>();
  for (let before = seq + 1, more = true; more; ) {
    const found = await store.revisions(key, before, VERSIONS_AT_ONCE);
    for (const revision of found) messages.add(revision, revision);
    before = found.at(-1)?.seqFrom ?? 0;
    more = found.length === VERSIONS_AT_ONCE;
  }
  return messages
    .all()
    .map(({ message, from, noLongerGivenSince }) => new Message(message, from, noLongerGivenSince));
}

/** A page of the cases that name a threat. */
export function casesOfThreat(root: Threat, args: PageArgs, context: GatewayContext) {
  return readCases(root, args, context.meansOfNotedRead);
}

async function readCases(root: Threat, args: PageArgs, means: Means): Promise<CaseConnection> {
  const { key } = root.revision;
  const { integration, id: value } = key;
  const read = async (view: View) => {
    const reference = { kind: 'case', field: 'threatId', integration, value, seq: view.seq } as const;
    const revisions = await means.loaders.referrers.load(reference);
    if (view.frozen && revisions.length === 0) await assertCollected(means, view, ['case'], [integration]);
    return revisions.map((revision) => new Case(revision, view));
  };
  const idOf = (node: Case) => node.caseId;
  const { page, view } = await pageWithin(
    { list: 'Threat.cases', owner: key, view: root.view, read, idOf },
    args,
  );
  const everything = { from: null, to: null };
  return new CaseConnection(page, view, (asking) =>
    reportCoverage(asking, view, 'cases', [integration], everything),
  );
}
