import type { Resource } from '../resources/kind.js';

/** One resource of one account. */
export interface OfSource {
  readonly integration: string;
  readonly resource: Resource;
}

/** How a report names its sources: by the resource, and by the account too where it has several. */
export function sourceNames(all: readonly OfSource[]): (source: OfSource) => string {
  const isOne = new Set(all.map(({ integration }) => integration)).size <= 1;
  return ({ integration, resource }) => (isOne ? resource : `${integration}/${resource}`);
}
