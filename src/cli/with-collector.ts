import { type Collector, openCollector } from '../app/collector.js';
import type { AuditAction } from '../audit-entry.js';
import { ConfigError } from '../config/config-error.js';
import { audited } from '../record-audit.js';
import { commandCaller } from './command-caller.js';
import type { Invocation } from './invocation.js';

/** What a command that collects is about to do. */
export interface Collecting<T> {
  readonly action: AuditAction;
  /** Only these accounts, by name; all, unless given. */
  readonly integration: readonly string[] | undefined;
  readonly work: (collector: Collector) => Promise<T>;
  /** What came of it, for the audit trail. */
  readonly detailOf: (result: T) => string;
}

/** Opens what collects, does the work, writes down that it was done, and closes. */
export async function withCollector<T>(
  { config, log, clock }: Pick<Invocation, 'config' | 'log' | 'clock'>,
  { action, integration, work, detailOf }: Collecting<T>,
): Promise<T> {
  const collector = await openCollector(config, { log, clock });
  try {
    checkAccounts(collector, integration);
    const done = { caller: commandCaller(), action, target: integration?.join(', ') ?? null };
    return await audited({ store: collector.store, clock }, done, () => work(collector), detailOf);
  } finally {
    await collector.close();
  }
}

/** Throws a `ConfigError` where there is nothing to read, or a name that no account has. */
function checkAccounts({ accounts }: Collector, integration: readonly string[] = []): void {
  const names = accounts.list().map(({ name }) => name);
  if (names.length === 0) {
    throw new ConfigError('There is no account to read: set ABNORMAL_TOKEN, or add one (integrations add).');
  }
  const unknown = integration.find((name) => !names.includes(name));
  if (unknown === undefined) return;
  throw new ConfigError(`There is no account "${unknown}" to read: there is ${names.join(', ')}.`);
}
