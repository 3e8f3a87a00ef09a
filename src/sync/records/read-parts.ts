import type { PageItem, Position } from '../../history/store.js';
import { walkPages } from '../../history/store-access.js';
import { DEFAULT_ORDER, type PartKind, RESOURCE_OF } from '../../resources/registry.js';
import { MINUTE, shift } from '../../values/instant.js';
import { checkInterrupted, kindOf, nowOf, type Pass, StopError, stopOf } from '../context.js';
import type { FetchTask } from './fetch-record.js';
import { ingest } from './ingest.js';

/** A pass reads parts for so long at most: the next poll begins an interval after its end, and must not be late. */
const LONGEST_MS = 5 * MINUTE;

/** Reads the parts that are collected, such as the links of threats, of the newest records first. */
export async function readParts(pass: Pass, deadline: number, onBatch: () => void): Promise<void> {
  const until = Math.min(deadline, pass.clock() + LONGEST_MS);
  for await (const tasks of partTasks(pass)) {
    checkInterrupted(pass.signal);
    if (pass.clock() >= until) return;
    if (tasks.length === 0) continue;
    const stop = await stopOf(() => ingest(pass, tasks, new Map(), null));
    // the next poll goes on
    if (stop?.kind === 'GIVEN_UP') return;
    if (stop) throw new StopError(stop);
    onBatch();
  }
}

/** Of the records within the horizon of the re-read. */
async function* partTasks(pass: Pass): AsyncGenerator<FetchTask[]> {
  const kinds = pass.settings.collectParts.filter((kind) => RESOURCE_OF[kind] === pass.resource);
  if (kinds.length === 0) return;
  const { seq } = await pass.store.head();
  const orderBy = DEFAULT_ORDER[kindOf(pass)];
  const since = shift(pass.asOf, -pass.settings.rereadHorizonMs);
  const query = {
    ...{ kind: kindOf(pass), integrations: [pass.account.name], filter: { field: orderBy, gte: since } },
    ...{ seq, orderBy, descending: true, limit: pass.settings.chunkRecords },
  };
  const read = (after: Position | null) => pass.store.page({ ...query, after });
  for await (const items of walkPages(read, ({ position }) => position)) {
    for (const kind of kinds) yield await dueParts(pass, kind, items, seq);
  }
}

/** The parts that were never read, or not since their record changed; one that failed waits for an interval. */
async function dueParts(
  pass: Pass,
  kind: PartKind,
  items: readonly PageItem[],
  seq: number,
): Promise<FetchTask[]> {
  const keys = items.map(({ revision: { key } }) => ({ integration: key.integration, kind, id: key.id }));
  const [held, priors] = await Promise.all([pass.store.get(keys, seq), pass.store.quarantined(keys)]);
  const lately = shift(nowOf(pass), -0.9 * pass.settings.intervals[pass.resource]);
  return keys.flatMap((key, i) => {
    const [part, prior] = [held[i] ?? null, priors[i] ?? null];
    const changedAt = items[i]?.revision.observedFrom ?? '';
    const isDue = part === null ? true : !part.deleted && part.verifiedAt < changedAt;
    return isDue && (prior === null || prior.lastTriedAt < lately)
      ? [{ key, item: null, held: part, prior }]
      : [];
  });
}
