import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { openSqliteStore } from '../../src/history/sqlite/store.js';
import type { HistoryStore } from '../../src/history/store.js';
import type { ThreatRecord } from '../../src/resources/threat/threat.js';
import { type Instant, MINUTE, toInstant } from '../../src/values/instant.js';
import { batch, median, observe, randomFrom, START_MS, smallThreat } from './payloads.js';

/** How long a page of the past takes in a history of a size. */
export interface AsOfFigures {
  readonly revisions: number;
  /** Median, in ms, of the 50 newest as of instants about the middle of the history. */
  readonly pageMs: number;
}

const PER_BATCH = 1_000;
/** One revision in four is a new version of a record seen some days before. */
const CHANGED = 0.25;
const PAGES = 1_000;
const SPAN_MS = 4 * PER_BATCH * MINUTE;

/**
 * Grows one history to each size in turn and asks for the 50 newest threats as of instants about its middle.
 * The instants are spread over as many batches at every size, so that as much is cached at one as at another.
 */
export async function measureAsOf(
  store: HistoryStore,
  sizes: readonly number[] = [10_000, 100_000, 1_000_000],
): Promise<AsOfFigures[]> {
  const figures: AsOfFigures[] = [];
  const growth = new Growth(store);
  for (const revisions of sizes) {
    await growth.to(revisions);
    figures.push({ revisions, pageMs: await medianPage(store) });
  }
  return figures;
}

/** Records threats as they come, one a minute, and changes some of them later. */
class Growth {
  readonly #random = randomFrom(42);
  #revisions = 0;
  #threats = 0;
  #batches = 0;

  constructor(private readonly store: HistoryStore) {}

  async to(revisions: number): Promise<void> {
    while (this.#revisions < revisions) {
      const added = Math.round(PER_BATCH * (1 - CHANGED));
      const now = receivedMs(this.#threats + added) + 5 * MINUTE;
      const changed = new Set(Array.from({ length: PER_BATCH - added }, () => this.#earlier()));
      const records = [
        ...Array.from({ length: added }, (_, i) => this.#version(this.#threats + i, 0)),
        ...[...changed].filter((n) => n >= 0).map((n) => this.#version(n, ++this.#batches)),
      ];
      this.#threats += added;
      await this.#record(records, toInstant(now));
    }
  }

  /** A threat of the last few days, or a negative number when there is none. */
  #earlier(): number {
    return this.#threats - 1 - Math.floor(this.#random() * 5_000);
  }

  #version(n: number, version: number): ThreatRecord {
    return smallThreat(n, receivedMs(n), version);
  }

  async #record(records: readonly ThreatRecord[], now: Instant): Promise<void> {
    const { seq } = await this.store.head();
    const observations = records.map((record) => observe(record, now, seq, JSON.stringify(record)));
    const { added, changed } = await this.store.record(batch(++this.#batches, now, observations));
    this.#revisions += added + changed;
  }
}

/** Threats come one a minute. */
function receivedMs(n: number): number {
  return START_MS + n * MINUTE;
}

async function medianPage(store: HistoryStore): Promise<number> {
  const { seq, at } = await store.head();
  const middle = START_MS + (Date.parse(at) - START_MS) / 2;
  const random = randomFrom(seq);
  const times: number[] = [];
  for (let i = 0; i < PAGES; i += 1) {
    const asOf = toInstant(middle + Math.round((random() - 0.5) * SPAN_MS));
    const begun = performance.now();
    const pin = await store.pinAt(asOf);
    const page = await store.page({
      kind: 'threat',
      integrations: null,
      filter: null,
      seq: pin.seq,
      orderBy: 'receivedTime',
      descending: true,
      after: null,
      limit: 50,
    });
    times.push(performance.now() - begun);
    if (page.items.length !== 50) throw new Error(`a page of ${page.items.length}`);
  }
  return median(times);
}

/** The figures as lines for a person. */
export function asOfReport(name: string, figures: readonly AsOfFigures[]): string {
  const ratio = (figures.at(-1)?.pageMs ?? Number.NaN) / (figures[0]?.pageMs ?? Number.NaN);
  const lines = figures.map(({ revisions, pageMs }) => `  ${revisions} revisions: ${pageMs.toFixed(3)} ms`);
  return [`asOf page of 50, ${name}:`, ...lines, `  ratio ${ratio.toFixed(2)} (at most 1.50)`].join('\n');
}

/** The figures for SQLite. */
export async function sqliteAsOfReport(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'bench-as-of-'));
  const store = await openSqliteStore(join(folder, 'history.db'), 'write');
  try {
    return asOfReport('SQLite', await measureAsOf(store));
  } finally {
    await store.close();
    await rm(folder, { recursive: true });
  }
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) console.log(await sqliteAsOfReport());
