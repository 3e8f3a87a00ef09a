import type { FastifyRequest } from 'fastify';
import type { AskedOperation } from '../graphql/operation/admit.js';
import { HttpError } from './http-error.js';

/** An operation as a request holds it, its text given or to be found by an id. */
export interface OperationRequest extends Omit<AskedOperation, 'query'> {
  readonly query: string | null;
  /** The id of a persisted operation. */
  readonly persistedId: string | null;
}

/**
 * What a request to the graph asks, read as the server behind reads it; `null` where it is nothing that could be
 * run, which that server says in its own words. Throws an `HttpError` for a batch.
 */
export function operationOf(request: FastifyRequest): OperationRequest | null {
  const fields = request.method === 'GET' ? searchOf(request.url) : request.body;
  if (Array.isArray(fields)) {
    const message = `A request holds one operation; this one is a list of ${fields.length}. Send each by itself.`;
    throw new HttpError(400, 'BAD_REQUEST', message);
  }
  if (!isRecord(fields)) return null;
  const { query, operationName, variables, extensions } = fields;
  if (query !== undefined && query !== null && typeof query !== 'string') return null;
  return {
    query: typeof query === 'string' && query !== '' ? query : null,
    operationName: typeof operationName === 'string' ? operationName : null,
    variables: isRecord(variables) ? variables : {},
    persistedId: persistedIdOf(extensions),
  };
}

function persistedIdOf(extensions: unknown): string | null {
  const persisted = isRecord(extensions) ? extensions.persistedQuery : undefined;
  const id = isRecord(persisted) ? persisted.sha256Hash : undefined;
  return typeof id === 'string' ? id : null;
}

function searchOf(url: string): Record<string, unknown> {
  const params = paramsOf(url);
  const json = (name: string): unknown => {
    try {
      return JSON.parse(params.get(name) ?? '{}');
    } catch {
      return undefined;
    }
  };
  return {
    query: params.get('query'),
    operationName: params.get('operationName'),
    variables: json('variables'),
    extensions: json('extensions'),
  };
}

function paramsOf(url: string): URLSearchParams {
  // by the same means as the server behind, so that both see the same
  return new URL(url, 'http://localhost').searchParams;
}

/** Puts the text of a persisted operation in the place of its id, for the server behind. */
export function putQuery(request: FastifyRequest, query: string): void {
  if (request.method === 'GET') {
    const params = paramsOf(request.url);
    params.set('query', query);
    params.delete('extensions');
    request.raw.url = `/graphql?${params}`;
    return;
  }
  const { extensions, ...rest } = request.body as { extensions: Record<string, unknown> };
  const { persistedQuery, ...others } = extensions;
  request.body = { ...rest, query, extensions: others };
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
