import { linkSignals } from '../../async/signals.js';
import type { Account } from '../../integrations/account.js';
import type { Accounts } from '../../integrations/accounts.js';
import { RESOURCES, type Resource } from '../../resources/kind.js';
import { createPollLoop, type PollLoop, type PollLoopOptions, type PollStatus } from './poll-loop.js';

export interface AccountPollsOptions extends PollLoopOptions {
  readonly accounts: Accounts;
  /** Only these accounts, by name; all, unless given. */
  readonly integrations?: readonly string[] | undefined;
  /** All, unless given. */
  readonly resources?: readonly Resource[] | undefined;
}

/** The polls of all accounts, as these come and go. */
export interface AccountPolls {
  /** Resolves once `signal` has fired and all polls have ended. */
  run(signal: AbortSignal): Promise<void>;
  status(): PollStatus[];
  /** The accounts polled. */
  names(): string[];
}

/** One account's loops; another object of `Accounts` under its name has another token or address. */
interface Polled {
  account: Account;
  readonly loops: readonly PollLoop[];
}

interface Running {
  readonly polled: Polled;
  readonly stop: AbortController;
  readonly done: Promise<unknown>;
}

export function createAccountPolls(options: AccountPollsOptions): AccountPolls {
  const { accounts, integrations, resources = RESOURCES } = options;
  const known = new Map<string, Polled>();

  /** The accounts as they stand; those that changed are polled anew. */
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
    async run(signal) {
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
