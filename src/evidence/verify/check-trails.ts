import type { HistoryStore } from '../../history/store.js';
import type { JournalEntry } from '../../model/documents.js';
import { streamText } from '../../model/ledger.js';
import type { RunRecord } from '../../model/run.js';
import type { Stream } from '../../model/stream.js';
import type { Instant } from '../../values/instant.js';
import { type Leaf, ledgerLeaves, tolerantRead } from '../seal/leaf.js';
import { entryDigest, lastThat, type SealedRun, storedSeal } from '../seal/seal.js';
import { allStreams, newestRuns, sealedRun, streamNamed, wholeLedger } from '../seal/seal-content.js';
import type { CheckedSeal } from './check-chain.js';
import type { FindingCode, Findings } from './findings.js';
import type { ExtraCheck, Found } from './sealed-source.js';

/** The readings of a stream; none can be read from batch `brokenFrom` on. */
export interface StreamLeaves {
  readonly stream: string;
  readonly leaves: readonly Leaf[];
  readonly brokenFrom: number;
}

/** The readings up to a batch, of the streams that the history and its last seal name. */
export async function readStreams(
  store: HistoryStore,
  findings: Findings,
  seq: number,
): Promise<StreamLeaves[]> {
  const streams: StreamLeaves[] = [];
  for (const stream of await streamsOf(store, findings)) {
    streams.push(await readLeaves(store, findings, stream, seq));
  }
  return streams;
}

/** The readings of the batches `(fromSeq, toSeq]`. */
export function readingsBetween(streams: readonly StreamLeaves[], fromSeq: number, toSeq: number): Found {
  const brokenFrom = new Map(streams.map((each) => [each.stream, each.brokenFrom]));
  return {
    leaves: streams.flatMap(({ leaves }) =>
      leaves.slice(countUpTo(leaves, fromSeq), countUpTo(leaves, toSeq)),
    ),
    isUnreadable: ({ seq, name }) => seq >= (brokenFrom.get(name[0] ?? '') ?? Number.POSITIVE_INFINITY),
  };
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
  const last = await tolerantRead(store, () => storedSeal(store, null));
  return last?.body?.coverage.map(({ stream }) => stream) ?? [];
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
  const good = await lastThat(0, seq - 1, async (n) => (await attempt(store, stream, n)) !== null);
  const bad = good + 1;
  const message = `A reading of ${name} that batch ${bad} recorded cannot be read any more; later ones of it are not looked at.`;
  findings.add('READING_ALTERED', message, { seq: bad, what: name });
  return { stream: name, leaves: (await attempt(store, stream, good)) ?? [], brokenFrom: bad };
}

async function attempt(store: HistoryStore, stream: Stream, seq: number): Promise<Leaf[] | null> {
  const entries = await tolerantRead(store, () => wholeLedger(store, stream, seq));
  return entries ? ledgerLeaves(entries) : null;
}

type Known = Pick<SealedRun, 'digest' | 'status'> & { readonly seal: number };

/** Checks the runs against what the last seal with each of them says. */
export class RunCheck implements ExtraCheck {
  readonly #known = new Map<string, Known>();
  #before: Instant | null = null;

  constructor(
    private readonly store: HistoryStore,
    private readonly findings: Findings,
  ) {}

  get count(): number {
    return this.#known.size;
  }

  take({ body: { index, runs, runsBefore } }: CheckedSeal): void {
    for (const { id, digest, status } of runs) this.#known.set(id, { digest, status, seal: index });
    this.#before = runsBefore;
  }

  async finish(): Promise<void> {
    for (const [id, known] of this.#known) await this.#check(id, known);
    await this.#checkAdded();
  }

  async #check(id: string, { digest, status, seal }: Known): Promise<void> {
    const run = await tolerantRead(this.store, () => this.store.run(id));
    if (run === null) this.#say('RUN_MISSING', id, seal, 'is missing');
    else if (run === undefined) this.#say('RUN_ALTERED', id, seal, 'cannot be read any more');
    else if (sealedRun(run).digest !== digest) {
      // another process may have taken a run for dead that was only slow
      if (status === 'INTERRUPTED') {
        this.findings.notice(`Run ${id} was sealed as interrupted (seal ${seal}) and went on after that.`);
      } else this.#say('RUN_ALTERED', id, seal, 'was altered');
    }
  }

  async #checkAdded(): Promise<void> {
    const before = this.#before;
    if (before === null) return;
    const added = await tolerantRead(this.store, async () => {
      const found: RunRecord[] = [];
      for await (const run of newestRuns(this.store, null)) {
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

  #say(code: FindingCode, id: string, seal: number | null, how: string): void {
    this.findings.sealed(code, `Run ${id}`, how, seal, id);
  }
}

const PAGE = 50;

/** Checks the audit trail against its own chain and against the entries that seals name. */
export class AuditCheck implements ExtraCheck {
  readonly #known = new Map<number, { readonly digest: string; readonly seal: number }>();
  #last = 0;
  #previous: string | null = null;

  constructor(
    private readonly store: HistoryStore,
    private readonly findings: Findings,
  ) {}

  take({ body: { index, audit } }: CheckedSeal): void {
    if (audit) this.#known.set(audit.index, { digest: audit.digest, seal: index });
  }

  async finish(): Promise<void> {
    const length = await this.store.journalLength('audit');
    for (let from = 0; from < length; from = this.#last) {
      const found = (await this.#read(from, PAGE)) ?? (await this.#read(from, 1)) ?? [];
      if (found.length === 0) this.#unreadable(from + 1);
      for (const entry of found) this.#check(entry);
    }
    for (const [index, { seal }] of this.#known) {
      if (index > this.#last) this.#say(index, seal, 'is missing: the end of the trail was cut off');
    }
  }

  #read(from: number, limit: number) {
    const query = { journal: 'audit', from, descending: false, limit } as const;
    return tolerantRead(this.store, () => this.store.journal(query));
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
    this.findings.sealed('AUDIT_ALTERED', `Entry ${index} of the audit trail`, how, seal, `audit ${index}`);
  }
}
