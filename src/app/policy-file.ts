import { readFileSync } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import { recordAudit } from '../audit-trail.js';
import { ConfigError } from '../config/reader.js';
import { filterProblems } from '../graphql/stored-filters.js';
import type { HistoryStore } from '../history/store.js';
import type { CheckPart } from '../http/health.js';
import type { Log } from '../log.js';
import { POLICY_DOCUMENT, policyTextDocument } from '../model/documents.js';
import { NO_POLICY, type Policy } from '../policy/policy.js';
import { type PolicyResult, problemTexts, readPolicy } from '../policy/read-policy.js';
import type { Caller } from '../values/access.js';
import { type Instant, toInstant } from '../values/instant.js';

/** The policy of a file; without a path, none. Throws a `ConfigError` with all of its problems. */
export function loadPolicy(path: string | null): Policy {
  if (path === null) return NO_POLICY;
  return policyIn(path, textOf(path));
}

function textOf(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw new ConfigError(`POLICY: ${path} cannot be read: ${messageOf(error)}.`);
  }
}

export function readPolicyText(text: string): PolicyResult {
  return readPolicy(text, filterProblems);
}

function policyIn(path: string, text: string): Policy {
  const result = readPolicyText(text);
  if (result.ok) return result.policy;
  throw new ConfigError(`The policy is not valid:\n${problemTexts(path, result.problems).join('\n')}`);
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

interface WatchOptions {
  readonly path: string | null;
  readonly store: HistoryStore;
  readonly clock: () => number;
  readonly log: Log;
}

const LOOK_EVERY_MS = 3000;

/**
 * The policy of a file, read again when the file changes. A file that cannot be used is logged, and the policy before
 * it stays in use. Throws a `ConfigError` if it cannot be used at the start.
 */
export async function watchPolicy(options: WatchOptions): Promise<PolicyWatch> {
  const watch = new PolicyWatch(options, loadPolicy(options.path));
  await recordPolicy(options, watch.current());
  if (options.path !== null) watch.keepLooking();
  return watch;
}

export class PolicyWatch {
  private seen = '';
  private wrong: string | null = null;
  private timer: NodeJS.Timeout | null = null;
  private looking: Promise<void> = Promise.resolve();

  constructor(
    private readonly options: WatchOptions,
    private policy: Policy,
  ) {}

  current = (): Policy => this.policy;
  /** Why the file is not in use as it is now; `null` if it is. */
  problem = (): string | null => this.wrong;

  keepLooking(): void {
    this.timer = setInterval(() => void this.look(), LOOK_EVERY_MS);
    this.timer.unref();
  }

  look(): Promise<void> {
    this.looking = this.looking.then(() => this.lookOnce());
    return this.looking;
  }

  readonly close = async (): Promise<void> => {
    if (this.timer) clearInterval(this.timer);
    await this.looking;
  };

  private async lookOnce(): Promise<void> {
    const { path, log } = this.options;
    if (path === null) return;
    let found = '';
    try {
      const { mtimeMs, size, ino } = await stat(path);
      found = `${mtimeMs} ${size} ${ino}`;
      if (found === this.seen) return;
      const text = await readFile(path, 'utf8');
      if (text !== this.policy.file?.text) await this.replace(policyIn(path, text));
      this.seen = found;
      this.wrong = null;
    } catch (error) {
      const problem = messageOf(error);
      // what cannot be used is read again when it changes; a history that takes no entry may take it later
      if (error instanceof ConfigError) this.seen = found;
      if (problem === this.wrong) return;
      this.wrong = problem;
      log.error(
        { policy: path, problem },
        'the policy was changed and cannot be used; the one before stays in use',
      );
    }
  }

  private async replace(policy: Policy): Promise<void> {
    await recordPolicy(this.options, policy);
    this.policy = policy;
    this.options.log.info({ digest: policy.file?.digest }, 'the policy was changed');
  }
}

const WATCHER: Caller = { kind: 'SCHEDULE', id: 'policy', name: 'the policy file', role: 'admin' };

/** Keeps the text of a policy in the history, and records in the audit trail that it is in use from now on. */
async function recordPolicy(
  { store, clock, path }: Omit<WatchOptions, 'log'>,
  { file }: Policy,
): Promise<void> {
  const digest = file?.digest ?? null;
  const known = await store.document('settings', POLICY_DOCUMENT);
  if ((known?.body.digest ?? null) === digest) return;
  const detail = file === null ? 'no policy file is configured any more' : `${path}, SHA-256 ${digest}`;
  // first the trail: a change of rules without an entry would be worse than an entry twice
  await recordAudit(
    { store, clock },
    { caller: WATCHER, action: 'CHANGE_POLICY', target: digest, outcome: 'SUCCEEDED', detail },
  );
  // kept for ever: auditors ask for the rules of a period that has passed
  if (file !== null)
    await store.putDocument('settings', policyTextDocument(file.digest), { text: file.text }, 0);
  const at: Instant = toInstant(clock());
  await store.putDocument('settings', POLICY_DOCUMENT, { digest, at }, known?.version ?? 0);
}

/** The old policy still answers, so a problem does not make the gateway unready; it is told. */
export function policyCheck(watch: PolicyWatch): CheckPart {
  return {
    name: 'policy',
    check: async () => {
      const problem = watch.problem();
      const digest = watch.current().file?.digest ?? null;
      const state = digest === null ? 'no policy file' : `in use: SHA-256 ${digest}`;
      return { ok: true, message: problem === null ? state : `${state}; the file was changed: ${problem}` };
    },
  };
}
