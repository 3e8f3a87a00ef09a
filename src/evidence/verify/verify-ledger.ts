import type { HistoryStore } from '../../history/store.js';
import { type Stream, streamText } from '../../model/stream.js';
import { type Leaf, ledgerLeaves } from '../seal/leaf.js';
import { readDoubtful } from '../seal/read-doubtful.js';
import { bodyOf, sealIn } from '../seal/seal.js';
import { allStreams, streamNamed, wholeLedger } from '../seal/stream-coverage.js';
import { compareLeaves } from './compare-leaves.js';
import type { Findings } from './findings.js';
import type { CheckedSeal } from './verify-chain.js';

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
  const states = await readDoubtful(store, () => store.streams());
  if (!states) findings.add('STATE_ALTERED', 'The states of the streams cannot be read any more.');
  for (const stream of allStreams(states ?? [])) names.add(streamText(stream));
  for (const stream of await lastNamed(store)) names.add(stream);
  return [...names].sort().flatMap((name) => streamNamed(name) ?? []);
}

/** The streams that the newest readable seal names. */
async function lastNamed(store: HistoryStore): Promise<string[]> {
  const query = { journal: 'seals', from: null, descending: true, limit: 1 } as const;
  const [entry] = (await readDoubtful(store, () => store.journal(query))) ?? [];
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
  const entries = await readDoubtful(store, () => wholeLedger(store, stream, seq));
  return entries ? ledgerLeaves(entries) : null;
}
