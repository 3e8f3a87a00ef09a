import { emptyAccounts } from '../../integrations/empty-accounts.js';
import { readTokenSituations } from '../../integrations/token-history.js';
import type { KeptIntegration } from '../request/operations.js';
import { integrationNames, type RequestServices } from '../request/services.js';
import { Integration } from './integration.type.js';

/** Every integration with its account, where this process reads it, and the state of its streams. */
export async function readIntegrations(services: RequestServices): Promise<Integration[]> {
  const [names, streams, kept, tokens] = await Promise.all([
    integrationNames(services),
    services.loaders.current.streams(),
    services.operations?.kept() ?? NOTHING_KEPT,
    readTokenSituations(services.store),
  ]);
  const empty = await emptyAccounts(services.store, streams);
  return names.map((name) => {
    const own = streams.filter(({ integration }) => integration === name);
    const account = services.accounts.get(name);
    const token = account?.origin === 'ABNORMAL' ? (tokens.get(name) ?? UNKNOWN_TOKEN) : null;
    const notes = { kept: kept.get(name) ?? null, empty: empty.get(name) ?? null };
    return new Integration(name, account, own, notes, token, services.now());
  });
}

/** One integration; `null` where there is none of that name. */
export async function readIntegration(services: RequestServices, name: string): Promise<Integration | null> {
  const all = await readIntegrations(services);
  return all.find((integration) => integration.name === name) ?? null;
}

const NOTHING_KEPT: ReadonlyMap<string, KeptIntegration> = new Map();

const UNKNOWN_TOKEN = { issuedAt: null, expiresAt: null, storedAt: null, isRejected: false };
