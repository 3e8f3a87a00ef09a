import type { ChangesQuery, HistoryStore, Pin, ReceivedRevision } from '../../history/store.js';
import { KINDS } from '../../resources/kind.js';
import { type Instant, shift } from '../../values/instant.js';

/** Which revisions are exported: those recorded in `[from, to)` by the gateway's clock, as the view has them. */
export interface RevisionSpan {
  readonly pin: Pin;
  readonly from: Instant;
  readonly to: Instant;
  /** `null`: all. */
  readonly integrations: readonly string[] | null;
}

/** So many at once: enough to keep the store busy, few enough to hold in memory whatever their size. */
const PAGE_SIZE = 500;

/** Every revision of a span in the order it was recorded, as lines of JSON with how many they are. */
export async function* exportRevisions(
  store: HistoryStore,
  span: RevisionSpan,
): AsyncGenerator<{ readonly text: string; readonly count: number }> {
  const query = await queryOf(store, span);
  if (query === null) return;
  const read = (after: ChangesQuery['after']) => store.changesReceived({ ...query, after, limit: PAGE_SIZE });
  for (let next: Promise<ReceivedRevision[]> | null = read(null); next; ) {
    const found: ReceivedRevision[] = await next;
    const last = found.at(-1);
    if (last === undefined) return;
    // the next page is read while this one is written
    next = found.length === PAGE_SIZE ? read(last) : null;
    next?.catch(() => undefined);
    yield { text: found.map((revision) => revisionLine(revision, span.pin)).join(''), count: found.length };
  }
}

async function queryOf(store: HistoryStore, { pin, from, to, integrations }: RevisionSpan) {
  const [before, end] = await Promise.all([store.pinAt(shift(from, -1)), store.pinAt(shift(to, -1))]);
  const toSeq = Math.min(end.seq, pin.seq);
  return before.seq < toSeq ? { afterSeq: before.seq, toSeq, kinds: KINDS, integrations } : null;
}

/**
 * A revision as a line. What may still change after the view is left out: a version that was open then has no end,
 * and when it was last confirmed is not said. `received` stands there to the letter: its SHA-256 is the digest.
 */
export function revisionLine(revision: ReceivedRevision, pin: Pin): string {
  const { key, seqFrom, seqTo, observedFrom, observedTo, verifiedAt, digest, runId, origin, deleted } =
    revision;
  const isClosed = seqTo <= pin.seq;
  const facts = JSON.stringify({
    type: 'revision',
    ...{ integration: key.integration, kind: key.kind, id: key.id, seq: seqFrom },
    supersededBy: isClosed ? seqTo : null,
    observedFrom,
    observedTo: isClosed ? observedTo : null,
    verifiedAt: isClosed ? verifiedAt : null,
    ...{ digest, runId, origin, deleted },
  });
  return `${facts.slice(0, -1)},"received":${revision.received}}\n`;
}
