import type { Revision } from '../../model/revision.js';
import { KIND_OF, type Kind, type ListedKind, type RecordKey } from '../../resources/registry.js';
import type { Freshness } from '../../sync/sync.js';
import { queryError } from '../base/errors.js';
import type { ReadArgs } from '../lists/order-args.js';
import {
  assertAcceptable,
  assertCollected,
  headView,
  isFresh,
  noteLive,
  pastView,
  toWish,
  type View,
  type Wish,
} from '../lists/view.js';
import type { Means } from '../request/services.js';
import type { RecordNode } from './record.type.js';

/** A revision with the view it was read in. */
export interface Seen<K extends Kind = Kind> {
  readonly revision: Revision<K>;
  readonly view: View;
}

type KeyOf<K extends Kind> = RecordKey & { readonly kind: K };

/**
 * One record, as fresh or as of when the caller wants it; `null` where Abnormal does not know it, or with
 * `asOf` where it was not recorded by then. Fails where Abnormal cannot answer and nothing is held to give.
 */
export async function readRecord<K extends Kind>(
  means: Means,
  key: KeyOf<K>,
  args: ReadArgs,
): Promise<Seen<K> | null> {
  const wish = toWish(means, args);
  const { asOf } = wish;
  return asOf === null ? readFresh(means, key, wish) : readPast(means, key, { ...wish, asOf });
}

async function readPast<K extends Kind>(
  means: Means,
  key: KeyOf<K>,
  wish: Wish & { asOf: string },
): Promise<Seen<K> | null> {
  const view = await pastView(means, wish);
  const seen = await see(means, key, view);
  // not recorded by then is an answer, but not where nothing of the account was
  if (!seen) await assertCollected(means, view, Object.values(KIND_OF), [key.integration]);
  return seen;
}

/** The newest version of a record, no older than wished for if Abnormal answers. */
async function readFresh<K extends Kind>(means: Means, key: KeyOf<K>, wish: Wish): Promise<Seen<K> | null> {
  const held = await see(means, key, await headNow(means, wish, null));
  if (held && isFresh(means, held.revision.verifiedAt, wish.maxAgeMs)) return held;
  const freshness = await means.live.record(key, wish.maxAgeMs, means.signal);
  noteLive(means, freshness);
  assertAcceptable(freshness, held !== null, wish);
  return see(means, key, await headNow(means, wish, freshness));
}

/** The newest view; one look for all the records of a request that are read at once. */
async function headNow(means: Means, wish: Wish, freshness: Freshness | null): Promise<View> {
  return headView(means, wish, freshness, await means.loaders.current.head());
}

/** A record as a view shows it. */
async function see<K extends Kind>(means: Means, key: KeyOf<K>, view: View): Promise<Seen<K> | null> {
  const revision = await means.loaders.records.load<K>(key, view.seq);
  return revision && { revision, view };
}

type OnDemandKind = Exclude<Kind, ListedKind>;

const NOUN: Record<OnDemandKind, string> = {
  caseAnalysis: 'The timeline of case',
  threatAttachments: 'The attachments of threat',
  threatLinks: 'The links of threat',
};

/**
 * What hangs off a record and is read when somebody asks, no older than the answer's root allows. In a view
 * of the past it comes from the history alone, and it is an error when it was not recorded by then.
 */
export async function readOnDemand<K extends OnDemandKind>(
  means: Means,
  kind: K,
  { revision, view }: RecordNode,
): Promise<Seen<K> | null> {
  const { integration, id } = revision.key;
  const key = { integration, kind, id };
  if (!view.frozen) return readFresh<K>(means, key, { ...view, asOf: null });
  const seen = await see<K>(means, key, view);
  if (seen) return seen;
  throw queryError(
    'NOT_COLLECTED',
    `${NOUN[kind]} ${id} was not recorded by ${view.asOf}, and the past cannot be asked of Abnormal. Leave asOf out to read it now.`,
  );
}
