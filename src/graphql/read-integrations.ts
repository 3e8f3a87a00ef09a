import type { Means } from './context.js';
import { Integration } from './integration.type.js';
import { integrationNames } from './integrations.js';
import type { KeptIntegration } from './operations.js';

/** Every integration with its account, where this process reads it, and the state of its streams. */
export async function readIntegrations(means: Means): Promise<Integration[]> {
  const [names, streams, kept] = await Promise.all([
    integrationNames(means),
    means.loaders.current.streams(),
    means.operations?.kept() ?? NOTHING_KEPT,
  ]);
  return names.map((name) => {
    const own = streams.filter(({ integration }) => integration === name);
    return new Integration(name, means.accounts.get(name), own, kept.get(name) ?? null, means.now());
  });
}

/** One integration; `null` where there is none of that name. */
export async function readIntegration(means: Means, name: string): Promise<Integration | null> {
  const all = await readIntegrations(means);
  return all.find((integration) => integration.name === name) ?? null;
}

const NOTHING_KEPT: ReadonlyMap<string, KeptIntegration> = new Map();
