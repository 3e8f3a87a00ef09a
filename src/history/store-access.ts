import type { Collection, DocumentBody, StoredDocument } from '../model/documents.js';
import type { RevisionRecord } from '../model/revision.js';
import type { Kind, RecordKey } from '../resources/registry.js';
import type { HistoryStore, StorePage } from './store.js';

/* What is done with a store in many places: to walk through pages, and to change a document. */

/** `read` returns the page after a place, `placeOf` the place of a row. */
export async function* walkPages<Row, Place>(
  read: (after: Place | null) => Promise<StorePage<Row>>,
  placeOf: (row: Row) => Place,
): AsyncGenerator<readonly Row[]> {
  let last: Row | undefined;
  do {
    const { items, hasMore } = await read(last === undefined ? null : placeOf(last));
    yield items;
    last = hasMore ? items.at(-1) : undefined;
  } while (last !== undefined);
}

/** With as many rows as the limit there may be more. */
export function limitedPage<Row>(items: readonly Row[], limit: number) {
  return { items, hasMore: items.length === limit };
}

const VERSIONS_AT_ONCE = 200;

/** Up to `seq`, newest first. */
export async function* everyVersion<K extends Kind>(
  store: Pick<HistoryStore, 'revisions'>,
  key: RecordKey & { readonly kind: K },
  seq: number,
): AsyncGenerator<RevisionRecord<K>> {
  const read = async (before: number | null) =>
    limitedPage(await store.revisions(key, before ?? seq + 1, VERSIONS_AT_ONCE), VERSIONS_AT_ONCE);
  for await (const versions of walkPages(read, ({ seqFrom }) => seqFrom)) yield* versions;
}

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
