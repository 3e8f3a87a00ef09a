import type { HistoryStore } from '../../history/store.js';
import type { Run } from '../../model/run.js';
import type { Instant } from '../../values/instant.js';
import { newestRuns, sealedRun } from '../seal/ended-runs.js';
import { readDoubtful } from '../seal/read-doubtful.js';
import type { SealBody, SealedRun } from '../seal/seal.js';
import type { Findings } from './findings.js';

type Known = Pick<SealedRun, 'digest' | 'status'> & { readonly seal: number };

/** Holds the runs against what seals say of them, the last word counting. */
export class RunCheck {
  readonly #known = new Map<string, Known>();
  #before: Instant | null = null;

  constructor(private readonly findings: Findings) {}

  get count(): number {
    return this.#known.size;
  }

  take({ index, runs, runsBefore }: SealBody): void {
    for (const { id, digest, status } of runs) this.#known.set(id, { digest, status, seal: index });
    this.#before = runsBefore;
  }

  async finish(store: HistoryStore): Promise<void> {
    for (const [id, known] of this.#known) await this.#check(store, id, known);
    await this.#checkAdded(store);
  }

  async #check(store: HistoryStore, id: string, { digest, status, seal }: Known): Promise<void> {
    const run = await readDoubtful(store, () => store.run(id));
    if (run === null) this.#say('RUN_MISSING', id, seal, 'is missing');
    else if (run === undefined) this.#say('RUN_ALTERED', id, seal, 'cannot be read any more');
    else if (sealedRun(run).digest !== digest) {
      // another process may have taken a run for dead that was only slow
      if (status === 'INTERRUPTED') {
        this.findings.notice(`Run ${id} was sealed as interrupted (seal ${seal}) and went on after that.`);
      } else this.#say('RUN_ALTERED', id, seal, 'was altered');
    }
  }

  async #checkAdded(store: HistoryStore): Promise<void> {
    const before = this.#before;
    if (before === null) return;
    const added = await readDoubtful(store, async () => {
      const found: Run[] = [];
      for await (const run of newestRuns(store, null)) {
        const isSealed = run.endedAt === null || run.startedAt >= before || this.#known.has(run.id);
        if (!isSealed && found.length < 100) found.push(run);
      }
      return found;
    });
    for (const { id, trigger, startedAt } of added ?? []) {
      const how = `(${trigger}, begun at ${startedAt}) was added: no seal knows it`;
      this.#say('RUN_ADDED', id, null, how);
    }
    if (added === undefined) this.findings.add('RUN_ALTERED', 'The list of runs cannot be read any more.');
  }

  #say(
    code: 'RUN_MISSING' | 'RUN_ALTERED' | 'RUN_ADDED',
    id: string,
    seal: number | null,
    how: string,
  ): void {
    const where = seal === null ? '' : ` (seal ${seal})`;
    this.findings.add(code, `Run ${id} ${how}${where}.`, { seal, what: id });
  }
}
