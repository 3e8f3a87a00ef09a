import { toUpstreamError } from '../../abnormal/errors.js';
import type { PageItem, Position } from '../../history/store.js';
import { limitedPage, walkPages } from '../../history/store-access.js';
import { isGoneDue, type QuarantineEntry } from '../../model/ledger.js';
import {
  DEFAULT_ORDER,
  DEFINITION_OF,
  type PartKind,
  RESOURCE_OF,
  type RecordKey,
} from '../../resources/registry.js';
import type { Filter } from '../../values/filter.js';
import { type Instant, MINUTE, shift } from '../../values/instant.js';
import {
  callOptions,
  checkInterrupted,
  keyOf,
  kindOf,
  nowOf,
  type Pass,
  StopError,
  stopOf,
  throwIfStopping,
} from '../context.js';
import { type FetchTask, isListItem, withItems } from './fetch-record.js';
import { ingest } from './ingest.js';

/**
 * Reads records again that may have changed without being listed, and quarantined records that no window
 * lists: each at most once an interval, or within the age that this poll accepts.
 */
export async function reread(pass: Pass, deadline: number, onBatch: () => void): Promise<void> {
  let consecutiveFailures = 0;
  for await (const tasks of dueTasks(pass)) {
    checkInterrupted(pass.signal);
    if (pass.clock() >= deadline || consecutiveFailures >= pass.settings.consecutiveFailures) return;
    if (tasks.length === 0) continue;
    const stop = await stopOf(() => readAgain(pass, tasks));
    if (stop && stop.kind !== 'GIVEN_UP') throw new StopError(stop);
    consecutiveFailures = stop ? consecutiveFailures + 1 : 0;
    onBatch();
  }
}

async function readAgain(pass: Pass, tasks: readonly Task[]): Promise<void> {
  const { store, account } = pass;
  const whole = await withItems(store, account, tasks, callOptions(pass)).catch((thrown) => {
    const error = toUpstreamError(thrown);
    throwIfStopping(error, pass.signal);
    throw new StopError({ kind: 'GIVEN_UP', error });
  });
  await ingest(pass, whole, new Map(), null);
}

type Task = Omit<FetchTask, 'item'>;

async function* dueTasks(pass: Pass): AsyncGenerator<Task[]> {
  // asked for first: passes that begin together then do so in one turn; what this pass quarantines is not due
  const first = pass.store.quarantine({ ...inQuarantine(pass), after: null, limit: 1 });
  first.catch(() => {});
  yield* unsettledTasks(pass);
  if ((await first).length > 0) yield* quarantinedTasks(pass);
}

function inQuarantine(pass: Pass) {
  return { integrations: [pass.account.name], kinds: [kindOf(pass)] };
}

async function* unsettledTasks(pass: Pass): AsyncGenerator<Task[]> {
  const kind = kindOf(pass);
  const { unsettledField } = DEFINITION_OF[kind];
  if (unsettledField === null) return;
  const { seq } = await pass.store.head();
  const read = (after: Position | null) =>
    pass.store.page({
      kind,
      integrations: [pass.account.name],
      filter: unsettledFilter(pass, unsettledField),
      seq,
      orderBy: DEFAULT_ORDER[kind],
      descending: true,
      after,
      limit: pass.settings.chunkRecords,
    });
  for await (const items of walkPages(read, ({ position }) => position)) yield await tasksOf(pass, items);
}

function unsettledFilter(pass: Pass, unsettledField: string): Filter {
  const time = DEFAULT_ORDER[kindOf(pass)];
  const recent: Filter = {
    or: [
      { field: time, gte: horizonOf(pass) },
      { field: time, eq: null },
    ],
  };
  return { and: [{ field: unsettledField, eq: true }, recent] };
}

function horizonOf(pass: Pass): Instant {
  return shift(pass.asOf, -pass.settings.rereadHorizonMs);
}

async function tasksOf(pass: Pass, items: readonly PageItem[]): Promise<Task[]> {
  const held = items.filter((item) => isDue(pass, item)).map(({ revision }) => revision);
  const priors = await pass.store.quarantined(held.map(({ key }) => key));
  const tasks = held.map((revision, i) => ({ key: revision.key, held: revision, prior: priors[i] ?? null }));
  return untried(
    pass,
    tasks.filter(({ prior }) => prior === null || isDueAgain(pass, prior)),
  );
}

/** In a timer's poll, a try that failed changes nothing about when the record itself is due. */
function isDueAgain(pass: Pass, prior: QuarantineEntry): boolean {
  return (pass.maxAgeMs === null && prior.code !== 'GONE') || isTryDue(pass, prior);
}

/** Not confirmed for an interval and, if the record has no time, first seen within the horizon. */
function isDue(pass: Pass, { revision, position }: PageItem): boolean {
  const isRecent = position.value !== null || revision.observedFrom >= horizonOf(pass);
  return isRecent && isLongAgo(pass, revision.verifiedAt);
}

/** An interval ago (roughly), longer ago than this poll accepts, or in the future because of a wrong clock. */
function isLongAgo(pass: Pass, instant: Instant): boolean {
  const interval = 0.9 * pass.settings.intervals[pass.resource];
  const oldest = Math.min(interval, pass.maxAgeMs ?? interval);
  return instant <= shift(pass.asOf, -oldest) || instant > nowOf(pass);
}

function isTryDue(pass: Pass, { code, firstSeenAt, lastTriedAt }: QuarantineEntry): boolean {
  if (!isLongAgo(pass, lastTriedAt)) return false;
  return code !== 'GONE' || pass.maxAgeMs !== null || isGoneDue(firstSeenAt, lastTriedAt, pass.asOf);
}

async function* quarantinedTasks(pass: Pass): AsyncGenerator<Task[]> {
  const limit = pass.settings.chunkRecords;
  const query = { ...inQuarantine(pass), limit };
  const read = async (after: RecordKey | null) =>
    limitedPage(await pass.store.quarantine({ ...query, after }), limit);
  for await (const entries of walkPages(read, ({ key }) => key)) {
    const due = entries.filter((entry) => isTryDue(pass, entry));
    if (due.length === 0) continue;
    const { seq } = await pass.store.head();
    const held = await pass.store.get(
      due.map(({ key }) => keyOf(pass, key.id)),
      seq,
      true,
    );
    yield untried(
      pass,
      due.map((prior, i) => ({ key: prior.key, held: held[i] ?? null, prior })),
    );
  }
}

/** The tasks that this very pass has not tried yet. What is only in a list and was never stored, a window lists again. */
function untried(pass: Pass, tasks: readonly Task[]): Task[] {
  return tasks.filter(
    ({ key, held, prior }) =>
      (prior === null || !pass.runIds.has(prior.runId)) && (held !== null || !isListItem(key.kind)),
  );
}

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
  const [held, priors] = await Promise.all([pass.store.get(keys, seq, true), pass.store.quarantined(keys)]);
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
