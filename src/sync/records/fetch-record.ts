import type { CallOptions, Fetched } from '../../abnormal/client.js';
import { toUpstreamError } from '../../abnormal/errors.js';
import type { HistoryStore } from '../../history/store.js';
import type { Account } from '../../integrations/accounts.js';
import type { DriftSighting } from '../../model/drift.js';
import type { QuarantineCode, QuarantineEntry } from '../../model/ledger.js';
import type { Observation, RevisionRecord } from '../../model/revision.js';
import type { Kind, RecordKey } from '../../resources/registry.js';
import { DecodeError } from '../../resources/wire.js';
import { canonicalJson, sha256 } from '../../values/canonical-json.js';

export type FetchOutcome =
  | {
      readonly kind: 'SEEN';
      readonly observation: Observation;
      readonly drift: readonly DriftSighting[];
    }
  | { readonly kind: 'GONE'; readonly reason: string; readonly body: string | null }
  | {
      readonly kind: 'BAD';
      readonly code: Exclude<QuarantineCode, 'NOT_FOUND'>;
      readonly reason: string;
      readonly body: string | null;
    };

type ListedItem = Readonly<Record<string, unknown>>;

/** A failure of this record alone is a result; any other failure is thrown as an `UpstreamError`. */
export async function fetchRecord(
  account: Account,
  key: RecordKey,
  item: ListedItem | null,
  basis: number,
  options: CallOptions,
): Promise<FetchOutcome> {
  try {
    const fetched = await request(account, key, item, options);
    const observation = observationOf(account, key, fetched, basis);
    return { kind: 'SEEN', observation, drift: fetched.drift };
  } catch (error) {
    if (error instanceof DecodeError) return bad(error.message, error.body);
    const upstream = toUpstreamError(error);
    if (upstream.code === 'NOT_FOUND') return { kind: 'GONE', reason: upstream.message, body: upstream.body };
    // a failure that the client did not classify is a bug in decoding this record
    if (upstream !== error) return bad(upstream.message, upstream.body);
    throw upstream;
  }
}

function bad(reason: string, body: string | null): FetchOutcome {
  return { kind: 'BAD', code: 'UNDECODABLE', reason, body };
}

function request(
  { client }: Account,
  key: RecordKey,
  item: ListedItem | null,
  options: CallOptions,
): Promise<Fetched<Kind>> {
  switch (key.kind) {
    case 'caseAnalysis':
      return client.caseAnalysis(key.id, options);
    case 'threatAttachments':
      return client.threatAttachments(key.id, options);
    case 'threatLinks':
      return client.threatLinks(key.id, options);
    default:
      return client.detail(key.kind, key.id, item, options);
  }
}

function observationOf(account: Account, key: RecordKey, fetched: Fetched<Kind>, basis: number): Observation {
  const received = canonicalJson(fetched.payload);
  return {
    key,
    record: fetched.record,
    received,
    digest: sha256(received),
    fetchedAt: fetched.fetchedAt,
    basis,
    origin: account.origin,
  };
}

/** The list item of a stored case: the part of its payload that the detail does not contain. */
export async function heldItem(store: HistoryStore, held: RevisionRecord | null): Promise<ListedItem | null> {
  if (held?.key.kind !== 'case') return null;
  const text = await store.received(held.key, held.seqFrom);
  if (text === null) return null;
  const payload: { item?: unknown } = JSON.parse(text);
  return isItem(payload.item) ? payload.item : null;
}

function isItem(value: unknown): value is ListedItem {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export interface FetchTask {
  readonly key: RecordKey;
  readonly item: ListedItem | null;
  readonly held: RevisionRecord | null;
  readonly prior: QuarantineEntry | null;
}
