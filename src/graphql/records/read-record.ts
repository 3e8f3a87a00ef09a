import type { Pin } from '../../history/store.js';
import type { RevisionRecord } from '../../model/revision.js';
import { KIND_OF, type Kind, PARTS, type PartKind, type RecordKey } from '../../resources/registry.js';
import { shift } from '../../values/instant.js';
import { queryError } from '../base/errors.js';
import {
  assertAcceptable,
  assertCollected,
  isFresh,
  latestView,
  noteLive,
  pastView,
  type ReadArgs,
  type ReadOptions,
  toReadOptions,
  type View,
} from '../lists/view.js';
import type { RequestServices } from '../request/services.js';
import type { RecordInView, RecordNode } from './record.type.js';

type KeyOf<K extends Kind> = RecordKey & { readonly kind: K };

/**
 * As fresh as requested, or of a past instant; `null` if Abnormal does not know it or, with `asOf`, if it was
 * not recorded. Throws if Abnormal cannot answer and nothing is stored.
 */
export async function readRecord<K extends Kind>(
  services: RequestServices,
  key: KeyOf<K>,
  args: ReadArgs,
  head?: Pin,
): Promise<RecordInView<K> | null> {
  const options = toReadOptions(services, args);
  const { asOf } = options;
  return asOf === null
    ? readLatest(services, key, options, head)
    : readPast(services, key, { ...options, asOf });
}

async function readPast<K extends Kind>(
  services: RequestServices,
  key: KeyOf<K>,
  options: ReadOptions & { asOf: string },
): Promise<RecordInView<K> | null> {
  services.reads.noteHead((await services.loaders.current.head()).seq);
  const view = await pastView(services, options);
  const seen = await readInView(services, key, view);
  // a record that was not recorded by then is null, except if nothing of the account was
  if (!seen) await assertCollected(services, view, Object.values(KIND_OF), [key.integration]);
  return seen;
}

/** No older than requested, if Abnormal answers. */
async function readLatest<K extends Kind>(
  services: RequestServices,
  key: KeyOf<K>,
  options: ReadOptions,
  knownHead?: Pin,
): Promise<RecordInView<K> | null> {
  // one look for all the records of a request that are read at once
  const head = knownHead ?? (await services.loaders.current.head());
  const held = await readInView(services, key, latestView(services, options, null, head));
  if (held && isFresh(services, held.revision.verifiedAt, options.maxAgeMs)) {
    const { verifiedAt: from } = held.revision;
    services.reads.noteHead(head.seq);
    services.reads.noteTime({ from, until: shift(from, options.maxAgeMs) });
    return held;
  }
  services.reads.markUncacheable();
  const freshness = await services.live.record(key, options.maxAgeMs, {
    held: held?.revision ?? null,
    basis: head,
    signal: services.signal,
  });
  noteLive(services, freshness);
  assertAcceptable(freshness, held !== null, options);
  const { readIn, confirmed } = freshness;
  // a newer view than the first is one that the reading saw
  const seenIn = readIn && readIn.seq > head.seq ? readIn : head;
  if (confirmed && (seenIn !== head || confirmed.seqFrom === held?.revision.seqFrom)) {
    return {
      revision: confirmed as RevisionRecord<K>,
      view: latestView(services, options, freshness, seenIn),
    };
  }
  const pin = readIn ?? (await services.loaders.current.head());
  return readInView(services, key, latestView(services, options, freshness, pin));
}

async function readInView<K extends Kind>(
  services: RequestServices,
  key: KeyOf<K>,
  view: View,
): Promise<RecordInView<K> | null> {
  const revision = await services.loaders.records.load<K>(key, view.seq);
  return revision && { revision, view };
}

/**
 * A part of a record, as fresh as the root requires. In a view of the past it comes from the history alone,
 * and throws if it was not recorded by then.
 */
export async function readOnDemand<K extends PartKind>(
  services: RequestServices,
  kind: K,
  { revision, view }: RecordNode,
  id = revision.key.id,
): Promise<RecordInView<K> | null> {
  const { integration } = revision.key;
  const key = { integration, kind, id };
  if (!view.frozen) return readLatest<K>(services, key, { ...view, asOf: null });
  const seen = await readInView<K>(services, key, view);
  if (seen) return seen;
  const { owner, part } = PARTS[kind];
  throw queryError(
    'NOT_COLLECTED',
    `The ${part.graphField} of ${part.base ? 'message' : owner.kind} ${id} was not recorded at ${view.asOf}, and Abnormal cannot be asked about the past. Omit asOf to read it now.`,
  );
}
