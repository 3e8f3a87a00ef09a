import type { DocumentNode, ExecutionResult } from 'graphql';
import { LRUCache } from 'lru-cache';
import type { Role } from '../../model/caller.js';
import type { Means } from '../context.js';
import type { NotedRead, Reads } from './reads.js';

const MOST_CHARS = 8_000_000;

interface Answer {
  readonly result: ExecutionResult;
  readonly reads: readonly NotedRead[];
  readonly text: string;
}

/**
 * Answers that were made of noted reads alone, with their JSON. Asked the same again, one is given if all its
 * reads still stand: freshness is seen to each time, and nothing is put together or written out anew.
 */
export class Answers {
  readonly #ids = new WeakMap<DocumentNode, number>();
  readonly #answers = new LRUCache<string, Answer>({
    maxSize: MOST_CHARS,
    sizeCalculation: ({ text }) => text.length,
  });
  readonly #texts = new WeakMap<object, { readonly text: string; readonly extensions: unknown }>();
  #nextId = 0;

  /** Names a question: who asks, a parsed document, which of its operations, and the variables. */
  keyOf(role: Role, document: DocumentNode, operationName: string | null, variables: object): string {
    let id = this.#ids.get(document);
    if (id === undefined) {
      this.#nextId += 1;
      id = this.#nextId;
      this.#ids.set(document, id);
    }
    return `${role} ${id} ${operationName ?? ''} ${JSON.stringify(variables)}`;
  }

  /** The answer to give again, if there is one and it stands. */
  async find(key: string, means: Means): Promise<ExecutionResult | null> {
    const answer = this.#answers.get(key);
    if (!answer) return null;
    // a read that cannot be made now does not stand: making it for the query says why
    const standing = await Promise.all(answer.reads.map((read) => read.stands(means).catch(() => false)));
    if (standing.every(Boolean)) return answer.result;
    this.#answers.delete(key);
    return null;
  }

  /** Keeps an answer, unless something in it was not noted or went wrong. */
  keep(key: string, result: ExecutionResult, reads: Reads): void {
    const { data, errors, extensions } = result;
    if (!data || errors || !reads.allNoted) return;
    const text = JSON.stringify({ data, extensions });
    this.#texts.set(data, { text, extensions });
    this.#answers.set(key, { result, reads: reads.noted, text });
  }

  /** The JSON of a response, written out before where it is that of an answer that was kept. */
  stringify({ errors, data, extensions }: ExecutionResult): string {
    const known = data && !errors ? this.#texts.get(data) : undefined;
    if (known && known.extensions === extensions) return known.text;
    return JSON.stringify({ errors, data, extensions });
  }
}
