import { errorMessage } from '../../abnormal/errors.js';
import { linkSignals, type Sleep, waitOut } from '../../async/waiting.js';
import { HistoryError } from '../../history/errors.js';
import type { Account, Accounts } from '../../integrations/accounts.js';
import type { Log } from '../../log.js';
import type { RunStatus } from '../../model/run.js';
import type { Resource } from '../../resources/registry.js';
import { type Instant, MINUTE, toInstant } from '../../values/instant.js';
import type { OnProgress, PassReport, Sync } from '../sync.js';

interface AccountPollsOptions extends PollLoopOptions {
  readonly accounts: Accounts;
  readonly integrations?: readonly string[] | undefined;
  readonly resources: readonly Resource[];
}

/** The loops of one account; another object under the same name has another token or address. */
interface Polled {
  account: Account;
  readonly loops: readonly PollLoop[];
}

interface Running {
  readonly polled: Polled;
  readonly stop: AbortController;
  readonly done: Promise<unknown>;
}

export function createAccountPolls(options: AccountPollsOptions) {
  const { accounts, integrations, resources } = options;
  const known = new Map<string, Polled>();

  function current(): Polled[] {
    const wanted = accounts.list().filter(({ name }) => integrations?.includes(name) ?? true);
    for (const name of known.keys()) if (!wanted.some((account) => account.name === name)) known.delete(name);
    return wanted.map((account) => {
      const polled = known.get(account.name) ?? make(account);
      known.set(account.name, polled);
      if (polled.account !== account) for (const loop of polled.loops) loop.wake();
      polled.account = account;
      return polled;
    });
  }

  function make(account: Account): Polled {
    return { account, loops: resources.map((resource) => createPollLoop(options, account.name, resource)) };
  }

  return {
    names: () => current().map(({ account }) => account.name),
    status: () => current().flatMap(({ loops }) => loops.map((loop) => loop.status())),
    /** Resolves after `signal` has fired and all polls have ended. */
    async run(signal: AbortSignal): Promise<void> {
      const running = new Set<Running>();
      const follow = () => {
        const wanted = current();
        for (const each of running) if (!wanted.includes(each.polled)) each.stop.abort();
        for (const polled of wanted) {
          if (![...running].some((each) => each.polled === polled))
            running.add(begin(polled, signal, running));
        }
      };
      const unfollow = accounts.onChange(follow);
      follow();
      await aborted(signal);
      unfollow();
      await Promise.all([...running].map(({ done }) => done));
    },
  };
}

function begin(polled: Polled, signal: AbortSignal, running: Set<Running>): Running {
  const stop = new AbortController();
  const ending = linkSignals(signal, stop.signal);
  const loops = Promise.all(polled.loops.map((loop) => loop.run(ending.signal)));
  const one: Running = {
    ...{ polled, stop },
    done: loops.finally(() => {
      ending.unlink();
      running.delete(one);
    }),
  };
  return one;
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}

interface PollLoopOptions {
  readonly sync: Pick<Sync, 'poll'>;
  readonly intervals: Readonly<Record<Resource, number>>;
  readonly clock: () => number;
  readonly log: Log;
  readonly onProgress?: OnProgress;
  readonly sleep: Sleep;
}

export interface PollStatus {
  readonly integration: string;
  readonly resource: Resource;
  readonly isPolling: boolean;
  /** When the last poll ended, successfully or not; `null` before the first. */
  readonly lastPollAt: Instant | null;
  readonly lastStatus: RunStatus | null;
  readonly lastError: string | null;
}

/** The first retry of a failed poll waits so long, the next twice as long, up to the interval. */
const FIRST_RETRY_MS = 5 * MINUTE;
/** The first retry after an outage of the history waits so long, the next twice as long, up to 8 s. */
const OUTAGE_RETRY_MS = 1000;
/** The wait after a poll that was interrupted although the poller goes on. */
const INTERRUPTED_RETRY_MS = 1000;

type PollLoop = ReturnType<typeof createPollLoop>;

function createPollLoop(
  { sync, clock, log, intervals, onProgress, sleep }: PollLoopOptions,
  integration: string,
  resource: Resource,
) {
  const interval = intervals[resource];
  let status: PollStatus = {
    integration,
    resource,
    isPolling: false,
    lastPollAt: null,
    lastStatus: null,
    lastError: null,
  };
  let failures = 0;
  let isOutage = false;
  let waking = new AbortController();

  async function pollOnce(signal: AbortSignal): Promise<void> {
    status = { ...status, isPolling: true };
    const outcome = await attempt(signal);
    const hasFailed = outcome.lastError !== null || outcome.isUnavailable;
    failures = hasFailed ? failures + 1 : 0;
    isOutage = outcome.isOutage;
    const { lastError, lastStatus } = outcome;
    status = { ...status, isPolling: false, lastPollAt: toInstant(clock()), lastStatus, lastError };
  }

  async function attempt(signal: AbortSignal): Promise<Outcome> {
    const wanted = { resources: [resource], integrations: [integration], signal };
    try {
      const { passes } = await sync.poll(onProgress ? { ...wanted, onProgress } : wanted);
      const lastStatus = passes[0]?.status ?? null;
      return { ...FINE, lastStatus, isUnavailable: passes.some(isUnavailable) };
    } catch (error) {
      if (signal.aborted) return FINE;
      log.error({ integration, resource, err: error }, 'poll failed');
      const isOutage = error instanceof HistoryError && error.code === 'UNAVAILABLE';
      return { ...FINE, lastError: errorMessage(error), isOutage };
    }
  }

  function waitMs(): number {
    // interrupted by another part, for example because the account got another address
    if (status.lastStatus === 'INTERRUPTED') return Math.min(interval, INTERRUPTED_RETRY_MS);
    if (isOutage) return Math.min(interval, OUTAGE_RETRY_MS * 2 ** Math.min(failures - 1, 3));
    return failures === 0 ? interval : Math.min(interval, FIRST_RETRY_MS * 2 ** Math.min(failures - 1, 20));
  }

  async function pause(signal: AbortSignal): Promise<void> {
    const ending = linkSignals(signal, waking.signal);
    await waitOut(waitMs(), clock, sleep, ending.signal);
    ending.unlink();
  }

  return {
    status: () => status,
    /** Polls at once, or as soon as the current poll has ended. */
    wake: () => waking.abort(),
    /** Resolves after `signal` has fired and the current poll has ended. */
    async run(signal: AbortSignal): Promise<void> {
      while (!signal.aborted) {
        waking = new AbortController();
        await pollOnce(signal);
        await pause(signal);
      }
    },
  };
}

/** The outcome of a poll, except for what differs. */
const FINE: Outcome = { lastStatus: null, lastError: null, isUnavailable: false, isOutage: false };

interface Outcome extends Pick<PollStatus, 'lastStatus' | 'lastError'> {
  /** Abnormal could not be read. */
  readonly isUnavailable: boolean;
  /** The history could not be read or written. */
  readonly isOutage: boolean;
}

function isUnavailable({ streams }: PassReport): boolean {
  return streams.some(({ status }) => status === 'UNAVAILABLE');
}
