import type { Message as MessageRecord } from '../model/records.js';
import { Case, CaseConnection } from './case.type.js';
import type { GatewayContext } from './context.js';
import { reportCoverage } from './coverage.js';
import { Message, MessageConnection } from './message.type.js';
import type { PageArgs } from './page-args.js';
import { type PageWithin, pageWithin } from './page-within.js';
import type { Threat } from './threat.type.js';
import type { View } from './view.js';

/** A page of a threat's messages, newest first. */
export function messagesOfThreat(root: Threat, args: PageArgs, context: GatewayContext) {
  const { key } = root.revision;
  const read = (view: View) => (view.seq === root.view.seq ? toNodes(root.record.messages) : inView(view));
  const inView = async (view: View) => {
    const revision = await context.loaders.records.load<'threat'>(key, view.seq);
    return toNodes(revision?.record.messages ?? []);
  };
  const idOf = (message: Message) => message.messageId;
  const page = pageWithin({ list: 'Threat.messages', owner: key, view: root.view, read, idOf }, args);
  return page instanceof Promise ? page.then(toMessages) : toMessages(page);
}

function toNodes(messages: readonly MessageRecord[]): Message[] {
  return messages.map((message) => new Message(message));
}

function toMessages(page: PageWithin<Message>): MessageConnection {
  return new MessageConnection(page);
}

/** A page of the cases that name a threat. */
export async function casesOfThreat(root: Threat, args: PageArgs, context: GatewayContext) {
  const { key } = root.revision;
  const { integration, id: value } = key;
  const read = async (view: View) => {
    const reference = { kind: 'case', field: 'threatId', integration, value, seq: view.seq } as const;
    const revisions = await context.loaders.referrers.load(reference);
    return revisions.map((revision) => new Case(revision, view));
  };
  const idOf = (node: Case) => node.caseId;
  const page = await pageWithin({ list: 'Threat.cases', owner: key, view: root.view, read, idOf }, args);
  const coverage = () => reportCoverage(context, page.view, 'cases', [integration], { from: null, to: null });
  return new CaseConnection({ ...page, coverage });
}
