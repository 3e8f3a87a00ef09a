import { pause } from '../async/waiting.js';
import {
  type IntegrationDetails,
  NotPossibleError,
  type Operations,
  type Patience,
  type PolledSource,
  type ReconciledSoFar,
  type Wanted,
} from '../graphql/request/operations.js';
import { type IntegrationTest, testIntegration } from '../integrations/connection-test.js';
import { simulatedDataGuard } from '../integrations/live-accounts.js';
import { readTokenSituations, storeTokenExpiry } from '../integrations/token-history.js';
import type { Address, NewIntegration, StoredIntegration } from '../integrations/vault.js';
import type { Resource } from '../resources/registry.js';
import type { Poller } from '../sync/schedule/poller.js';
import { WIDEST_RECONCILED } from '../sync/sync.js';
import { type Instant, shift, toInstant } from '../values/instant.js';
import type { Secret } from '../values/secret.js';
import type { AppOptions, Collector } from './collector.js';

interface OperationOptions extends AppOptions {
  readonly maxAgeMs: number;
  readonly collect: readonly Resource[];
}

export class RunningOperations implements Operations {
  private isReconciling = false;

  constructor(
    private readonly options: OperationOptions,
    private readonly collector: Collector,
    private readonly poller: Pick<Poller, 'status'>,
  ) {}

  async details(): Promise<ReadonlyMap<string, IntegrationDetails>> {
    const { vault, accounts, own } = this.collector;
    const stored = (await vault.list()).map(detailsOf).filter(({ name }) => accounts.get(name));
    const ours = own ? [{ name: own.account.name, createdAt: null, tokenHint: own.tokenHint }] : [];
    return new Map([...stored, ...ours].map((each) => [each.name, each]));
  }

  async connect(integration: NewIntegration): Promise<void> {
    const { store, vault, isSimulated } = this.collector;
    const refusal = (await simulatedDataGuard(store)) ?? (isSimulated ? SIMULATED : null);
    if (refusal !== null) throw new NotPossibleError(refusal);
    await this.changed(vault.add(integration));
  }

  update(name: string, address: Address, token: Secret): Promise<void> {
    return this.changed(this.collector.vault.update(name, address, token));
  }

  rotate(name: string, token: Secret): Promise<void> {
    return this.changed(this.collector.vault.rotate(name, token));
  }

  remove(name: string): Promise<void> {
    return this.changed(this.collector.vault.remove(name));
  }

  async test(name: string, signal?: AbortSignal): Promise<IntegrationTest> {
    const { store, vault, accounts } = this.collector;
    const account = accounts.get(name);
    if (!account) throw new NotPossibleError(`There is no account with the name ${JSON.stringify(name)}.`);
    const found = await testIntegration({
      ...{ client: account.client, name, signal },
      ...{ clock: this.options.clock, resources: this.options.collect },
    });
    const storedAt = (await readTokenSituations(store)).get(name)?.storedAt;
    if (found.token && storedAt) await storeTokenExpiry({ store, vault }, name, storedAt, found.token);
    return found;
  }

  async poll(wanted: Wanted, patience: Patience): Promise<readonly PolledSource[]> {
    const sources = this.namesOf(wanted).flatMap((integration) =>
      (wanted.resources ?? this.options.collect).map((resource) => ({ integration, resource })),
    );
    return Promise.all(sources.map((source) => this.pollSource(source, patience)));
  }

  async reconcile(
    { from, to, ...wanted }: Wanted & { readonly from: Instant | null; readonly to: Instant | null },
    patience: Patience,
  ): Promise<ReconciledSoFar> {
    if (this.isReconciling || this.poller.status().isReconciling) throw new NotPossibleError(UNDER_WAY);
    const begunAt = toInstant(this.options.clock());
    const end = to ?? begunAt;
    const span = { from: from ?? shift(end, -WIDEST_RECONCILED), to: end };
    const only = { integrations: this.namesOf(wanted), resources: wanted.resources ?? this.options.collect };
    this.isReconciling = true;
    const work = this.collector.sync.reconcile({ ...span, ...only, signal: NEVER }).finally(() => {
      this.isReconciling = false;
    });
    const report = await withinPatience(this.logged(work, 'reconciliation failed'), patience);
    if (report) return { isFinished: true, runIds: report.reconciliations.map(({ runId }) => runId) };
    return { isFinished: false, runIds: await reconciledSince(this.collector, begunAt) };
  }

  private async changed(work: Promise<unknown>): Promise<void> {
    await work;
    await this.collector.accounts.refresh();
  }

  private async pollSource(
    source: Pick<PolledSource, 'integration' | 'resource'>,
    patience: Patience,
  ): Promise<PolledSource> {
    const otherWritersMayPoll = !this.poller.status().isLeading;
    const only = { integrations: [source.integration], resources: [source.resource] };
    const { maxAgeMs } = this.options;
    const work = this.collector.sync.poll({ ...only, maxAgeMs, signal: NEVER, otherWritersMayPoll });
    const report = await withinPatience(this.logged(work, 'poll failed'), patience);
    if (report) return { ...source, isFinished: true, runId: report.passes[0]?.runId ?? null };
    return { ...source, isFinished: false, runId: await runningId(this.collector, source) };
  }

  /** Logs a failure, because the caller may have left. */
  private logged<T>(work: Promise<T>, message: string): Promise<T> {
    work.catch((error: unknown) => this.options.log.error({ err: error }, message));
    return work;
  }

  private namesOf({ integrations }: Wanted): string[] {
    const names = this.collector.accounts.list().map(({ name }) => name);
    if (names.length === 0) throw new NotPossibleError('No account is connected. Connect one first.');
    const unread = integrations?.find((name) => !names.includes(name));
    if (unread === undefined) return names.filter((name) => integrations?.includes(name) ?? true);
    throw new NotPossibleError(
      `${JSON.stringify(unread)} is not read by this gateway. It reads ${names.join(', ')}.`,
    );
  }
}

/** The sync stops this work when it is closed. */
const NEVER = new AbortController().signal;

const UNDER_WAY = 'A reconciliation is running; its results will be in "reconciliations".';

const SIMULATED =
  'This gateway reads the simulated tenant. To connect an account, start it with SIMULATOR=off and another HISTORY.';

function detailsOf({ name, createdAt, token }: StoredIntegration): IntegrationDetails {
  return { name, createdAt, tokenHint: token.hint === '' ? null : token.hint };
}

async function withinPatience<T>(work: Promise<T>, { waitMs, signal }: Patience): Promise<T | null> {
  const waiting = new AbortController();
  const end = () => waiting.abort();
  signal?.addEventListener('abort', end, { once: true });
  if (signal?.aborted) end();
  try {
    return await Promise.race([work, pause(waitMs, waiting.signal).then(() => null)]);
  } finally {
    signal?.removeEventListener('abort', end);
    end();
  }
}

async function runningId(
  { store }: Collector,
  { integration, resource }: Pick<PolledSource, 'integration' | 'resource'>,
): Promise<string | null> {
  const runs = await store.runs({ integrations: [integration], before: null, limit: 50 });
  const isIt = (trigger: string) => trigger === 'POLL' || trigger === 'BACKFILL';
  const run = runs.find(
    (each) => each.status === 'RUNNING' && each.resource === resource && isIt(each.trigger),
  );
  return run?.id ?? null;
}

async function reconciledSince({ store }: Collector, begunAt: string): Promise<string[]> {
  const runs = await store.runs({ integrations: null, before: null, limit: 100, trigger: 'RECONCILE' });
  return runs.filter((run) => run.startedAt >= begunAt && run.reconciliation).map(({ id }) => id);
}
