import type { Means } from './context.js';
import { Integration } from './integration.type.js';
import { integrationNames } from './integrations.js';

/** Every integration with its account, where this process reads it, and the state of its streams. */
export async function readIntegrations(means: Means): Promise<Integration[]> {
  const [names, streams] = await Promise.all([integrationNames(means), means.loaders.current.streams()]);
  return names.map((name) => {
    const own = streams.filter(({ integration }) => integration === name);
    return new Integration(name, means.accounts.get(name), own);
  });
}
