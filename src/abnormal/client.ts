import type { DriftSighting } from '../model/drift.js';
import type { ListedItem } from '../resources/definition.js';
import type { FilterKey, Kind, RecordOf, Resource } from '../resources/registry.js';
import type { Instant, Window } from '../values/instant.js';
import type { UpstreamCode } from './errors.js';

/** In the order in which the budget serves them. */
export type Priority = 'interactive' | 'poll' | 'backfill';

export interface CallMeter {
  calls: number;
  listCalls: number;
  /** First requests only; further pages of a threat's messages count as `messagePageCalls`. */
  detailCalls: number;
  messagePageCalls: number;
  retries: number;
}

export interface CallOptions {
  readonly priority: Priority;
  readonly signal?: AbortSignal | undefined;
  readonly meter?: CallMeter | undefined;
  readonly tries?: number | undefined;
  /** When the list was requested whose item is the whole record. */
  readonly listedAt?: Instant | undefined;
}

export interface ListItem {
  readonly id: string;
  /** The item as received, integers beyond 2^53 as strings. Cases carry fields that their detail lacks. */
  readonly item: ListedItem;
  /** A case's own `last_modified`, or when the item happened; `null` where the list does not say. */
  readonly lastModifiedTime: Instant | null;
}

export interface ListPage {
  readonly items: readonly ListItem[];
  readonly page: number;
  readonly nextPage: number | null;
  readonly total: number | null;
  /** When the request was sent, or earlier by Abnormal's own clock. */
  readonly fetchedAt: Instant;
  readonly filter: string;
  /** Items without a usable id, as received. */
  readonly unusable: readonly string[];
}

export interface Fetched<K extends Kind> {
  readonly record: RecordOf[K];
  /** The received JSON value without paging fields, integers beyond 2^53 as strings. */
  readonly payload: unknown;
  /** When the first request was sent, or earlier by Abnormal's own clock. */
  readonly fetchedAt: Instant;
  readonly drift: readonly DriftSighting[];
}

export interface ThreatLogRow {
  /** `null` if the id is unusable or the row does not fit the header. */
  readonly threatId: string | null;
  /** When the message was received; `null` if unreadable. */
  readonly receivedTime: Instant | null;
}

/** The threat log of a window: every message received in it, from a source other than the lists. */
export interface ThreatLog {
  readonly rows: readonly ThreatLogRow[];
  /** Whether there is a column for the threat's id; older logs have none. */
  readonly namesThreats: boolean;
  readonly filter: string;
}

/** One of a customer's API tokens; no response says which token a request used. */
export interface ApiToken {
  readonly id: string;
  readonly name: string | null;
  readonly status: string | null;
  readonly createdAt: Instant | null;
  readonly expiresAt: Instant | null;
  /** Such as `soar_v1_read_threats`; `null` if not given. */
  readonly permissions: readonly string[] | null;
}

/** Read-only. Methods throw `UpstreamError` after their retries, `DecodeError` if parsing fails. */
export interface AbnormalClient {
  list(
    resource: Resource,
    filterKey: FilterKey,
    window: Window,
    page: number,
    options: CallOptions,
  ): Promise<ListPage>;
  /**
   * The detail of one record, all of its pages, or a part of the record with this id. `item` is the list item
   * where the kind's definition makes it part of the record; `null` when it is not at hand. A record without a detail
   * is decoded from its item, without a request; without the item it is `NOT_FOUND`.
   */
  detail<K extends Kind>(
    kind: K,
    id: string,
    item: ListedItem | null,
    options: CallOptions,
  ): Promise<Fetched<K>>;
  /** Exports the threat log of a window by `receivedTime`; Abnormal refuses one wider than 14 days. */
  threatLog(window: Window, options: CallOptions): Promise<ThreatLog>;
  /** The newest 200 valid API tokens; `null` if Abnormal does not list them for this account. */
  tokens(options: CallOptions): Promise<readonly ApiToken[] | null>;
  close(): void;
}

/** The outcome of one request for the metrics. A 404 is `NOT_FOUND`, whatever it means later. */
export type RequestOutcome = 'OK' | 'UNDECODABLE' | UpstreamCode;

/** Is called for every request, to count it; must not throw. */
export interface UpstreamObserver {
  waited(priority: Priority, ms: number): void;
  /** An attempt ended; attempts count from 1. */
  ended(resource: Resource, outcome: RequestOutcome, attempt: number): void;
  /** A successful response was JSON, but not the requested list or record. */
  misread(resource: Resource): void;
}

export const UNOBSERVED: UpstreamObserver = { waited: () => {}, ended: () => {}, misread: () => {} };
