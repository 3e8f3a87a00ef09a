import type { DriftSighting } from '../model/drift.js';
import type { ListedItem } from '../resources/definition.js';
import type { FilterKey, Kind, RecordOf, Resource } from '../resources/registry.js';
import type { Instant } from '../values/instant.js';
import type { Window } from '../values/window.js';
import type { UpstreamCode } from './errors.js';

/** Who waits for the answer; the budget serves them in this order. */
export type Priority = 'interactive' | 'poll' | 'backfill';

/** What a piece of work has cost; the client counts up on the one it is handed. */
export interface CallMeter {
  /** Requests sent, retries included. */
  calls: number;
  listCalls: number;
  /** First requests for a detail; the further pages of a threat's messages count as `messagePageCalls`. */
  detailCalls: number;
  messagePageCalls: number;
  retries: number;
}

export function newMeter(): CallMeter {
  return { calls: 0, listCalls: 0, detailCalls: 0, messagePageCalls: 0, retries: 0 };
}

export interface CallOptions {
  readonly priority: Priority;
  /** Ends the call and its retries. */
  readonly signal?: AbortSignal | undefined;
  readonly meter?: CallMeter | undefined;
  /** How often a request is sent at most; as often as the client does by itself, unless given. */
  readonly tries?: number | undefined;
}

/** One id of a list, with what else the list said of it. */
export interface ListItem {
  readonly id: string;
  /** The item as received, integers beyond 2^53 as strings. Cases carry fields that their detail lacks. */
  readonly item: ListedItem;
  /** A case's own `last_modified`; `null` where the list does not say. */
  readonly lastModifiedTime: Instant | null;
}

export interface ListPage {
  readonly items: readonly ListItem[];
  readonly page: number;
  /** `null` on the last page. */
  readonly nextPage: number | null;
  /** The undocumented `total`, where given. */
  readonly total: number | null;
  /** When the request was sent, by Abnormal's own clock where that says earlier. */
  readonly fetchedAt: Instant;
  /** The `filter` parameter as sent. */
  readonly filter: string;
  /** Items of the page that have no usable id, as received. */
  readonly unusable: readonly string[];
}

/** A record as decoded, with what it was decoded from. */
export interface Fetched<K extends Kind> {
  readonly record: RecordOf[K];
  /** The JSON value received, ready for canonical JSON: paging fields left out, integers beyond 2^53 as strings. */
  readonly payload: unknown;
  /** When the (first) request was sent, by Abnormal's own clock where that says earlier. */
  readonly fetchedAt: Instant;
  /** What the payload has that is not known; it is in the payload all the same. */
  readonly drift: readonly DriftSighting[];
}

/** One row of the threat log, which has one for each message of a threat. */
export interface ThreatLogRow {
  /** `null` where the row names none that could be asked for, or does not fit the log's header. */
  readonly threatId: string | null;
  /** When the message was received; `null` where the row says no time that reads. */
  readonly receivedTime: Instant | null;
}

/** The threat log of a window: every message received in it, by another way than the lists. */
export interface ThreatLog {
  readonly rows: readonly ThreatLogRow[];
  /** Whether the log has a column for the threat's id; older ones have none, and then no row names a threat. */
  readonly namesThreats: boolean;
  /** The `filter` parameter as sent. */
  readonly filter: string;
}

/** One of a customer's API tokens as Abnormal describes it; nothing says which of them a request was made with. */
export interface ApiToken {
  readonly id: string;
  readonly name: string | null;
  /** `active`, `expired` or `revoked`, as far as is known. */
  readonly status: string | null;
  readonly createdAt: Instant | null;
  readonly expiresAt: Instant | null;
  /** What it may do, such as `soar_v1_read_threats`; `null` where that is not said. */
  readonly permissions: readonly string[] | null;
}

/**
 * Abnormal's REST API as the gateway needs it: GET only. Every method throws `UpstreamError` when the request
 * fails for good and `DecodeError` when the answer cannot be understood.
 */
export interface AbnormalClient {
  /** One page of a resource's list, bounded by `window` on `filterKey`. */
  list(
    resource: Resource,
    filterKey: FilterKey,
    window: Window,
    page: number,
    options: CallOptions,
  ): Promise<ListPage>;
  /**
   * The detail of one record, all of its pages, or a part of the record with this id. `item` is the list item
   * where the kind's definition makes it part of the record; `null` when it is not at hand.
   */
  detail<K extends Kind>(
    kind: K,
    id: string,
    item: ListedItem | null,
    options: CallOptions,
  ): Promise<Fetched<K>>;
  /** Exports the threat log of a window by `receivedTime`; Abnormal refuses one wider than 14 days. */
  threatLog(window: Window, options: CallOptions): Promise<ThreatLog>;
  /** The customer's API tokens that are valid, the newest 200; `null` where Abnormal does not tell this account. */
  tokens(options: CallOptions): Promise<readonly ApiToken[] | null>;
  close(): void;
}

/** How one request ended, as far as it is counted. A 404 is `NOT_FOUND`, whatever it turns out to mean. */
export type RequestOutcome = 'OK' | 'UNDECODABLE' | UpstreamCode;

/** Told of every request to Abnormal, to count it; must not throw. */
export interface UpstreamObserver {
  /** A request had leave to be sent after `ms` milliseconds. */
  waited(priority: Priority, ms: number): void;
  /** It ended, as the attempt it was, counted from 1. */
  ended(resource: Resource, outcome: RequestOutcome, attempt: number): void;
  /** What had ended well was not what had been asked for: JSON, but no list, or no such record. */
  misread(resource: Resource): void;
}

export const UNOBSERVED: UpstreamObserver = { waited: () => {}, ended: () => {}, misread: () => {} };
