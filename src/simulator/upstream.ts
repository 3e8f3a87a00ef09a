import type { Resource } from '../model/kind.js';

/** A list window in ms since the epoch; both ends are as the caller asked. */
export interface TimeWindow {
  readonly from: number;
  readonly to: number;
  /** Whether `to` itself is inside. */
  readonly inclusive: boolean;
}

/** The tenant as the API shows it at an instant (`at`, ms since the epoch); bodies are JSON text. */
export interface Upstream {
  /** The indexes of the records whose `key` lies in the window, in the order of the API's pages; `null`: no such key. */
  list(resource: Resource, key: string, window: TimeWindow, at: number): number[] | null;
  /** The list that an absent filter gives. */
  top(resource: Resource, at: number): number[];
  /** One item of a list. */
  row(resource: Resource, index: number, at: number): string;
  /** A detail, or `null` when there is none. */
  detail(resource: Resource, id: string, at: number, page: { size: number; number: number }): string | null;
  analysis(caseId: string, at: number): string | null;
  attachments(threatId: string, at: number): string | null;
  links(threatId: string, at: number): string | null;
  /** Whether the last page of a list says `"nextPageNumber": null` rather than nothing. */
  saysNull(resource: Resource, from: number): boolean;
}
