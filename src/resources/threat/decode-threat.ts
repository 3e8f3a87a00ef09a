import { z } from 'zod';
import { canonicalJson } from '../../values/canonical-json.js';
import { isRecord } from '../../values/filter.js';
import * as wire from '../wire.js';
import { type MessageRecord, messageTable, overrideShape, type ThreatRecord } from './threat.js';

export const threatSchema = z.object({
  threatId: wire.requiredId,
  recipientCount: wire.integer,
  tenantId: wire.word,
  tenantName: wire.word,
  // a threat without messages is valid: it has been observed after their deletion
  messages: z.array(z.unknown()).nullish(),
});

interface Pair {
  readonly raw: unknown;
  readonly message: MessageRecord;
}

/**
 * An unreadable message, such as one without an id, is left out: the threat is then incomplete, and the
 * message stays in the payload.
 */
export function decodeThreat(
  id: string,
  pages: readonly wire.Received[],
  isComplete: boolean,
): wire.Decoded<ThreatRecord> {
  const what = `the threat ${id}`;
  const read = pages.map((page) => {
    const threat = wire.decode(threatSchema, page, what);
    wire.assertId(id, threat.threatId, page, what);
    const messages = wire.decodeEach(decodedMessage, threat.messages ?? [], 'messages', () => []);
    const pairs = messages.read.map(({ raw, value }) => ({ raw, message: value }));
    return { threat, pairs, lost: messages.lost };
  });
  const pairs = join(read.map((page) => page.pairs));
  const lost = distinct(read.flatMap((page) => page.lost)).sort((a, b) =>
    order(canonicalJson(a.raw), canonicalJson(b.raw)),
  );
  const [first] = read;
  if (!first) throw new TypeError('a threat has at least one page');
  const { threatId, recipientCount, tenantId, tenantName } = first.threat;
  const messages = pairs.map((pair) => pair.message);
  const pagesComplete = isComplete && lost.length === 0;
  return {
    record: { threatId, recipientCount, messages, pagesComplete, tenantId, tenantName },
    payload: payloadOf(pages, [...pairs, ...lost]),
    unread: [
      // unreadable messages come last in the payload
      ...lost.map(({ flaw }, index) => ({ path: `messages.${pairs.length + index}`, flaw })),
      ...wire.unreadParts(threatSchema.shape, pages[0]?.json),
      ...pairs.flatMap(({ raw, message }) => unreadOfMessage(raw, message)),
    ],
  };
}

function unreadOfMessage(raw: unknown, { messageId }: MessageRecord): wire.UnreadPart[] {
  const path = `messages[${messageId}].`;
  return wire.unreadParts(messageSchema.shape, raw, path, { customerOverride: overrideShape });
}

/**
 * A later page replaces an earlier one. Within a page only exact repetitions are removed: two different
 * messages with one id remain two.
 */
function join(pages: readonly (readonly Pair[])[]): Pair[] {
  const byId = new Map<string, Pair[]>();
  for (const page of pages) {
    for (const [id, group] of grouped(page)) byId.set(id, group.length === 1 ? group : distinct(group));
  }
  return [...byId.values()].flat().sort(compare);
}

function grouped(page: readonly Pair[]): Map<string, Pair[]> {
  const groups = new Map<string, Pair[]>();
  for (const pair of page) {
    const { messageId } = pair.message;
    groups.set(messageId, [...(groups.get(messageId) ?? []), pair]);
  }
  return groups;
}

function distinct<T extends Pick<Pair, 'raw'>>(group: readonly T[]): T[] {
  return [...new Map(group.map((pair) => [canonicalJson(pair.raw), pair])).values()];
}

function compare(a: Pair, b: Pair): number {
  return (
    order(b.message.receivedTime ?? '', a.message.receivedTime ?? '') ||
    order(a.message.messageId, b.message.messageId) ||
    order(canonicalJson(a.raw), canonicalJson(b.raw))
  );
}

function order(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}

function payloadOf(pages: readonly wire.Received[], messages: readonly Pick<Pair, 'raw'>[]): unknown {
  const first = pages[0]?.json;
  if (!isRecord(first)) return first;
  const { pageNumber: _page, nextPageNumber: _next, ...rest } = first;
  // without messages there is nothing to join: missing, null and an empty list stay as received
  return messages.length === 0 ? rest : { ...rest, messages: messages.map(({ raw }) => raw) };
}

export const messageSchema = z.object({
  abxMessageId: wire.optionalId,
  abxMessageIdStr: wire.optionalId,
  ...messageTable.shape,
  threatId: wire.word,
  tenantId: wire.word,
  tenantName: wire.word,
});

const decodedMessage = messageSchema.transform((raw, context): MessageRecord => {
  const messageId = messageIdOf(raw.abxMessageIdStr, raw.abxMessageId, raw.abxPortalUrl);
  if (messageId !== null) return { messageId, ...messageTable.toRecord(raw) };
  context.issues.push({
    code: 'custom',
    message: 'neither abxMessageIdStr nor abxMessageId holds an id',
    input: raw,
  });
  return z.NEVER;
});

/**
 * The text if given. Some accounts send the deprecated integer rounded to a double, which makes messages look
 * equal; the portal's URL ends in the full id, and is used if it equals the integer except for rounding.
 */
export function messageIdOf(
  text: string | null,
  integer: string | null,
  portalUrl: string | null,
): string | null {
  if (text !== null) return text;
  const inUrl = /(-?\d{1,20})\/?$/.exec(portalUrl ?? '')?.[1];
  if (integer === null || inUrl === undefined || Number.isSafeInteger(Number(integer))) return integer;
  return Number(inUrl) === Number(integer) ? inUrl : integer;
}
