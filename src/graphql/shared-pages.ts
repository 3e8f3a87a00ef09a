import { LRUCache } from 'lru-cache';
import type { ListedKind } from '../model/kind.js';
import type { Revision } from '../model/revision.js';
import type { Page } from './page.js';

const MOST_PAGES = 200;
const MOST_WEIGHT = 20_000;

/**
 * Pages that are read again before the history has moved on, with all that hangs off their nodes. What was
 * read at a head is what would be read again as long as the head is the same, so nothing here is ever out of
 * date; and it is bounded, by pages and by the records that hang off them.
 */
export class SharedPages {
  #head = -1;
  #weight = 0;
  readonly #pages = new LRUCache<string, Page<unknown>>({ max: MOST_PAGES });

  /** The page that was read for `key` at this head. */
  find<T>(head: number, key: string): Page<T> | undefined {
    if (head !== this.#head) this.#clear(head);
    return this.#pages.get(key) as Page<T> | undefined;
  }

  /** Keeps a page that was read while the head was `head`; one that has been overtaken is let go. */
  keep(head: number, key: string, page: Page<unknown>): void {
    if (head === this.#head) this.#pages.set(key, page);
  }

  /** Takes note of so many records or messages that now hang off the pages kept. */
  charge(weight: number): void {
    this.#weight += weight;
    if (this.#weight > MOST_WEIGHT) this.#clear(this.#head);
  }

  #clear(head: number): void {
    this.#head = head;
    this.#weight = 0;
    this.#pages.clear();
  }
}

/** What records weigh in memory, roughly: a message counts as much as all else of a record. */
export function weightOf(revisions: readonly (Revision<ListedKind> | null)[]): number {
  return revisions.reduce((sum, revision) => sum + (revision ? 1 + messagesIn(revision) : 0), 0);
}

function messagesIn({ record }: Revision<ListedKind>): number {
  return 'messages' in record ? record.messages.length : 0;
}
