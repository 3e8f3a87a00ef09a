import { isDeepStrictEqual } from 'node:util';
import type { Collection, Document } from 'mongodb';
import { type RecordedEntry, streamText } from '../../model/ledger.js';
import { OPEN_SEQ } from '../../model/revision.js';
import {
  FIRST_FIELDS,
  fieldsOf,
  isListed,
  keyText,
  type ListedKind,
  type RecordOf,
} from '../../resources/registry.js';
import { compareValues } from '../../values/filter.js';
import { type Instant, toInstant } from '../../values/instant.js';
import { type FieldRange, type HighWaterMarks, ITEM_SPAN, noMarks, widenMarks } from '../high-water-marks.js';
import { isPageOf, pageIn } from '../reading-pages.js';
import type { DerivedFault } from '../store.js';
import { readBodies } from './bodies.js';
import { foldedFields, storedFields } from './filter.js';
import { LiveCountCheck } from './live-counts.js';
import { entryOf } from './packed.js';
import { INDEXES } from './schema.js';
import {
  type BatchDoc,
  type Collections,
  type HeadDoc,
  type LedgerDoc,
  type LedgerPageDoc,
  pages,
  type RevisionDoc,
  reachOf,
  revisionId,
} from './stored-types.js';

const AT_ONCE = 500;

/** What is the same of an index whatever server made it. */
const SERVERS_OWN = ['v', 'ns', 'background'];

/** The collections whose documents have names that follow from what they say. */
const NAMED = [
  'revisions',
  'batches',
  'ledger',
  'streams',
  'runs',
  'quarantine',
  'documents',
  'journals',
] as const;

/**
 * Works out again what a history in MongoDB keeps beside what it was given: what lists go by from each record, how
 * far the times reached after each batch, and the names by which documents are found. What batches after `seq` have
 * added meanwhile is left out.
 */
export class MongoDerivedCheck {
  #extents: HighWaterMarks = noMarks();

  constructor(
    private readonly collections: Collections,
    private readonly seq: number,
  ) {}

  async *run(): AsyncGenerator<DerivedFault> {
    yield* this.#indexes();
    yield* this.#foreign();
    const bounds = new Reaches(this.collections, this.seq);
    const written = { seqFrom: { $lte: this.seq } };
    for await (const docs of pages(this.collections.revisions, written)) {
      const records = await readBodies(
        this.collections,
        docs.filter(({ kind, deleted }) => isListed(kind) && !deleted).map(({ body }) => body),
        'record',
      );
      for (const doc of docs) {
        yield* bounds.before(doc.seqFrom, this.#extents);
        bounds.live.add(doc);
        yield* this.#revision(doc, records.get(doc.body.toHexString()));
      }
    }
    yield* bounds.before(OPEN_SEQ, this.#extents);
    yield* this.#head();
    yield* this.#names();
  }

  /** One that was replaced could leave records out of lists; one that is gone is missed by whoever asks for it. */
  async *#indexes(): AsyncGenerator<DerivedFault> {
    for (const [name, wanted] of Object.entries(INDEXES)) {
      const collection = this.collections[name as keyof typeof INDEXES];
      const own = new Map((await collection.indexes()).map((index) => [index.name, definition(index)]));
      for (const index of wanted()) {
        const found = own.get(index.name);
        if (found === undefined || found === definition(index)) continue;
        const what = `${name} ${index.name}`;
        yield { what, seq: null, message: `The index "${index.name}" of ${name} was replaced by another.` };
      }
    }
  }

  *#revision(doc: RevisionDoc, record: string | undefined): Generator<DerivedFault> {
    if (doc._id !== revisionId(doc, doc.seqFrom)) yield ofVersion(doc, 'is not stored under its own name');
    if (doc.seqTo === OPEN_SEQ && doc.observedTo !== null)
      yield ofVersion(doc, 'is marked as ended, but is not');
    if (!(doc.confirmedBy >= doc.seqFrom)) yield ofVersion(doc, 'was confirmed before it existed');
    const { kind, deleted } = doc;
    const listed = isListed(kind) && !deleted ? listedIn(kind, record, this.#extents) : null;
    if (listed === undefined) return;
    const f = listed ? storedFields(listed.fields) : undefined;
    const c = listed?.folded ?? undefined;
    if (!isDeepStrictEqual(plain(doc.f), plain(f)) || !isDeepStrictEqual(plain(doc.c), plain(c)))
      yield ofVersion(doc, 'is not found by its own values: what lists go by was altered');
    if (listed) this.#extents = listed.extents;
  }

  /** Read once the last batch is known, so that it is no older than that. */
  async *#head(): AsyncGenerator<DerivedFault> {
    const [last] = await this.collections.batches.find({}, { sort: { seq: -1 }, limit: 1 }).toArray();
    const head = (await this.collections.meta.findOne({ _id: 'head' })) as HeadDoc | null;
    const say = (message: string) => ({ what: 'head', seq: head?.seq ?? null, message });
    if (!head || head.seq < (last?.seq ?? 0))
      yield say(`The head of the history is batch ${head?.seq}, but the last one is batch ${last?.seq}.`);
    else if (head.seq === last?.seq && toInstant(head.at) !== last.at)
      yield say(`The head of the history is of ${toInstant(head.at)}, but the last batch is of ${last.at}.`);
    if (head?.isWhole) yield* narrower(head.extents, this.#extents, head.seq);
  }

  /** Whatever the gateway wrote has a text for its name; what has not would be passed over here. */
  async *#foreign(): AsyncGenerator<DerivedFault> {
    for (const name of NAMED) {
      const found = await this.collections[name].findOne({ _id: { $not: { $type: 'string' } } } as never);
      if (found)
        yield {
          what: name,
          seq: null,
          message: `There is something in ${name} that the gateway did not make.`,
        };
    }
  }

  /** The names under which documents are found, and what queries find them by beside what they say. */
  async *#names(): AsyncGenerator<DerivedFault> {
    const { ledger, streams, quarantine, documents, journals } = this.collections;
    for await (const { _id, ...state } of each(streams))
      if (_id !== streamText(state)) yield misplaced(`The state of ${_id}`, _id);
    let accounts = new Set<string>();
    const isKnown = async (name: string) => {
      // the first reading of an account may have been recorded meanwhile
      if (!accounts.has(name)) accounts = new Set(await streams.distinct('integration'));
      return accounts.has(name);
    };
    for await (const doc of each(ledger)) {
      const { _id, stream, seq, n, reach, from, to } = doc;
      const entries = readingsOf(doc);
      const isNamed = _id === `${seq} ${n}` && isPageOf({ stream, from, to, seq }, entries);
      const isReached = reach === undefined || reach === reachOf({ from, to });
      // all of a page are of one stream
      if (isNamed && isReached && (await isKnown(entries[0]?.integration ?? ''))) continue;
      yield misplaced(`A reading of ${stream} from ${from} to ${to} that batch ${seq} recorded`, stream, seq);
    }
    for await (const { _id, integration, kind, id } of each(quarantine)) {
      if (_id !== keyText({ integration, kind, id })) yield misplaced(`What is in quarantine as ${_id}`, _id);
    }
    for await (const { _id, collection, id } of each(documents)) {
      if (_id !== `${collection}/${id}`) yield misplaced(`The document ${_id}`, _id);
    }
    for await (const { _id, journal, index } of each(journals, { body: 0 })) {
      if (_id !== `${journal}/${index}`) yield misplaced(`The entry ${_id}`, _id);
    }
  }
}

type ReachDoc = Pick<BatchDoc, 'seq' | 'extents' | 'extentsOf' | 'live'>;

/** How far each batch says that the times reached, and how many records it counts, taken batch by batch. */
class Reaches {
  readonly live = new LiveCountCheck();
  #last = 0;
  #ahead: ReachDoc[] = [];
  /** The last batch that has extents of its own. */
  #own: ReachDoc | null = null;

  constructor(
    private readonly collections: Collections,
    private readonly toSeq: number,
  ) {}

  /** Holds the batches before `seq` against what the versions so far come to. */
  async *before(seq: number, extents: HighWaterMarks): AsyncGenerator<DerivedFault> {
    for (;;) {
      if (this.#ahead.length === 0) this.#ahead = await this.#read();
      const [next] = this.#ahead;
      if (next === undefined || next.seq >= seq) return;
      this.#ahead.shift();
      this.#last = next.seq;
      yield* this.#reach(next, extents);
      yield* this.live.after(next);
    }
  }

  *#reach(batch: ReachDoc, found: HighWaterMarks): Generator<DerivedFault> {
    const { seq, extents, extentsOf } = batch;
    if (extents !== null) this.#own = batch;
    else if (extentsOf === undefined) return;
    const own = this.#own;
    if (own === null || (extents === null && extentsOf !== own.seq)) {
      const message = `How far times reached after batch ${seq} is not what batch ${extentsOf} says, which it names.`;
      yield { what: 'batches', seq, message };
    } else if (own.extents !== null) yield* narrower(own.extents, found, seq);
  }

  #read(): Promise<ReachDoc[]> {
    const wanted = { seq: { $gt: this.#last, $lte: this.toSeq } };
    const options = {
      sort: { seq: 1 },
      limit: AT_ONCE,
      projection: { seq: 1, extents: 1, extentsOf: 1, live: 1 },
    } as const;
    return this.collections.batches.find(wanted, options).toArray();
  }
}

/**
 * Where what is said to be reached is less than what is: there a list would leave records out. More than that does
 * no harm, and comes about by observations that were in conflict.
 */
function* narrower(said: HighWaterMarks, found: HighWaterMarks, seq: number): Generator<DerivedFault> {
  for (const [kind, fields] of Object.entries(found)) {
    const ofKind = (said as Record<string, Record<string, FieldRange> | undefined> | undefined)?.[kind];
    // lists use no extents then, so they leave nothing out
    if (ofKind === undefined && !Object.hasOwn(FIRST_FIELDS, kind)) continue;
    for (const [field, extent] of Object.entries(fields)) {
      const own = ofKind?.[field];
      const isUnknown = field === ITEM_SPAN && ofKind !== undefined && own === undefined;
      if (isUnknown || (own && isWithin(extent, own))) continue;
      const message = `How far ${field} of kind ${kind} reached after batch ${seq} is less than its records say.`;
      yield { what: `${kind} ${field}`, seq, message };
    }
  }
}

function isWithin({ min, max, nulls }: FieldRange, own: FieldRange): boolean {
  const isEnd = (end: Instant | null, least: Instant | null, sign: 1 | -1) =>
    end === null || (typeof end === 'string' && (least === null || sign * compareValues(least, end) >= 0));
  return (
    isEnd(own.min, min, 1) &&
    isEnd(own.max, max, -1) &&
    (own.nulls === true || (own.nulls === false && !nulls))
  );
}

/** What lists see of a version, and how far the marks reach with it; `undefined` where its record cannot be read. */
function listedIn(kind: ListedKind, record: string | undefined, extents: HighWaterMarks) {
  if (record === undefined) return undefined;
  try {
    const value = JSON.parse(record) as RecordOf[ListedKind];
    const fields = fieldsOf(kind, value);
    return {
      fields,
      folded: foldedFields(kind, fields),
      extents: widenMarks(extents, kind, fields, value),
    };
  } catch {
    return undefined;
  }
}

function definition(index: Document): string {
  const entries = Object.entries(index).filter(([name]) => !SERVERS_OWN.includes(name));
  return JSON.stringify(entries.sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** As MongoDB gives it back: half surrogate pairs cannot be kept. */
function plain(fields: Document | undefined): unknown {
  if (fields === undefined) return undefined;
  return JSON.parse(
    JSON.stringify(fields, (_, value: unknown) => (typeof value === 'string' ? value.toWellFormed() : value)),
  );
}

/** None if they cannot be read. */
function readingsOf(doc: LedgerDoc | LedgerPageDoc): readonly RecordedEntry[] {
  if ('page' in doc) return pageIn(doc.page.buffer) ?? [];
  try {
    return [entryOf(doc)];
  } catch {
    return [];
  }
}

async function* each<T extends { readonly _id: string }>(
  collection: Collection<T>,
  projection?: Document,
): AsyncGenerator<T> {
  for await (const docs of pages(collection, {}, projection)) yield* docs;
}

function ofVersion({ integration, kind, id, seqFrom }: RevisionDoc, how: string): DerivedFault {
  const what = `${integration}/${kind}/${id}`;
  return { what, seq: seqFrom, message: `The version of ${what} that batch ${seqFrom} brought ${how}.` };
}

function misplaced(thing: string, what: string, seq: number | null = null): DerivedFault {
  return { what, seq, message: `${thing} is not found under its own data.` };
}
