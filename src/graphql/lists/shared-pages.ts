import { LRUCache } from 'lru-cache';
import type { Instant } from '../../model/instant.js';
import type { Case, Threat } from '../../model/records.js';
import type { Page } from './page.js';

const MOST_ASKED = 2_000;
const MOST_WEIGHT = 20_000;

/**
 * Pages that are asked for again before the history has moved on, with all that hangs off their nodes. What was
 * read at a head is what would be read again as long as the head is the same, so nothing here is ever out of
 * date. What is asked for once is not kept, and what is kept is bounded by the records that may hang off it.
 */
export class SharedPages {
  #head = -1;
  readonly #verified = new Map<string, { readonly verifiedAt: Instant; readonly head: number }>();
  readonly #asked = new LRUCache<string, true>({ max: MOST_ASKED });
  readonly #pages = new LRUCache<string, Page<unknown>>({
    maxSize: MOST_WEIGHT,
    sizeCalculation: ({ facts }) => 1 + facts.nodes.reduce<number>((sum, node) => sum + weightOf(node), 0),
  });

  /** When the lists that `key` names were last known to be whole, unless the history has moved on since. */
  verifiedAt(key: string): Instant | undefined {
    const known = this.#verified.get(key);
    return known?.head === this.#head ? known.verifiedAt : undefined;
  }

  noteVerified(key: string, verifiedAt: Instant, head: number): void {
    this.#verified.set(key, { verifiedAt, head });
  }

  /** The page that was read for `key` at this head. */
  find<T>(head: number, key: string): Page<T> | undefined {
    if (head !== this.#head) {
      this.#head = head;
      this.#pages.clear();
    }
    return this.#pages.get(key) as Page<T> | undefined;
  }

  /**
   * Keeps a page that was read while the head was `head`, if it was asked for before; one that has been
   * overtaken is let go.
   */
  keep(head: number, key: string, page: Page<unknown>): void {
    if (head !== this.#head) return;
    if (this.#asked.has(key)) this.#pages.set(key, page);
    else this.#asked.set(key, true);
  }
}

/** What a node may come to weigh in memory, roughly and in messages: a case by the threats that it may load. */
function weightOf(node: unknown): number {
  const { record = {} } = node as { record?: Partial<Threat & Case> };
  return 1 + (record.messages?.length ?? 0) + 4 * (record.threatIds?.length ?? 0);
}
