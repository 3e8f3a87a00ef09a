import { isRecord } from '../../values/filter.js';

export interface PersistedOperations {
  bodyOf(id: string): string | null;
  /** Whether the text is listed, ignoring blanks around it. */
  lists(query: string): boolean;
}

/** The message says what is wrong in the manifest. */
class ManifestError extends Error {
  override readonly name = 'ManifestError';
}

const FORMAT = 'apollo-persisted-query-manifest';

/** In the format of Apollo's tools; throws a `ManifestError`. */
export function readOperationManifest(text: string): PersistedOperations {
  const bodies = new Map(operationsOf(parsed(text)).map(toEntry));
  const listed = new Set([...bodies.values()].map((body) => body.trim()));
  return { bodyOf: (id) => bodies.get(id) ?? null, lists: (query) => listed.has(query.trim()) };
}

function parsed(text: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text);
    if (isRecord(value)) return value;
  } catch {
    throw new ManifestError('it is not JSON');
  }
  throw new ManifestError('it is not a JSON object');
}

function operationsOf({ format, version, operations }: Record<string, unknown>): unknown[] {
  if (format !== FORMAT) throw new ManifestError(`its "format" is not "${FORMAT}"`);
  if (version !== 1) throw new ManifestError('its "version" is not 1');
  if (!Array.isArray(operations)) throw new ManifestError('its "operations" are not a list');
  return operations;
}

function toEntry(operation: unknown, index: number): [id: string, body: string] {
  const { id, body } = isRecord(operation) ? operation : {};
  if (typeof id === 'string' && id !== '' && typeof body === 'string' && body.trim() !== '')
    return [id, body];
  throw new ManifestError(`operation ${index + 1} of it has no "id" or no "body"`);
}
