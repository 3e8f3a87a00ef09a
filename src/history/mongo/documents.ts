import type { Collection as MongoCollection } from 'mongodb';
import type { Collection, DocumentBody, Journal, StoredDocument } from '../../model/documents.js';
import { parseStored } from '../errors.js';
import type { HistoryStore } from '../store.js';
import { packOwn, unpackText } from '../stored-texts.js';
import { cellOf, stored } from './bodies.js';
import { isDuplicate } from './connection.js';
import type { Collections, DocumentDoc, JournalDoc } from './stored-types.js';

/**
 * The documents and journals. Their bodies are JSON texts, those of journals compressed, since a key of a body may be one that means
 * something to MongoDB, and numbers and the order of keys stay as they are.
 */
export class MongoDocuments {
  /** The last entry of each journal that a majority is known to hold. */
  readonly #settled = new Map<Journal, number>();

  constructor(private readonly collections: Collections) {}

  document: HistoryStore['document'] = async (collection, id) => {
    const doc = await this.collections.documents.findOne({ _id: nameOf(collection, id) });
    return doc && documentOf(doc);
  };

  /** Those of each collection, in one command; an error only for one in which something is damaged. */
  async documents(wanted: readonly Collection[]): Promise<(StoredDocument[] | Error)[]> {
    const docs = await this.collections.documents
      .find({ collection: { $in: [...wanted] } })
      .sort({ collection: 1, id: 1 })
      .toArray();
    return wanted.map((name) => {
      try {
        return docs.filter(({ collection }) => collection === name).map(documentOf);
      } catch (error) {
        return error as Error;
      }
    });
  }

  putDocument: HistoryStore['putDocument'] = async (collection, id, body, expected) => {
    const { documents } = this.collections;
    const _id = nameOf(collection, id);
    const json = JSON.stringify(body);
    if (expected === 0) return insertFirst(documents, { _id, collection, id, version: 1, body: json });
    const change = { $inc: { version: 1 }, $set: { body: json } };
    const { matchedCount } = await documents.updateOne({ _id, version: expected }, change);
    return matchedCount === 1 || lost(documents, _id);
  };

  removeDocument: HistoryStore['removeDocument'] = async (collection, id, expected) => {
    const { documents } = this.collections;
    const _id = nameOf(collection, id);
    const { deletedCount } = await documents.deleteOne({ _id, version: expected });
    return deletedCount === 1 || lost(documents, _id);
  };

  /** The entry before must be there for a majority: one that a failover undoes would leave a hole. */
  append: HistoryStore['append'] = async (journal, index, at, body) => {
    const { journals } = this.collections;
    const isNext = index === 1 || index - 1 <= (this.#settled.get(journal) ?? 0);
    if (!isNext && !(await journals.findOne({ _id: nameOf(journal, index - 1) }))) return false;
    if (index < 1) return false;
    const _id = nameOf(journal, index);
    const doc = { _id, journal, index, at, body: stored(packOwn(JSON.stringify(body))) };
    const isAdded = await insertFirst(journals, doc);
    if (isAdded) this.#settle(journal, index);
    return isAdded;
  };

  #settle(journal: Journal, index: number): void {
    this.#settled.set(journal, Math.max(index, this.#settled.get(journal) ?? 0));
  }

  journal: HistoryStore['journal'] = async ({ journal, from, descending, limit }) => {
    const beyond = from === null ? {} : { index: descending ? { $lt: from } : { $gt: from } };
    const docs = await this.collections.journals
      .find({ journal, ...beyond })
      .sort({ index: descending ? -1 : 1 })
      .limit(limit)
      .toArray();
    for (const { index } of docs) this.#settle(journal, index);
    return docs.map(({ index, at, body }) => ({
      ...{ index, at },
      body: parseStored<DocumentBody>(unpackText(cellOf(body)), `Entry ${index} of the journal ${journal}`),
    }));
  };

  journalLength: HistoryStore['journalLength'] = async (journal) => {
    const last = { sort: { index: -1 }, projection: { index: 1 } } as const;
    return (await this.collections.journals.findOne({ journal }, last))?.index ?? 0;
  };
}

function nameOf(place: string, name: string | number): string {
  return `${place}/${name}`;
}

function documentOf({ id, version, body }: DocumentDoc) {
  return { id, version, body: parseStored<DocumentBody>(body, `The document ${id}`) };
}

type Named = DocumentDoc | JournalDoc;

/** False where something is there under that name. */
async function insertFirst<T extends Named>(collection: MongoCollection<T>, doc: T): Promise<boolean> {
  try {
    // the driver's type for documents without an `_id` does not fit a type parameter
    await collection.insertOne(doc as Parameters<typeof collection.insertOne>[0]);
    return true;
  } catch (error) {
    if (!isDuplicate(error)) throw error;
    return lost(collection, doc._id);
  }
}

/**
 * False, once a majority holds what somebody else wrote first: who reads again then is shown that, and not the
 * state before, on which the next attempt would fail as this one did.
 */
async function lost<T extends Named>(collection: MongoCollection<T>, _id: string): Promise<false> {
  const settled = { readConcern: { level: 'linearizable' }, maxTimeMS: 30_000 } as const;
  await collection.findOne({ _id } as Parameters<typeof collection.findOne>[0], settled);
  return false;
}
