import {
  type KeptIntegration,
  NotPossibleError,
  type Operations,
  type Patience,
  type PolledSource,
  type Wanted,
} from '../graphql/operations.js';
import type { Account } from '../integrations/account.js';
import { noteTokenTimes } from '../integrations/learn-token-times.js';
import { refusalOfReal } from '../integrations/mixture.js';
import type { StoredIntegration } from '../integrations/stored-integration.js';
import { testIntegration } from '../integrations/test-integration.js';
import { readTokenSituations } from '../integrations/token-histories.js';
import { shift, toInstant } from '../model/instant.js';
import { RESOURCES, type Resource } from '../model/kind.js';
import type { Poller } from '../sync/poller.js';
import { WIDEST_RECONCILED } from '../sync/reconcile.js';
import { sleep } from '../sync/sleep.js';
import type { AppOptions, Collector } from './collector.js';

/** What the graph may do to a running gateway. */
export function createOperations(
  options: AppOptions,
  collector: Collector,
  poller: Pick<Poller, 'status'>,
): Operations {
  const { store, accounts, vault, own, sync, isSimulated } = collector;
  const { clock, log } = options;
  let isReconciling = false;

  function accountOf(name: string): Account {
    const account = accounts.get(name);
    if (account) return account;
    throw new NotPossibleError(`No account is read under the name ${JSON.stringify(name)}.`);
  }

  async function changed(work: Promise<unknown>): Promise<void> {
    await work;
    await accounts.refresh();
  }

  function pollSource(integration: string, resource: Resource): Promise<unknown> {
    const signal = new AbortController().signal;
    const isOneOfMany = !poller.status().isLeading;
    return sync.poll({ integrations: [integration], resources: [resource], signal, isOneOfMany });
  }

  return {
    async kept() {
      const stored = (await vault.list()).map(keptOf).filter(({ name }) => accounts.get(name));
      const ours = own ? [{ name: own.account.name, createdAt: null, tokenHint: own.tokenHint }] : [];
      return new Map([...stored, ...ours].map((each) => [each.name, each]));
    },

    async connect(integration) {
      const refusal = (await refusalOfReal(store)) ?? (isSimulated ? SIMULATED : null);
      if (refusal !== null) throw new NotPossibleError(refusal);
      await changed(vault.add(integration));
    },
    update: (name, address, token) => changed(vault.update(name, address, token)),
    rotate: (name, token) => changed(vault.rotate(name, token)),
    remove: (name) => changed(vault.remove(name)),

    async test(name, signal) {
      const { client } = accountOf(name);
      const found = await testIntegration({ client, name, clock, signal });
      const storedAt = (await readTokenSituations(store)).get(name)?.storedAt;
      if (found.token && storedAt) await noteTokenTimes({ store, vault }, name, storedAt, found.token);
      return found;
    },

    async poll(wanted, patience) {
      const sources = namesOf(wanted, accounts.list()).flatMap((integration) =>
        (wanted.resources ?? RESOURCES).map((resource) => ({ integration, resource })),
      );
      const polls = sources.map(({ integration, resource }) => pollSource(integration, resource));
      for (const poll of polls) poll.catch((error: unknown) => log.error({ err: error }, 'poll failed'));
      const reports = await Promise.all(polls.map((poll) => withinPatience(poll, patience)));
      return Promise.all(
        sources.map(async (source, index): Promise<PolledSource> => {
          const report = reports[index] as Awaited<ReturnType<typeof sync.poll>> | null;
          const runId = report?.passes[0]?.runId ?? (report ? null : await runningId(collector, source));
          return { ...source, runId, isFinished: report !== null };
        }),
      );
    },

    async reconcile({ from, to, ...wanted }, patience) {
      if (isReconciling || poller.status().isReconciling) {
        throw new NotPossibleError('A reconciliation is under way; its results are in "reconciliations".');
      }
      isReconciling = true;
      const begunAt = toInstant(clock());
      const end = to ?? begunAt;
      const work = sync
        .reconcile({
          ...{ from: from ?? shift(end, -WIDEST_RECONCILED), to: end },
          ...{ integrations: namesOf(wanted, accounts.list()), resources: wanted.resources ?? RESOURCES },
          signal: new AbortController().signal,
        })
        .finally(() => {
          isReconciling = false;
        });
      work.catch((error: unknown) => log.error({ err: error }, 'reconciliation failed'));
      const report = await withinPatience(work, patience);
      if (report) return { isFinished: true, runIds: report.reconciliations.map(({ runId }) => runId) };
      return { isFinished: false, runIds: await reconciledSince(collector, begunAt) };
    },
  };
}

const SIMULATED =
  'This gateway reads its simulated tenant. Start it with SIMULATOR=off, and with a HISTORY of its own, to connect an account.';

function keptOf({ name, createdAt, token }: StoredIntegration): KeptIntegration {
  return { name, createdAt, tokenHint: token.hint === '' ? null : token.hint };
}

function namesOf({ integrations }: Pick<Wanted, 'integrations'>, accounts: readonly Account[]): string[] {
  const names = accounts.map(({ name }) => name);
  if (names.length === 0) throw new NotPossibleError('There is no account to read: connect one first.');
  const unread = integrations?.find((name) => !names.includes(name));
  if (unread !== undefined) {
    throw new NotPossibleError(`${JSON.stringify(unread)} is not read: what is read is ${names.join(', ')}.`);
  }
  return names.filter((name) => integrations?.includes(name) ?? true);
}

/** What `work` gives, or `null` when it takes longer than whoever asks will wait. */
async function withinPatience<T>(work: Promise<T>, { waitMs, signal }: Patience): Promise<T | null> {
  const waiting = new AbortController();
  const end = () => waiting.abort();
  signal?.addEventListener('abort', end, { once: true });
  if (signal?.aborted) end();
  try {
    return await Promise.race([work, sleep(waitMs, waiting.signal).then(() => null)]);
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
