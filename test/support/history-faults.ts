import type { HistoryStore } from '../../src/history/store.js';
import { OPEN_SEQ, type RevisionRecord } from '../../src/model/revision.js';
import { KINDS, keyText } from '../../src/resources/registry.js';

/**
 * What is wrong with a history as a whole, a line each: a record with two current revisions or none, revisions of
 * one record that overlap or leave a hole, a revision that a batch past the head brought, the same version twice in a row.
 */
export async function historyFaults(store: HistoryStore): Promise<string[]> {
  const head = await store.head();
  const byRecord = new Map<string, RevisionRecord[]>();
  for await (const revision of everyRevision(store, head.seq)) {
    const key = keyText(revision.key);
    byRecord.set(key, [...(byRecord.get(key) ?? []), revision]);
  }
  return [...byRecord].flatMap(([key, revisions]) => recordFaults(key, revisions, head.seq));
}

function recordFaults(key: string, revisions: readonly RevisionRecord[], head: number): string[] {
  return revisions.flatMap((revision, index) => {
    const next = revisions[index + 1];
    const faults: string[] = [];
    if (revision.seqFrom > head) faults.push(`${key}: written by batch ${revision.seqFrom}, past the head`);
    if (revision.seqTo !== (next?.seqFrom ?? OPEN_SEQ))
      faults.push(`${key}: revisions overlap or leave a hole`);
    if (next && next.digest === revision.digest && next.deleted === revision.deleted) {
      faults.push(`${key}: one version twice, by batches ${revision.seqFrom} and ${next.seqFrom}`);
    }
    return faults;
  });
}

async function* everyRevision(store: HistoryStore, toSeq: number): AsyncGenerator<RevisionRecord> {
  const limit = 1000;
  let after: { seqFrom: number; key: RevisionRecord['key'] } | null = null;
  for (;;) {
    const page: RevisionRecord[] = await store.changes({
      afterSeq: 0,
      toSeq,
      kinds: KINDS,
      integrations: null,
      after,
      limit,
    });
    yield* page;
    const last = page.at(-1);
    if (!last || page.length < limit) return;
    after = { seqFrom: last.seqFrom, key: last.key };
  }
}
