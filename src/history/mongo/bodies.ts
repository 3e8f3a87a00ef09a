import { Binary, type Document, ObjectId } from 'mongodb';
import type { Observation } from '../../model/revision.js';
import type { FieldValue } from '../../values/filter.js';
import { packReceived, packText, referencesIn, unpackReceived, unpackText } from '../stored-texts.js';
import { fieldPath } from './filter.js';
import type { BodyDoc, Collections, PartDoc, RevisionDoc } from './stored-types.js';

/** A document may have 16 MiB; this leaves room for whatever else is in it. */
const PART_BYTES = 8 * 1024 * 1024;

export type Text = 'record' | 'received';

const OPTIONS = { ordered: false } as const;

/**
 * Keeps the texts of new revisions; one too long for a document goes into several. Nobody sees them before the
 * revisions that name them, so this needs no transaction, which would take twice the time. Should it stay at
 * this, because the process is killed or the transaction fails, nothing ever refers to them.
 */
export async function writeBodies(
  { bodies, parts }: Collections,
  observations: ReadonlyMap<ObjectId, Observation>,
): Promise<void> {
  const bodyDocs: BodyDoc[] = [];
  const partDocs: PartDoc[] = [];
  const short: [_id: ObjectId, record: string, received: string][] = [];
  for (const [_id, { record, received }] of observations) {
    const texts = { record: JSON.stringify(record), received };
    if (isShort(texts)) short.push([_id, texts.record, received]);
    else {
      const pieces = {
        record: split(_id, 'record', texts.record),
        received: split(_id, 'received', received),
      };
      partDocs.push(...pieces.record, ...pieces.received);
      const counts = { record: pieces.record.length, received: pieces.received.length };
      bodyDocs.push({ _id, record: null, received: null, parts: counts });
    }
  }
  const packed = packReceived(short.map(([_id, , received]) => [_id.toHexString(), received]));
  for (const [_id, record] of short) {
    const received = stored(packed.get(_id.toHexString()) ?? '');
    bodyDocs.push({ _id, record: stored(packText(record)), received, parts: null });
  }
  if (bodyDocs.length > 0) await bodies.insertMany(bodyDocs, OPTIONS);
  if (partDocs.length > 0) await parts.insertMany(partDocs, OPTIONS);
}

function isShort({ record, received }: Record<Text, string>): boolean {
  // a UTF-16 unit is at most three bytes of UTF-8
  const units = record.length + received.length;
  return units * 3 <= PART_BYTES || Buffer.byteLength(record) + Buffer.byteLength(received) <= PART_BYTES;
}

function split(body: ObjectId, text: Text, value: string): PartDoc[] {
  const bytes = Buffer.from(value);
  const count = Math.ceil(bytes.length / PART_BYTES);
  return Array.from({ length: count }, (_, n) => ({
    _id: partId(body, text, n),
    data: new Binary(bytes.subarray(n * PART_BYTES, (n + 1) * PART_BYTES)),
  }));
}

function partId(body: ObjectId, text: Text, n: number): string {
  return `${body.toHexString()} ${text} ${n}`;
}

/** What a document has of a packed text. */
export function stored(text: string | Buffer): string | Binary {
  return typeof text === 'string' ? text : new Binary(text);
}

/** The packed text of a document, as `unpackText` takes it. */
export function cellOf(text: string | Binary): string | Uint8Array {
  return text instanceof Binary ? text.value() : text;
}

/** A revision without what lists go by, but one field of that where it is asked for, and with one of its texts. */
export interface RevisionText {
  readonly doc: Omit<RevisionDoc, 'f' | 'c'>;
  readonly value: FieldValue;
  /** `undefined` where it cannot be read. */
  readonly text: string | undefined;
}

export interface RevisionsQuery {
  readonly match: Document;
  /** The name of an index, or its keys. */
  readonly hint: string | Document;
  readonly sort?: Readonly<Record<string, 1 | -1>>;
  readonly limit?: number;
  readonly field?: string;
}

interface StoredText extends RevisionDoc {
  readonly texts: readonly BodyDoc[];
  readonly value?: FieldValue;
}

/** More than fit an answer of the server: what fits one is one round trip. */
const IN_ONE_ANSWER = { batchSize: 100_000 } as const;

/** The revisions that match, each with one of its texts, in one query unless a text is elsewhere. */
export async function readRevisions(
  collections: Collections,
  query: RevisionsQuery,
  text: Text,
): Promise<RevisionText[]> {
  const found: RevisionText[] = [];
  for await (const some of streamRevisions(collections, query, text)) found.push(...some);
  return found;
}

/** As `readRevisions`, as many at a time as fit an answer of the server (16 MiB). */
export async function* streamRevisions(
  collections: Collections,
  { match, hint, sort, limit, field }: RevisionsQuery,
  text: Text,
): AsyncGenerator<RevisionText[]> {
  const stages: Document[] = [
    { $match: match },
    ...(sort ? [{ $sort: sort }] : []),
    ...(limit === undefined ? [] : [{ $limit: limit }]),
    // without a pipeline of its own, which would take the server several times as long
    { $lookup: { from: 'bodies', localField: 'body', foreignField: '_id', as: 'texts' } },
    ...(field === undefined ? [] : [{ $set: { value: `$${fieldPath(field)}` } }]),
    { $project: { f: 0, c: 0, [`texts.${text === 'record' ? 'received' : 'record'}`]: 0 } },
  ];
  const cursor = collections.revisions.aggregate<StoredText>(stages, { hint, ...IN_ONE_ANSWER });
  try {
    while (await cursor.hasNext()) {
      const docs = cursor.readBufferedDocuments();
      const bodies = docs.flatMap(({ texts }) => texts);
      const texts = await textsOf(collections, bodies, text);
      yield docs.map((doc) => ({ doc, value: doc.value ?? null, text: texts.get(doc.body.toHexString()) }));
    }
  } finally {
    await cursor.close();
  }
}

/** One of the two texts of each body, by the body's id in hex; none where it cannot be read. */
export async function readBodies(
  collections: Collections,
  ids: readonly ObjectId[],
  text: Text,
): Promise<Map<string, string>> {
  return textsOf(collections, await bodiesOf(collections, ids, text), text);
}

async function bodiesOf({ bodies }: Collections, ids: readonly ObjectId[], text: Text): Promise<BodyDoc[]> {
  if (ids.length === 0) return [];
  const projection = { [text]: 1, parts: 1 };
  return bodies.find({ _id: { $in: [...ids] } }, { projection, ...IN_ONE_ANSWER }).toArray();
}

async function textsOf(
  collections: Collections,
  bodies: readonly BodyDoc[],
  text: Text,
): Promise<Map<string, string>> {
  const cells = await cellsOf(collections, bodies, text);
  if (text === 'record')
    return new Map([...cells].flatMap(([name, cell]) => [[name, unpackText(cell)] as const].filter(isText)));
  const names = [...cells.keys()];
  const groups = referencesIn(cells).flatMap((name) => (ObjectId.isValid(name) ? new ObjectId(name) : []));
  const others = await cellsOf(collections, await bodiesOf(collections, groups, text), text);
  for (const [name, cell] of others) cells.set(name, cell);
  return unpackReceived(names, cells);
}

function isText(entry: readonly [string, string | null]): entry is readonly [string, string] {
  return entry[1] !== null;
}

async function cellsOf(
  collections: Collections,
  bodies: readonly BodyDoc[],
  text: Text,
): Promise<Map<string, string | Uint8Array>> {
  const cells = bodies.map(async (body) => {
    const cell = body[text] ?? (await join(collections, body, text));
    return [body._id.toHexString(), cellOf(cell)] as const;
  });
  return new Map(await Promise.all(cells));
}

async function join({ parts }: Collections, body: BodyDoc, text: Text): Promise<string> {
  const ids = Array.from({ length: body.parts?.[text] ?? 0 }, (_, n) => partId(body._id, text, n));
  const pieces = await Promise.all(ids.map((_id) => parts.findOne({ _id })));
  return Buffer.concat(pieces.flatMap((piece) => (piece ? [piece.data.value()] : []))).toString();
}
