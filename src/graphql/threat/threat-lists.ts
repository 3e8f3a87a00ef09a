import { Case, CaseConnection } from '../case/case.type.js';
import { reportCoverage } from '../collection/coverage.js';
import type { GatewayContext, Means } from '../context.js';
import type { PageArgs } from '../lists/page-args.js';
import { pageWithin } from '../lists/page-within.js';
import type { View } from '../lists/view.js';
import { Message, MessageConnection } from './message.type.js';
import type { Threat } from './threat.type.js';

/** A page of a threat's messages, newest first. */
export function messagesOfThreat(root: Threat, args: PageArgs, context: GatewayContext) {
  return readMessages(root, args, context.meansOfNotedRead);
}

async function readMessages(root: Threat, args: PageArgs, means: Means): Promise<MessageConnection> {
  const { key } = root.revision;
  const read = async (view: View) => {
    const { record = null } =
      view.seq === root.view.seq ? root : ((await means.loaders.records.load<'threat'>(key, view.seq)) ?? {});
    return (record?.messages ?? []).map((message) => new Message(message));
  };
  const idOf = (message: Message) => message.messageId;
  const { page } = await pageWithin(
    { list: 'Threat.messages', owner: key, view: root.view, read, idOf },
    args,
  );
  return new MessageConnection(page);
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
