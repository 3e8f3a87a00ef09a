import { openMongoStore } from '../../src/history/mongo/store.js';
import type { HistoryStore } from '../../src/history/store.js';
import { batchOf, ledgerEntry, observeCase, sampleCase, sampleRun } from './records.js';

/** Cases that all writers of a test record versions of. */
export const SHARED_CASES = 12;

/**
 * Records step `n` of `name`: a version of each shared case and of one of its own, and a ledger entry.
 * The answer's `seq`.
 */
export async function recordStep(store: HistoryStore, name: string, n: number): Promise<number> {
  const { seq: basis } = await store.head();
  const description = `${name} ${n}`;
  const ids = Array.from({ length: SHARED_CASES }, (_, id) => String(id));
  const recorded = await store.record(
    batchOf(`${name}-${n}`, {
      run: sampleRun(name, { parameters: { step: n } }),
      observations: [...ids, `of-${name}`].map((id) =>
        observeCase(sampleCase(id, { description }), { basis }),
      ),
      ledger: [ledgerEntry({ runId: name })],
    }),
  );
  return recorded.seq;
}

/** `mongo-writer <url> <name>`: records steps until it is killed, and says of each when it is done. */
async function main(url: string, name: string): Promise<void> {
  const store = await openMongoStore(url, 'write');
  for (let n = 0; ; n += 1) process.stdout.write(`${await recordStep(store, name, n)}\n`);
}

const [, script, url, name] = process.argv;
if (/mongo-writer\.[jt]s$/.test(script ?? '') && url && name) await main(url, name);
