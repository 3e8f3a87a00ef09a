import { isInstantOf, stateDigest, verifiedIn, versionMark } from '../../history/batch-plan.js';
import type { BatchNote, Confirmation, HistoryStore, Pin } from '../../history/store.js';
import { type QuarantineEntry, streamText } from '../../model/ledger.js';
import { KINDS, keyText, type RecordKey } from '../../resources/registry.js';
import { batchLeaf, type Leaf, tolerantRead } from '../seal/leaf.js';
import { newestRuns } from '../seal/seal-content.js';
import type { CheckedSeal } from './check-chain.js';
import { HashTable } from './check-history.js';
import { compareLeaves, type Findings } from './findings.js';

const AT_ONCE = 200;
const PAGE = 200;
/** Versions that are looked up at once; for more, what batches state is read again. */
const VERSIONS_AT_ONCE = 250_000;

/** The newest batch that states a run, stream or quarantine entry, and its digest there; `null`: it was removed. */
interface Said {
  readonly seq: number;
  readonly digest: string | null;
}

type Sort = 'run' | 'stream' | 'quarantine';

/**
 * Checks the batches against what seals list, and everything that batches overwrite against what the last of them
 * states: runs, the states of streams, the quarantine, and when each version was last verified.
 */
export class BatchCheck {
  readonly #said: Readonly<Record<Sort, Map<string, Said>>> = {
    run: new Map(),
    stream: new Map(),
    quarantine: new Map(),
  };
  /** Batches of earlier versions of the gateway state nothing; what they wrote cannot be determined. */
  #lastUnstated = 0;
  #last: Pin = { seq: 0, at: '' };

  constructor(
    private readonly store: HistoryStore,
    private readonly findings: Findings,
    private readonly head: Pin,
  ) {}

  /** The batches that a seal covers, up to the head. */
  async compare({ index, body, list }: CheckedSeal): Promise<void> {
    if (!body.batches || !list) return;
    const to = Math.min(body.toSeq, this.head.seq);
    let next = 0;
    for await (const notes of readBatches(this.store, body.batches.fromSeq, to, this.findings)) {
      const until = notes.at(-1)?.seq ?? to;
      const found = notes.map(batchLeaf);
      const listed: Leaf[] = [];
      for (let leaf = list.batches[next]; leaf && leaf.seq <= until; leaf = list.batches[next]) {
        listed.push(leaf);
        next += 1;
      }
      compareLeaves(this.findings, 'BATCH', index, listed, found);
      for (const note of notes) this.#take(note);
    }
    const rest = list.batches.slice(next).filter(({ seq }) => seq <= this.head.seq);
    compareLeaves(this.findings, 'BATCH', index, rest, []);
  }

  async finish(versions: number): Promise<void> {
    const { head } = this;
    for await (const notes of readBatches(this.store, this.#last.seq, head.seq, this.findings)) {
      for (const note of notes) this.#take(note);
    }
    if (this.#last.seq !== head.seq || (head.seq > 0 && this.#last.at !== head.at)) {
      const message = `The history ends with batch ${head.seq} of ${head.at}, and the last that is there is batch ${this.#last.seq} of ${this.#last.at}.`;
      this.findings.add('STATE_ALTERED', message, { seq: head.seq });
    }
    await this.#checkStates();
    await this.#checkVerified(versions);
  }

  #take(note: BatchNote): void {
    const { seq, at, recorded, stated } = note;
    // a seal may cover batches that one before it covered too
    if (seq <= this.#last.seq) return;
    const isNext = seq === this.#last.seq + 1 && at > this.#last.at;
    if (!isNext || recorded.seq !== seq || recorded.at !== at) {
      const message = `Batch ${seq} of ${at} does not follow batch ${this.#last.seq} of ${this.#last.at}, or its own data differ.`;
      this.findings.add('STATE_ALTERED', message, { seq, what: `batch ${seq}` });
    }
    this.#last = { seq, at };
    if (!stated) this.#lastUnstated = seq;
    else for (const [sort, name, digest] of statedIn(stated)) this.#said[sort].set(name, { seq, digest });
  }

  async #checkStates(): Promise<void> {
    const there = { run: new Map<string, string>(), stream: new Map(), quarantine: new Map() };
    const isRead = await tolerantRead(this.store, async () => {
      for await (const run of newestRuns(this.store, null)) there.run.set(run.id, stateDigest(run));
      for (const state of await this.store.streams()) there.stream.set(streamText(state), stateDigest(state));
      for await (const entry of allQuarantined(this.store)) {
        there.quarantine.set(keyText(entry.key), stateDigest(entry));
      }
      return true;
    });
    if (!isRead) {
      this.findings.add('STATE_ALTERED', 'The runs, states or quarantine cannot be read any more.');
      return;
    }
    const later = await this.#since();
    for (const sort of ['run', 'stream', 'quarantine'] as const) {
      for (const name of new Set([...this.#said[sort].keys(), ...there[sort].keys()])) {
        if (!later.has(`${sort} ${name}`)) this.#checkState(sort, name, there[sort].get(name) ?? null);
      }
    }
  }

  #checkState(sort: Sort, name: string, found: string | null): void {
    const said = this.#said[sort].get(name);
    if ((said?.seq ?? 0) < this.#lastUnstated || (said?.digest ?? null) === found) return;
    const what = {
      run: `Run ${name}`,
      stream: `The state of ${name}`,
      quarantine: `What is in quarantine as ${name}`,
    };
    const [verb, how] =
      said === undefined || said.digest === null
        ? (['ADDED', 'was added: no batch brought it'] as const)
        : found === null
          ? (['MISSING', `is missing: batch ${said.seq} wrote it`] as const)
          : (['ALTERED', `was altered: it is not what batch ${said.seq} wrote`] as const);
    const code = sort === 'run' ? (`RUN_${verb}` as const) : 'STATE_ALTERED';
    this.findings.add(code, `${what[sort]} ${how}.`, { what: name, seq: said?.seq ?? null });
  }

  /** What batches after the head have written meanwhile. */
  async #since(): Promise<ReadonlySet<string>> {
    const names = new Set<string>();
    const { seq } = await this.store.head();
    for await (const notes of readBatches(this.store, this.head.seq, seq, this.findings)) {
      for (const { stated } of notes) {
        for (const [sort, name] of stated ? statedIn(stated) : []) names.add(`${sort} ${name}`);
      }
    }
    return names;
  }

  async #checkVerified(versions: number): Promise<void> {
    const parts = Math.max(1, Math.ceil(versions / VERSIONS_AT_ONCE));
    for (let part = 0; part < parts; part++) {
      const isOwn = (mark: bigint) => parts === 1 || Number(mark % BigInt(parts)) === part;
      const said = new HashTable();
      for await (const notes of readBatches(this.store, 0, this.head.seq, null)) {
        for (const { seq, stated } of notes) {
          for (const { mark, verifiedMs } of stated ? verifiedIn(stated) : []) {
            if (isOwn(mark)) said.set(mark, seq, verifiedMs);
          }
        }
      }
      for await (const some of this.store.confirmations()) {
        for (const confirmation of some) {
          const mark = versionMark(confirmation.key, confirmation.seqFrom);
          if (isOwn(mark)) await this.#checkConfirmation(confirmation, said.get(mark));
        }
      }
    }
  }

  async #checkConfirmation(
    { key, seqFrom, verifiedAt, confirmedBy }: Confirmation,
    said: readonly [seq: number, verifiedMs: number] | null,
  ): Promise<void> {
    const headSeq = this.head.seq;
    if (said && said[0] === confirmedBy && isInstantOf(verifiedAt, said[1])) return;
    if (seqFrom > headSeq || confirmedBy > headSeq) {
      // confirmed meanwhile, if there is such a batch
      if (confirmedBy <= (await this.store.head()).seq) return;
    } else if ((said?.[0] ?? 0) < this.#lastUnstated && confirmedBy <= this.#lastUnstated) return;
    const how = `was last verified at another time than ${verifiedAt}, or not by batch ${confirmedBy}`;
    this.findings.version('STATE_ALTERED', key, seqFrom, how);
  }
}

function* statedIn(
  stated: NonNullable<BatchNote['stated']>,
): Generator<readonly [sort: Sort, name: string, digest: string | null]> {
  for (const each of [stated.run, ...(stated.otherRuns ?? [])]) yield ['run', ...each];
  for (const each of stated.streams) yield ['stream', ...each];
  for (const each of stated.quarantine) yield ['quarantine', ...each];
}

/** Batches some at a time; one that cannot be read is named and left out. */
async function* readBatches(
  store: HistoryStore,
  afterSeq: number,
  toSeq: number,
  findings: Findings | null,
): AsyncGenerator<readonly BatchNote[]> {
  for (let from = afterSeq; from < toSeq; ) {
    const notes = await tolerantRead(store, () => store.batches({ afterSeq: from, toSeq, limit: AT_ONCE }));
    if (notes?.every(isNote)) {
      yield notes;
      if (notes.length < AT_ONCE) return;
      from = notes.at(-1)?.seq ?? toSeq;
      continue;
    }
    const until = Math.min(from + AT_ONCE, toSeq);
    for (; from < until; from++) {
      const query = { afterSeq: from, toSeq: from + 1, limit: 1 };
      const one = await tolerantRead(store, () => store.batches(query));
      if (one?.every(isNote)) yield one;
      else findings?.add('BATCH_ALTERED', `Batch ${from + 1} cannot be read any more.`, { seq: from + 1 });
    }
  }
}

function isNote({ recorded, stated }: BatchNote): boolean {
  const isNamed = (each: unknown) => Array.isArray(each) && typeof each[0] === 'string';
  const isStated =
    stated === null ||
    (isNamed(stated.run) &&
      [stated.otherRuns ?? [], stated.streams, stated.quarantine].every(
        (list) => Array.isArray(list) && list.every(isNamed),
      ) &&
      typeof stated.verified === 'string');
  return typeof recorded === 'object' && recorded !== null && isStated;
}

async function* allQuarantined(store: HistoryStore): AsyncGenerator<QuarantineEntry> {
  for (let after: RecordKey | null = null; ; ) {
    const query = { integrations: null, kinds: KINDS, after, limit: PAGE };
    const entries: QuarantineEntry[] = await store.quarantine(query);
    yield* entries;
    if (entries.length < PAGE) return;
    const before: RecordKey | null = after;
    after = entries.at(-1)?.key ?? null;
    if (before && after && keyText(before) === keyText(after)) {
      throw new Error('the quarantine goes in a circle');
    }
  }
}
