import type { ApolloServerOptionsWithGateway, BaseContext } from '@apollo/server';
import type { DocumentNode } from 'graphql';
import { BoundedCache, textBytes } from '../../values/bounded-cache.js';

type DocumentStore = NonNullable<ApolloServerOptionsWithGateway<BaseContext>['documentStore']>;

/** What a parsed query takes for each byte of its text, measured with the tokens that it holds: from 68 to 104. */
const BYTES_A_BYTE = 110;

/** What a text takes once it is parsed, with what it asks of the caller's role. */
export function parsedBytes(text: string): number {
  return 1_000 + BYTES_A_BYTE * textBytes(text);
}

/** Queries that were found valid, for Apollo. Its own store weighs them by their JSON, which is half of it or less. */
export function parsedQueries(): DocumentStore {
  const documents = new BoundedCache<DocumentNode>('parsedQueries', ({ loc }) =>
    parsedBytes(loc?.source.body ?? ''),
  );
  return {
    get: async (key) => documents.get(key),
    set: async (key, document) => void documents.set(key, document),
    delete: async (key) => documents.delete(key),
  };
}
