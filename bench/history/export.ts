import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { openSqliteStore } from '../../src/history/sqlite/store.js';
import { MINUTE, toInstant } from '../../src/values/instant.js';
import { batch, median, observe, START_MS, smallThreat, threat } from './payloads.js';

interface Exported {
  readonly ms: number;
  readonly peakMib: number;
  readonly bytes: number;
  readonly digest: string;
}

const PER_BATCH = 1000;
/** One revision in four is the next version of a threat recorded a while before. */
const EVERY = 4;

/** Fills a history with so many revisions. */
async function fill(path: string, revisions: number, isSmall: boolean): Promise<void> {
  const store = await openSqliteStore(path, 'write');
  const made = isSmall ? smallThreat : threat;
  for (let done = 0, n = 0, threats = 0; done < revisions; n++) {
    const { seq } = await store.head();
    const now = toInstant(START_MS + n * PER_BATCH * MINUTE);
    const observations = Array.from({ length: Math.min(PER_BATCH, revisions - done) }, (_, i) => {
      const isNew = i % EVERY !== 0 || threats < 2 * PER_BATCH;
      const number = isNew ? threats++ : threats - PER_BATCH - i;
      return observe(made(number, START_MS + number * MINUTE, isNew ? 0 : n), now, seq);
    });
    const { added, changed } = await store.record(batch(n, now, observations));
    done += added + changed;
  }
  await store.close();
}

const CHILD = fileURLToPath(new URL('./export-child.ts', import.meta.url));

async function exportBy(way: 'gateway' | 'bare', path: string, file: string): Promise<Exported> {
  // the heap as `npm start` has it
  const options = ['--max-old-space-size=256', '--import', 'tsx', CHILD, way, path, file];
  const { stdout } = await promisify(execFile)(process.execPath, options);
  return JSON.parse(stdout) as Exported;
}

export interface ExportOptions {
  readonly revisions: number;
  readonly rounds: number;
  /** Threats that say little, instead of ones as large as real ones: there each row's own cost shows most. */
  readonly isSmall: boolean;
}

/** The figures of an export of a whole history beside a bare cursor that writes the same bytes, for a person. */
export async function exportReport({ revisions, rounds, isSmall }: ExportOptions): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'bench-export-'));
  try {
    const path = join(folder, 'history.db');
    await fill(path, revisions, isSmall);
    const figures: { bare: Exported; gateway: Exported }[] = [];
    for (let round = 0; round < rounds; round++) {
      const bare = await exportBy('bare', path, join(folder, 'bare.ndjson'));
      const gateway = await exportBy('gateway', path, join(folder, 'gateway.ndjson'));
      if (bare.digest !== gateway.digest) throw new Error('the two exports differ');
      figures.push({ bare, gateway });
    }
    return told(figures, revisions);
  } finally {
    await rm(folder, { recursive: true });
  }
}

function told(figures: readonly { bare: Exported; gateway: Exported }[], revisions: number): string {
  const rate = (all: readonly Exported[]) =>
    `${Math.round((1000 * revisions) / median(all.map(({ ms }) => ms)))}/s`;
  const [bare, gateway] = [figures.map((each) => each.bare), figures.map((each) => each.gateway)];
  const ratio = median(figures.map((each) => each.bare.ms / each.gateway.ms));
  const peak = Math.max(...gateway.map(({ peakMib }) => peakMib));
  const mib = (gateway[0]?.bytes ?? 0) / 1024 / 1024;
  return `export of ${revisions} revisions, ${mib.toFixed(0)} MiB, SQLite: bare cursor ${rate(bare)}, export ${rate(gateway)}, ratio ${ratio.toFixed(2)} (at least 0.50), peak ${peak.toFixed(0)} MiB (under 300; the cursor ${Math.max(...bare.map(({ peakMib }) => peakMib)).toFixed(0)})`;
}

/** As the environment says: `BENCH_REVISIONS` (100000), `BENCH_ROUNDS` (3), `BENCH_SMALL=1`. */
export function sqliteExportReport(): Promise<string> {
  const { BENCH_REVISIONS = '100000', BENCH_ROUNDS = '3', BENCH_SMALL } = process.env;
  const [revisions, rounds] = [Number(BENCH_REVISIONS), Number(BENCH_ROUNDS)];
  return exportReport({ revisions, rounds, isSmall: BENCH_SMALL === '1' });
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) console.log(await sqliteExportReport());
