import { Binary, ObjectId } from 'mongodb';
import type { Observation } from '../../model/revision.js';
import { packReceived, packRecord, referencesIn, unpackReceived, unpackText } from '../stored-texts.js';
import type { BodyDoc, Collections, PartDoc } from './stored-types.js';

/** A document may have 16 MiB; this leaves room for whatever else is in it. */
const PART_BYTES = 8 * 1024 * 1024;

type Text = 'record' | 'received';

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
    bodyDocs.push({ _id, record: stored(packRecord(record)), received, parts: null });
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

function stored(text: string | Buffer): string | Binary {
  return typeof text === 'string' ? text : new Binary(text);
}

/** One of the two texts of each body, by the body's id in hex; none where it cannot be read. */
export async function readBodies(
  collections: Collections,
  ids: readonly ObjectId[],
  text: Text,
): Promise<Map<string, string>> {
  const cells = await readCells(collections, ids, text);
  if (text === 'received') {
    const names = [...cells.keys()];
    const groups = referencesIn(cells).flatMap((name) => (ObjectId.isValid(name) ? new ObjectId(name) : []));
    for (const [name, cell] of await readCells(collections, groups, text)) cells.set(name, cell);
    return unpackReceived(names, cells);
  }
  return new Map([...cells].flatMap(([name, cell]) => [[name, unpackText(cell)] as const].filter(isText)));
}

function isText(entry: readonly [string, string | null]): entry is readonly [string, string] {
  return entry[1] !== null;
}

async function readCells(
  collections: Collections,
  ids: readonly ObjectId[],
  text: Text,
): Promise<Map<string, string | Uint8Array>> {
  const found = new Map<string, string | Uint8Array>();
  if (ids.length === 0) return found;
  const wanted = { _id: { $in: [...ids] } };
  const projection = { [text]: 1, parts: 1 };
  for await (const body of collections.bodies.find(wanted, { projection })) {
    const value = body[text] ?? (await join(collections, body, text));
    found.set(body._id.toHexString(), value instanceof Binary ? value.value() : value);
  }
  return found;
}

async function join({ parts }: Collections, body: BodyDoc, text: Text): Promise<string> {
  const ids = Array.from({ length: body.parts?.[text] ?? 0 }, (_, n) => partId(body._id, text, n));
  const pieces = await Promise.all(ids.map((_id) => parts.findOne({ _id })));
  return Buffer.concat(pieces.flatMap((piece) => (piece ? [piece.data.value()] : []))).toString();
}
