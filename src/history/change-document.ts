import type { Collection, DocumentBody, StoredDocument } from '../model/documents.js';
import type { HistoryStore } from './store.js';

export type DocumentAccess = Pick<HistoryStore, 'document' | 'putDocument'>;

/** More conflicts in a row than other processes cause. */
const ATTEMPTS = 20;

/**
 * Writes what `change` makes of a document (version 0 without a body if nothing is stored); `null` changes nothing.
 * After a conflict with another process it reads and changes again; if that does not end, it throws `busy`.
 */
export async function changeDocument(
  store: DocumentAccess,
  collection: Collection,
  id: string,
  change: (known: StoredDocument) => DocumentBody | null | Promise<DocumentBody | null>,
  busy = () => new Error(`the document ${collection}/${id} is being changed by other processes`),
): Promise<{ readonly document: StoredDocument; readonly isChanged: boolean }> {
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const known = (await store.document(collection, id)) ?? { id, version: 0, body: {} };
    const body = await change(known);
    if (body === null) return { document: known, isChanged: false };
    const document = { id, version: known.version + 1, body };
    if (await store.putDocument(collection, id, body, known.version)) return { document, isChanged: true };
  }
  throw busy();
}
