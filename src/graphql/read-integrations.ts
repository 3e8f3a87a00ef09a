import type { GatewayContext } from './context.js';
import { Integration } from './integration.type.js';
import { integrationNames } from './integrations.js';

/** Every integration with its account, where this process reads it, and the state of its streams. */
export async function readIntegrations(context: GatewayContext): Promise<Integration[]> {
  const [names, streams] = await Promise.all([integrationNames(context), context.loaders.current.streams()]);
  return names.map((name) => {
    const account = context.accounts.find((candidate) => candidate.name === name);
    const own = streams.filter(({ integration }) => integration === name);
    return new Integration(name, account, own);
  });
}
