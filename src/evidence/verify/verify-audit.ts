import type { HistoryStore } from '../../history/store.js';
import type { JournalEntry } from '../../model/documents.js';
import { readDoubtful } from '../seal/read-doubtful.js';
import { entryDigest, type SealBody } from '../seal/seal.js';
import type { Findings } from './findings.js';

const PAGE = 50;

/** Holds the audit trail against its own chain and against what seals say of its end. */
export class AuditCheck {
  readonly #known = new Map<number, { readonly digest: string; readonly seal: number }>();
  #last = 0;
  #previous: string | null = null;

  constructor(private readonly findings: Findings) {}

  take({ index, audit }: SealBody): void {
    if (audit) this.#known.set(audit.index, { digest: audit.digest, seal: index });
  }

  async finish(store: HistoryStore): Promise<void> {
    const length = await store.journalLength('audit');
    for (let from = 0; from < length; from = this.#last) {
      const query = { journal: 'audit', descending: false } as const;
      const page = await readDoubtful(store, () => store.journal({ ...query, from, limit: PAGE }));
      const found =
        page ?? (await readDoubtful(store, () => store.journal({ ...query, from, limit: 1 }))) ?? [];
      if (found.length === 0) this.#unreadable(from + 1);
      for (const entry of found) this.#check(entry);
    }
    for (const [index, { seal }] of this.#known) {
      if (index > this.#last) this.#say(index, seal, 'is missing: the end of the trail was cut off');
    }
  }

  #check(entry: JournalEntry): void {
    const { index } = entry;
    if (index !== this.#last + 1) this.#say(this.#last + 1, null, 'is missing');
    const digest = entryDigest(entry);
    const known = this.#known.get(index);
    if (known && known.digest !== digest) this.#say(index, known.seal, 'was altered');
    else if (this.#previous !== null && entry.body.previous !== this.#previous) {
      this.#say(index - 1, null, 'was altered, or the one after it');
    }
    this.#last = index;
    this.#previous = digest;
  }

  #unreadable(index: number): void {
    this.#say(index, null, 'cannot be read any more');
    this.#last = index;
    this.#previous = null;
  }

  #say(index: number, seal: number | null, how: string): void {
    const where = seal === null ? '' : ` (seal ${seal})`;
    this.findings.add('AUDIT_ALTERED', `Entry ${index} of the audit trail ${how}${where}.`, {
      seal,
      what: `audit ${index}`,
    });
  }
}
