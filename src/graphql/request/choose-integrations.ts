import { badInput } from '../base/errors.js';
import type { RequestServices } from './services.js';

/** Every integration there is: those this process reads, and those that the history has read. */
export async function integrationNames(services: RequestServices): Promise<string[]> {
  const streams = await services.loaders.current.streams();
  const names = [...services.accounts.list().map(({ name }) => name), ...streams.map((s) => s.integration)];
  return [...new Set(names)].sort();
}

/** Checks the integrations that a list is asked for; `null` is all of them. */
export async function checkIntegrations(
  services: RequestServices,
  names: readonly string[] | null | undefined,
): Promise<readonly string[] | null> {
  if (!names) return null;
  if (names.every((name) => isAccount(services, name))) return [...new Set(names)].sort();
  const known = await integrationNames(services);
  for (const name of names) if (!known.includes(name)) throw unknown(name, known);
  return [...new Set(names)].sort();
}

/** The integration that a record is asked for in; it need not be named where there is but one. */
export async function chooseIntegration(
  services: RequestServices,
  name: string | null | undefined,
): Promise<string> {
  if (name && isAccount(services, name)) return name;
  const known = await integrationNames(services);
  if (name && known.includes(name)) return name;
  if (name) throw unknown(name, known);
  const [only] = known;
  if (only !== undefined && known.length === 1) return only;
  throw badInput(`There are several integrations. Pass "integration" with one of ${known.join(', ')}.`);
}

function isAccount(services: RequestServices, name: string): boolean {
  return services.accounts.get(name) !== null;
}

function unknown(name: string, known: readonly string[]) {
  return badInput(
    `There is no integration ${JSON.stringify(name)}. Known integrations: ${known.join(', ') || 'none'}.`,
  );
}
