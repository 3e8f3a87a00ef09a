import { z } from 'zod';
import type { Message, Threat } from '../../model/records.js';
import { canonicalJson } from '../../model/revision.js';
import { assertId, decode, type Received, unreadTimes } from './decode.js';
import { decodedMessage, messageSchema } from './message.js';
import { integer, isRecord, requiredId, word } from './scalars.js';

/** One page of a threat's detail. */
export const threatSchema = z.object({
  threatId: requiredId,
  recipientCount: integer,
  tenantId: word,
  tenantName: word,
  // a threat without messages is valid: it has been seen after they were deleted
  messages: z.array(decodedMessage).nullish(),
});

interface Pair {
  readonly raw: unknown;
  readonly message: Message;
}

/** A decoded record, with the value that is to be recorded as received. */
export interface Decoded<T> {
  readonly record: T;
  readonly payload: unknown;
  /** Paths of times that do not read. */
  readonly unread: readonly string[];
}

/** Joins the pages of a threat's detail, at least one. */
export function decodeThreat(id: string, pages: readonly Received[], isComplete: boolean): Decoded<Threat> {
  const what = `the threat ${id}`;
  const read = pages.map((page) => {
    const threat = decode(threatSchema, page, what);
    assertId(id, threat.threatId, page, what);
    return { threat, pairs: pairsOf(page.json, threat.messages ?? []) };
  });
  const pairs = join(read.map((page) => page.pairs));
  const [first] = read;
  if (!first) throw new TypeError('a threat has at least one page');
  const { threatId, recipientCount, tenantId, tenantName } = first.threat;
  const messages = pairs.map((pair) => pair.message);
  return {
    record: { threatId, recipientCount, messages, pagesComplete: isComplete, tenantId, tenantName },
    payload: payloadOf(pages, pairs),
    unread: pairs.flatMap(({ raw, message }) => {
      return unreadTimes(messageSchema.shape, raw, `messages[${message.messageId}].`);
    }),
  };
}

function pairsOf(json: unknown, messages: readonly Message[]): Pair[] {
  const raws = isRecord(json) && Array.isArray(json.messages) ? json.messages : [];
  return messages.map((message, index) => ({ message, raw: raws[index] }));
}

/**
 * All messages in one canonical order. What a later page repeats replaces what an earlier one said, being
 * newer. Within a page only exact repetitions are dropped: two different messages under one id are two.
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

function distinct(group: readonly Pair[]): Pair[] {
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

function payloadOf(pages: readonly Received[], pairs: readonly Pair[]): unknown {
  const first = pages[0]?.json;
  if (!isRecord(first)) return first;
  const { pageNumber: _page, nextPageNumber: _next, ...rest } = first;
  // without messages there is nothing to join: missing, null and an empty list each stand as they came
  return pairs.length === 0 ? rest : { ...rest, messages: pairs.map((pair) => pair.raw) };
}
