import { userInfo } from 'node:os';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { ConfigError } from '../config/reader.js';
import { REGIONS, type Region } from '../integrations/address.js';
import { RESOURCES, type Resource } from '../resources/registry.js';
import type { Caller } from '../values/access.js';
import { EARLIEST_ASKED, type Instant, parseDuration, parseInstant, shift } from '../values/instant.js';

export interface AddressOptions {
  readonly region?: Region;
  readonly baseUrl?: string;
}

export function addAddressOptions(command: Command): Command {
  const regions = Object.keys(REGIONS);
  return command
    .addOption(new Option('--region <region>', 'region of the account').choices(regions))
    .addOption(new Option('--base-url <url>', 'base URL, instead of a region').conflicts('region'));
}

export function several(text: string, before: readonly string[] | undefined): string[] {
  return [...(before ?? []), text];
}

export interface SourceOptions {
  readonly resource?: readonly Resource[];
  readonly integration?: readonly string[];
}

export function addSourceOptions(command: Command): Command {
  const resources = RESOURCES.join(', ');
  return addIntegrationOption(
    command.option(
      '-r, --resource <name>',
      `only this resource (${resources}); may be given several times`,
      (text, before: readonly Resource[] | undefined) => {
        const resource = RESOURCES.find((name) => name === text);
        if (!resource) throw new InvalidArgumentError(`Accepted: one of ${resources}.`);
        return [...(before ?? []), resource];
      },
    ),
  );
}

export function addIntegrationOption(command: Command): Command {
  const text = 'only this account; may be given several times (default: all)';
  return command.option('-i, --integration <name>', text, several);
}

/** Throws a `ConfigError` that names the option if its file cannot be read or written. */
export async function asOption<T>(option: string, work: () => Promise<T>): Promise<T> {
  return work().catch((error: unknown) => {
    throw new ConfigError(`${option}: ${error instanceof Error ? error.message : String(error)}`);
  });
}

export interface OutputOptions {
  readonly json?: boolean;
  /** No progress and a shorter report. */
  readonly quiet?: boolean;
}

/** Resolved when the time is known. */
export type TimeOption = (now: Instant) => Instant;

/** Parses a day, an instant, or an age such as `30d`. */
export function parseTimeOption(text: string): TimeOption {
  const instant = parseInstant(text);
  if (instant !== null) return () => instant;
  const ago = parseDuration(text);
  if (ago !== null) return (now) => shift(now, -ago);
  throw new InvalidArgumentError(
    'Accepted: a day (2026-01-31), an instant (2026-01-31T08:00Z) or a duration before now (90d).',
  );
}

/** Throws a `ConfigError` for an instant that is too early. */
export function checkFrom(from: Instant): void {
  if (from >= EARLIEST_ASKED) return;
  throw new ConfigError(`--from is ${from}; accepted: ${EARLIEST_ASKED.slice(0, 10)} or later.`);
}

interface OfSource {
  readonly integration: string;
  readonly resource: Resource;
}

/** Names a source by its resource, and by its account if there are several. */
export function sourceNames(all: readonly OfSource[]): (source: OfSource) => string {
  const isOne = new Set(all.map(({ integration }) => integration)).size <= 1;
  return ({ integration, resource }) => (isOne ? resource : `${integration}/${resource}`);
}

/** The caller of a command: the user of the operating system, limited by the files and keys that this user can read. */
export function commandCaller(): Caller {
  const name = userName();
  return { kind: 'COMMAND_LINE', id: name, name, role: 'admin' };
}

function userName(): string {
  try {
    return userInfo().username;
  } catch {
    // a user in a container may have no name
    return `uid ${process.getuid?.() ?? 'unknown'}`;
  }
}
