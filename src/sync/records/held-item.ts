import type { HistoryStore } from '../../history/store.js';
import type { Revision } from '../../model/revision.js';
import type { ListedItem } from './fetch-record.js';

/** The list item in the payload of a held case: the part of it that its detail does not have. */
export async function heldItem(store: HistoryStore, held: Revision | null): Promise<ListedItem | null> {
  if (held?.key.kind !== 'case') return null;
  const text = await store.received(held.key, held.seqFrom);
  if (text === null) return null;
  const payload: { item?: unknown } = JSON.parse(text);
  return isItem(payload.item) ? payload.item : null;
}

function isItem(value: unknown): value is ListedItem {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
