import type { HistoryStore } from '../../history/store.js';
import type { JournalEntry } from '../../model/documents.js';
import type { RunRecord } from '../../model/run.js';
import { type Stream, streamText } from '../../model/stream.js';
import type { Instant } from '../../values/instant.js';
import { newestRuns, sealedRun } from '../seal/ended-runs.js';
import { type Leaf, ledgerLeaves } from '../seal/leaf.js';
import { bodyOf, entryDigest, type SealBody, type SealedRun, sealIn } from '../seal/seal.js';
import { allStreams, streamNamed, wholeLedger } from '../seal/stream-coverage.js';
import { tolerantRead } from '../seal/walk-batches.js';
import type { CheckedSeal } from './check-chain.js';
import { compareLeaves } from './compare-leaves.js';
import type { Findings } from './findings.js';

interface StreamLeaves {
  readonly stream: string;
  readonly leaves: readonly Leaf[];
  /** From this batch on nothing can be read. */
  readonly brokenFrom: number;
}

/** Holds the readings of every stream against what seals list. */
export class LedgerCheck {
  readonly #streams: readonly StreamLeaves[];

  private constructor(
    private readonly findings: Findings,
    streams: readonly StreamLeaves[],
  ) {
    this.#streams = streams;
  }

  get count(): number {
    return this.#streams.reduce((count, { leaves }) => count + leaves.length, 0);
  }

  /** Reads the ledgers up to a batch, of the streams that the history and its last seal name. */
  static async open(store: HistoryStore, findings: Findings, seq: number): Promise<LedgerCheck> {
    const streams: StreamLeaves[] = [];
    for (const stream of await streamsOf(store, findings)) {
      streams.push(await readLeaves(store, findings, stream, seq));
    }
    return new LedgerCheck(findings, streams);
  }

  compare({ index, body }: CheckedSeal, listed: readonly Leaf[]): void {
    const found = this.#streams.flatMap(({ leaves }) =>
      leaves.slice(countUpTo(leaves, body.fromSeq), countUpTo(leaves, body.toSeq)),
    );
    const unread = new Map(this.#streams.map(({ stream, brokenFrom }) => [stream, brokenFrom]));
    const readable = listed.filter(({ seq, name }) => seq < (unread.get(name[0] ?? '') ?? seq + 1));
    compareLeaves(this.findings, 'READING', index, readable, found);
  }
}

/** How many of the leaves, which are in the order of batches, are of batches up to `seq`; by halving. */
function countUpTo(leaves: readonly Leaf[], seq: number): number {
  let [low, high] = [0, leaves.length];
  while (low < high) {
    const middle = Math.floor((low + high) / 2);
    if ((leaves[middle]?.seq ?? Number.POSITIVE_INFINITY) <= seq) low = middle + 1;
    else high = middle;
  }
  return low;
}

async function streamsOf(store: HistoryStore, findings: Findings): Promise<Stream[]> {
  const names = new Set<string>();
  const states = await tolerantRead(store, () => store.streams());
  if (!states) findings.add('STATE_ALTERED', 'The states of the streams cannot be read any more.');
  for (const stream of allStreams(states ?? [])) names.add(streamText(stream));
  for (const stream of await lastNamed(store)) names.add(stream);
  return [...names].sort().flatMap((name) => streamNamed(name) ?? []);
}

/** The streams that the newest readable seal names. */
async function lastNamed(store: HistoryStore): Promise<string[]> {
  const query = { journal: 'seals', from: null, descending: true, limit: 1 } as const;
  const [entry] = (await tolerantRead(store, () => store.journal(query))) ?? [];
  const seal = entry && sealIn(entry.body);
  return (seal && bodyOf(seal)?.coverage.map(({ stream }) => stream)) ?? [];
}

async function readLeaves(
  store: HistoryStore,
  findings: Findings,
  stream: Stream,
  seq: number,
): Promise<StreamLeaves> {
  const name = streamText(stream);
  const whole = await attempt(store, stream, seq);
  if (whole) return { stream: name, leaves: whole, brokenFrom: Number.POSITIVE_INFINITY };
  let [good, bad] = [0, seq];
  while (bad - good > 1) {
    const middle = Math.floor((good + bad) / 2);
    if (await attempt(store, stream, middle)) good = middle;
    else bad = middle;
  }
  const message = `A reading of ${name} that batch ${bad} recorded cannot be read any more; later ones of it are not looked at.`;
  findings.add('READING_ALTERED', message, { seq: bad, what: name });
  return { stream: name, leaves: (await attempt(store, stream, good)) ?? [], brokenFrom: bad };
}

async function attempt(store: HistoryStore, stream: Stream, seq: number): Promise<Leaf[] | null> {
  const entries = await tolerantRead(store, () => wholeLedger(store, stream, seq));
  return entries ? ledgerLeaves(entries) : null;
}

type Known = Pick<SealedRun, 'digest' | 'status'> & { readonly seal: number };

/** Holds the runs against what seals say of them, the last word counting. */
export class RunCheck {
  readonly #known = new Map<string, Known>();
  #before: Instant | null = null;

  constructor(private readonly findings: Findings) {}

  get count(): number {
    return this.#known.size;
  }

  take({ index, runs, runsBefore }: SealBody): void {
    for (const { id, digest, status } of runs) this.#known.set(id, { digest, status, seal: index });
    this.#before = runsBefore;
  }

  async finish(store: HistoryStore): Promise<void> {
    for (const [id, known] of this.#known) await this.#check(store, id, known);
    await this.#checkAdded(store);
  }

  async #check(store: HistoryStore, id: string, { digest, status, seal }: Known): Promise<void> {
    const run = await tolerantRead(store, () => store.run(id));
    if (run === null) this.#say('RUN_MISSING', id, seal, 'is missing');
    else if (run === undefined) this.#say('RUN_ALTERED', id, seal, 'cannot be read any more');
    else if (sealedRun(run).digest !== digest) {
      // another process may have taken a run for dead that was only slow
      if (status === 'INTERRUPTED') {
        this.findings.notice(`Run ${id} was sealed as interrupted (seal ${seal}) and went on after that.`);
      } else this.#say('RUN_ALTERED', id, seal, 'was altered');
    }
  }

  async #checkAdded(store: HistoryStore): Promise<void> {
    const before = this.#before;
    if (before === null) return;
    const added = await tolerantRead(store, async () => {
      const found: RunRecord[] = [];
      for await (const run of newestRuns(store, null)) {
        const isSealed = run.endedAt === null || run.startedAt >= before || this.#known.has(run.id);
        if (!isSealed && found.length < 100) found.push(run);
      }
      return found;
    });
    for (const { id, trigger, startedAt } of added ?? []) {
      const how = `(${trigger}, begun at ${startedAt}) was added: no seal knows it`;
      this.#say('RUN_ADDED', id, null, how);
    }
    if (added === undefined) this.findings.add('RUN_ALTERED', 'The list of runs cannot be read any more.');
  }

  #say(
    code: 'RUN_MISSING' | 'RUN_ALTERED' | 'RUN_ADDED',
    id: string,
    seal: number | null,
    how: string,
  ): void {
    const where = seal === null ? '' : ` (seal ${seal})`;
    this.findings.add(code, `Run ${id} ${how}${where}.`, { seal, what: id });
  }
}

const PAGE = 50;

/** Holds the audit trail against its own chain and against what seals say of its end. */
export class AuditCheck {
  readonly #known = new Map<number, { readonly digest: string; readonly seal: number }>();
  #last = 0;
  #previous: string | null = null;

  constructor(private readonly findings: Findings) {}

  take({ index, audit }: SealBody): void {
    if (audit) this.#known.set(audit.index, { digest: audit.digest, seal: index });
  }

  async finish(store: HistoryStore): Promise<void> {
    const length = await store.journalLength('audit');
    for (let from = 0; from < length; from = this.#last) {
      const query = { journal: 'audit', descending: false } as const;
      const page = await tolerantRead(store, () => store.journal({ ...query, from, limit: PAGE }));
      const found =
        page ?? (await tolerantRead(store, () => store.journal({ ...query, from, limit: 1 }))) ?? [];
      if (found.length === 0) this.#unreadable(from + 1);
      for (const entry of found) this.#check(entry);
    }
    for (const [index, { seal }] of this.#known) {
      if (index > this.#last) this.#say(index, seal, 'is missing: the end of the trail was cut off');
    }
  }

  #check(entry: JournalEntry): void {
    const { index } = entry;
    if (index !== this.#last + 1) this.#say(this.#last + 1, null, 'is missing');
    const digest = entryDigest(entry);
    const known = this.#known.get(index);
    if (known && known.digest !== digest) this.#say(index, known.seal, 'was altered');
    else if (this.#previous !== null && entry.body.previous !== this.#previous) {
      this.#say(index - 1, null, 'was altered, or the one after it');
    }
    this.#last = index;
    this.#previous = digest;
  }

  #unreadable(index: number): void {
    this.#say(index, null, 'cannot be read any more');
    this.#last = index;
    this.#previous = null;
  }

  #say(index: number, seal: number | null, how: string): void {
    const where = seal === null ? '' : ` (seal ${seal})`;
    this.findings.add('AUDIT_ALTERED', `Entry ${index} of the audit trail ${how}${where}.`, {
      seal,
      what: `audit ${index}`,
    });
  }
}
