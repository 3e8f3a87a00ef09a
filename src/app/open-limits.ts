import { readFileSync } from 'node:fs';
import type { GraphQLSchema } from 'graphql';
import type { Config } from '../config/config.js';
import { ConfigError } from '../config/config-error.js';
import { Gate } from '../graphql/operation/admit.js';
import { type PersistedOperations, readManifest } from '../graphql/operation/persisted-operations.js';
import type { GraphLimits } from '../http/graph.js';

/** What the graph lets through. Throws a `ConfigError` where the listed operations cannot be read. */
export function openLimits({ limits }: Config, schema: GraphQLSchema): GraphLimits {
  const { query, cost, requestTimeout: timeoutMs, persistedOperations } = limits;
  const persisted = persistedOperations === null ? null : openManifest(persistedOperations);
  return { gate: new Gate(schema, query, cost), persisted, timeoutMs };
}

function openManifest(path: string): PersistedOperations {
  try {
    return readManifest(readFileSync(path, 'utf8'));
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new ConfigError(
      `PERSISTED_OPERATIONS: the manifest ${path} cannot be used: ${why}. @apollo/generate-persisted-query-manifest writes one that can.`,
    );
  }
}
