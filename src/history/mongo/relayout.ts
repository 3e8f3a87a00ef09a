import type { AnyBulkWriteOperation } from 'mongodb';
import { type AnyRecord, fieldsOf, isListed, LISTED_KINDS } from '../../resources/registry.js';
import { parseStored } from '../errors.js';
import { type HighWaterMarks, noMarks, widenMarks, widenStage } from '../high-water-marks.js';
import { readBodies } from './bodies.js';
import { foldedFields, storedFields } from './filter.js';
import { type BatchDoc, type Collections, pages, type RevisionDoc, reachOf } from './stored-types.js';

/**
 * Makes the fields that lists go by anew from the records, which hold all that they need: a field may be added
 * to `FIELDS` without a thought for the histories that are there. Writers of another layout are kept out from
 * the start, and those of this one may write meanwhile. Should it be cut short, the next start does it again.
 * A million revisions take some minutes.
 */
export async function relayout(collections: Collections, layout: string): Promise<void> {
  const { meta, batches } = collections;
  const begun = { layout, isWhole: false, extents: noMarks() };
  await meta.updateOne({ _id: 'head' }, { $set: begun });
  await batches.updateMany({}, { $set: { extents: null }, $unset: { extentsOf: true } });
  const extents = await relayoutRevisions(collections);
  await meta.updateOne({ _id: 'head', layout }, [{ $set: { ...widenStage(extents), isWhole: true } }]);
  await meta.updateOne({ _id: 'schema' }, { $set: { layout } });
}

/** In the order in which they were written; the extents of all that were there when it came to them. */
async function relayoutRevisions(collections: Collections): Promise<HighWaterMarks> {
  const pass = new Pass();
  const wanted = { kind: { $in: LISTED_KINDS }, deleted: false };
  for await (const docs of pages(collections.revisions, wanted)) {
    for (const [doc, record] of await withRecords(collections, docs)) pass.relayout(doc, record);
    await pass.write(collections);
  }
  return pass.end(collections);
}

class Pass {
  #extents = noMarks();
  #seq = 0;
  #revisions: AnyBulkWriteOperation<RevisionDoc>[] = [];
  #batches: AnyBulkWriteOperation<BatchDoc>[] = [];

  relayout({ _id, kind, seqFrom }: RevisionDoc, record: AnyRecord): void {
    if (!isListed(kind)) return;
    if (seqFrom !== this.#seq) this.#endBatches(seqFrom);
    const fields = fieldsOf(kind, record as Parameters<typeof fieldsOf>[1]);
    this.#extents = widenMarks(this.#extents, kind, fields, record);
    const c = foldedFields(kind, fields);
    const f = storedFields(fields);
    const update = c ? { $set: { f, c } } : { $set: { f }, $unset: { c: true as const } };
    this.#revisions.push({ updateOne: { filter: { _id }, update } });
  }

  /** Batches from the last to before `next` saw what has been seen so far. */
  #endBatches(next: number): void {
    const filter = { seq: { $gte: this.#seq, $lt: next } };
    this.#batches.push({ updateMany: { filter, update: { $set: { extents: this.#extents } } } });
    this.#seq = next;
  }

  async write({ revisions, batches }: Collections): Promise<void> {
    if (this.#revisions.length > 0) await revisions.bulkWrite(this.#revisions, { ordered: false });
    if (this.#batches.length > 0) await batches.bulkWrite(this.#batches, { ordered: false });
    this.#revisions = [];
    this.#batches = [];
  }

  async end(collections: Collections): Promise<HighWaterMarks> {
    this.#endBatches(this.#seq + 1);
    await this.write(collections);
    return this.#extents;
  }
}

async function withRecords(
  collections: Collections,
  docs: readonly RevisionDoc[],
): Promise<[RevisionDoc, AnyRecord][]> {
  const bodies = docs.map(({ body }) => body);
  const texts = await readBodies(collections, bodies, 'record');
  return docs.map((doc) => {
    const what = `The ${doc.kind} ${doc.id} of integration ${doc.integration}`;
    return [doc, parseStored<AnyRecord>(texts.get(doc.body.toHexString()), what)];
  });
}

/** Adds to the ledger what the entries of an earlier version are without. */
export async function addReaches({ ledger }: Collections): Promise<void> {
  for await (const docs of pages(ledger, { reach: { $exists: false } })) {
    const updates = docs.map((doc) => ({
      updateOne: { filter: { _id: doc._id }, update: { $set: { reach: reachOf(doc) } } },
    }));
    if (updates.length > 0) await ledger.bulkWrite(updates, { ordered: false });
  }
}
