import { Binary, type ClientSession, type Document, type MongoClient } from 'mongodb';
import { type QuarantineEntry, type RecordedEntry, streamText } from '../../model/ledger.js';
import type { RunRecord, RunTrigger } from '../../model/run.js';
import { type StreamState, streamsOf } from '../../model/stream.js';
import { keyText, RESOURCE_OF, type RecordKey } from '../../resources/registry.js';
import { type Instant, toInstant, toMillis } from '../../values/instant.js';
import { batchRuns, quarantineAdditions } from '../batch-plan.js';
import { checkStored } from '../errors.js';
import { PAGE_READINGS, packReadings, readingsIn, readingsTouching } from '../reading-pages.js';
import type { Batch, BatchNote, FirstQuery, HistoryStore, Pin } from '../store.js';
import { inTransaction } from './connection.js';
import { entryOf, ledgerDoc, runDoc, runOf, storedOutcomeOf } from './packed.js';
import { REACH_INDEX, WRITTEN_INDEX } from './schema.js';
import {
  type BatchDoc,
  type Collections,
  type LedgerDoc,
  type LedgerPageDoc,
  type Left,
  type QuarantineDoc,
  REACHES,
  reachOf,
  UNLIMITED,
  WHOSE_EXTENTS,
} from './stored-types.js';

type RunsQuery = Parameters<HistoryStore['runs']>[0];
type QuarantineQuery = Parameters<HistoryStore['quarantine']>[0];
type QuarantineCount = Parameters<HistoryStore['countQuarantine']>[0];

/** The ledger, the streams, the runs and what is in quarantine. */
export class MongoLedger {
  constructor(private readonly collections: Collections) {}

  /** The readings that each query asks for, in one command; an error only for those of a stream that are damaged. */
  async ledgers(queries: readonly LedgerQuery[]): Promise<(RecordedEntry[] | Error)[]> {
    const { ledger, missingIndexes } = this.collections;
    const isOld = missingIndexes.has(REACH_INDEX);
    const wanted = queries.flatMap((query) =>
      isOld ? [touching(query)] : within(query.from).map((part) => ({ $and: [touching(query), part] })),
    );
    const docs = await ledger
      .find({ $or: wanted }, isOld ? {} : { hint: REACH_INDEX })
      .batchSize(ENTRIES_AT_ONCE)
      .sort({ seq: 1, n: 1 })
      .toArray();
    return queries.map((query) => {
      try {
        return readingsOf(docs, query);
      } catch (error) {
        return error as Error;
      }
    });
  }

  /** Makes pages of the readings of batches up to `seq`, stream by stream. */
  async join(seq: number, client: MongoClient): Promise<void> {
    const old = [
      { $match: { seq: { $lte: seq }, page: { $exists: false } } },
      { $group: { _id: '$stream', count: { $sum: 1 } } },
      { $match: { count: { $gte: PAGE_READINGS } } },
    ];
    for (const { _id: stream } of await this.collections.ledger.aggregate<{ _id: string }>(old).toArray()) {
      while (await inTransaction({ client }, (session) => this.#joinSome(stream, seq, session)));
    }
  }

  /** The oldest readings that are in no page become one; false if they are too few or cannot. */
  async #joinSome(stream: string, seq: number, session: ClientSession): Promise<boolean> {
    const { ledger } = this.collections;
    const old = { stream, seq: { $lte: seq }, page: { $exists: false } };
    const options = { session, sort: { seq: 1, n: 1 }, limit: PAGE_READINGS } as const;
    const docs = (await ledger.find(old, options).toArray()) as LedgerDoc[];
    const [first, ...others] = docs;
    if (!first || docs.length < PAGE_READINGS) return false;
    const page = packReadings(
      stream,
      docs.map((doc) => ({ from: doc.from, to: doc.to, seq: doc.seq, text: JSON.stringify(entryOf(doc)) })),
    );
    if (page === null) return false;
    const { bytes, ...place } = page;
    const doc = { ...place, n: first.n, reach: reachOf(page), page: new Binary(bytes) };
    await ledger.replaceOne({ _id: first._id }, doc, { session });
    await ledger.deleteMany({ _id: { $in: others.map(({ _id }) => _id) } }, { session });
    return true;
  }

  async firstRecorded({ kinds, integrations }: FirstQuery): Promise<Pin | null> {
    const streams = integrations.flatMap((name) =>
      kinds.flatMap((kind) => streamsOf(name, RESOURCE_OF[kind])),
    );
    const { batches, ledger, revisions, missingIndexes } = this.collections;
    const found = await Promise.all([
      ledger
        .aggregate<{ readonly seq: number | null }>([
          { $match: { stream: { $in: streams.map(streamText) } } },
          { $group: { _id: null, seq: { $min: '$seq' } } },
        ])
        .toArray(),
      revisions
        .find({ kind: { $in: [...kinds] }, integration: { $in: [...integrations] } })
        .project<{ readonly seq: number | null }>({ _id: 0, seq: '$seqFrom' })
        .sort({ _id: 1 })
        .limit(1)
        .hint(missingIndexes.has(WRITTEN_INDEX) ? { _id: 1 } : WRITTEN_INDEX)
        .toArray(),
    ]);
    const [seq] = found.flatMap(([first]) => first?.seq ?? []).sort((a, b) => a - b);
    const batch =
      seq === undefined ? null : await batches.findOne({ seq }, { projection: { seq: 1, at: 1 } });
    return batch && { seq: batch.seq, at: batch.at };
  }

  async streams(): Promise<StreamState[]> {
    const docs = await this.collections.streams.find().sort({ _id: 1 }).toArray();
    return docs.map(({ _id, ...state }) =>
      checkStored<StreamState>(state, `The state of the stream ${_id}`, 'stream'),
    );
  }

  async runs({ integrations, before, limit, trigger }: RunsQuery): Promise<RunRecord[]> {
    const older = before && [
      { startedAt: { $lt: before.startedAt } },
      { startedAt: before.startedAt, _id: { $lt: before.id } },
    ];
    const docs = await this.collections.runs
      .find({ ...ofIntegrations(integrations), ...(trigger && { trigger }), ...(older && { $or: older }) })
      .sort({ startedAt: -1, _id: -1 })
      .limit(limit)
      .toArray();
    return docs.map(runOf);
  }

  countRuns(integrations: readonly string[] | null, trigger?: RunTrigger): Promise<number> {
    return this.collections.runs.countDocuments({
      ...ofIntegrations(integrations),
      ...(trigger && { trigger }),
    });
  }

  async run(id: string): Promise<RunRecord | null> {
    const doc = await this.collections.runs.findOne({ _id: id });
    return doc && runOf(doc);
  }

  /** Whether anything is in quarantine. */
  async isQuarantined(): Promise<boolean> {
    return (await this.collections.quarantine.findOne({}, { projection: { _id: 1 } })) !== null;
  }

  async quarantine({ integrations, kinds, after, limit }: QuarantineQuery): Promise<QuarantineEntry[]> {
    const later = after && [
      { integration: { $gt: after.integration } },
      { integration: after.integration, kind: { $gt: after.kind } },
      { integration: after.integration, kind: after.kind, id: { $gt: after.id } },
    ];
    const docs = await this.collections.quarantine
      .find({ ...ofIntegrations(integrations), kind: { $in: kinds }, ...(later && { $or: later }) })
      .sort({ integration: 1, kind: 1, id: 1 })
      .limit(limit)
      .toArray();
    return docs.map(quarantineOf);
  }

  countQuarantine({ integrations, kinds, codes }: QuarantineCount): Promise<number> {
    return this.collections.quarantine.countDocuments({
      ...ofIntegrations(integrations),
      kind: { $in: kinds },
      ...(codes && { code: { $in: codes } }),
    });
  }

  async quarantined(keys: readonly RecordKey[]): Promise<(QuarantineEntry | null)[]> {
    if (keys.length === 0) return [];
    const texts = keys.map(keyText);
    const docs = await this.collections.quarantine.find({ _id: { $in: texts } }).toArray();
    const found = new Map(docs.map((doc) => [doc._id, quarantineOf(doc)]));
    return texts.map((text) => found.get(text) ?? null);
  }

  async batches({ afterSeq, toSeq, limit }: Parameters<HistoryStore['batches']>[0]): Promise<BatchNote[]> {
    const docs = await this.collections.batches
      .find({ seq: { $gt: afterSeq, $lte: toSeq } }, { projection: { extents: 0, extentsOf: 0, live: 0 } })
      .sort({ seq: 1 })
      .limit(limit)
      .toArray();
    return docs.map((doc) => ({ id: doc._id, seq: doc.seq, at: doc.at, ...storedOutcomeOf(doc) }));
  }
}

export interface LedgerQuery {
  /** As `streamText`. */
  readonly stream: string;
  readonly from: Instant;
  readonly to: Instant;
  readonly seq: number;
}

const ENTRIES_AT_ONCE = 100_000;

function touching({ stream, from, to, seq }: LedgerQuery): Document {
  return { stream, to: { $gt: from }, from: { $lt: to }, seq: { $lte: seq } };
}

/** What a query asks for, among what others ask for too. */
function readingsOf(
  docs: readonly (LedgerDoc | LedgerPageDoc)[],
  { stream, from, to, seq }: LedgerQuery,
): RecordedEntry[] {
  const what = `A reading of ${stream}`;
  const own = docs.filter((doc) => doc.stream === stream && doc.to > from && doc.from < to && doc.seq <= seq);
  return own.flatMap((doc) =>
    'page' in doc ? readingsTouching(readingsIn(doc.page.buffer, what), from, to, seq) : [entryOf(doc)],
  );
}

const FIRST_INSTANT = '0000-01-01T00:00:00.000Z';

/** By class, where the windows begin that may last beyond `from`. */
function within(from: Instant): Document[] {
  const limited = REACHES.map((reach) => ({
    reach,
    from: { $gte: toInstant(Math.max(toMillis(from) - reach, toMillis(FIRST_INSTANT))) },
  }));
  // those without a class are of an earlier version of the gateway that writes at the same time
  return [...limited, { reach: { $in: [UNLIMITED, null] } }];
}

function ofIntegrations(integrations: readonly string[] | null): Document {
  return integrations ? { integration: { $in: integrations } } : {};
}

function quarantineOf({ _id, integration, kind, id, ...entry }: QuarantineDoc): QuarantineEntry {
  const key = { integration, kind, id };
  return checkStored<QuarantineEntry>({ key, ...entry }, `The entry in quarantine ${id}`, 'quarantined');
}

/**
 * Which of the keys (as `keyText`) are in quarantine, and what the batch before left. Read outside the batch's
 * transaction, after that has taken its number `seq`: no other writer can change it until it ends.
 */
export async function readBefore(
  { batches }: Collections,
  seq: number,
  names: readonly string[],
): Promise<{ readonly freed: readonly string[]; readonly before: Left }> {
  const inQuarantine = {
    $unionWith: { coll: 'quarantine', pipeline: [{ $match: { _id: { $in: names } } }] },
  };
  const found = await batches
    .aggregate<Pick<BatchDoc, '_id' | 'seq' | 'live' | 'extentsOf'>>(
      [
        { $match: { seq: seq - 1 } },
        inQuarantine,
        { $project: { seq: 1, live: 1, extentsOf: WHOSE_EXTENTS } },
      ],
      { readConcern: { level: 'local' } },
    )
    .toArray();
  const last = found.find((doc) => doc.seq === seq - 1);
  const freed = found.filter((doc) => doc !== last).map(({ _id }) => _id);
  const live = seq === 1 ? [] : (last?.live ?? null);
  return { freed, before: { live, extentsOf: last?.extentsOf ?? null } };
}

/**
 * Writes the runs, ledgers, streams and quarantine of batches in their transaction, the first of which has the number
 * `first`; `freed`: the keys to take out of quarantine.
 */
export async function writeLedger(
  collections: Collections,
  batches: readonly Batch[],
  freed: readonly string[],
  first: number,
  session: ClientSession,
): Promise<void> {
  const runs = batches.flatMap(batchRuns).map((run) => {
    const { _id, ...replacement } = runDoc(run);
    return { replaceOne: { filter: { _id }, replacement, upsert: true } };
  });
  await collections.runs.bulkWrite(runs, { session });
  const entries = batches.flatMap(({ ledger }, place) =>
    ledger.map((entry, n) => ledgerDoc(entry, first + place, n)),
  );
  if (entries.length > 0) await collections.ledger.insertMany(entries, { session });
  const states = batches.flatMap(({ streams }) => streams);
  const updates = states.map((state) => ({
    // the log of the server then has what changed only
    updateOne: { filter: { _id: streamText(state) }, update: { $set: state }, upsert: true },
  }));
  if (updates.length > 0) await collections.streams.bulkWrite(updates, { session });
  for (const batch of batches) await writeQuarantine(collections, batch, freed, session);
}

async function writeQuarantine(
  { quarantine }: Collections,
  batch: Batch,
  freed: readonly string[],
  session: ClientSession,
): Promise<void> {
  const entries = quarantineAdditions(batch).map(({ key, ...entry }) => ({
    replaceOne: { filter: { _id: keyText(key) }, replacement: { ...key, ...entry }, upsert: true },
  }));
  if (entries.length > 0) await quarantine.bulkWrite(entries, { session });
  if (freed.length > 0) await quarantine.deleteMany({ _id: { $in: [...freed] } }, { session });
}
