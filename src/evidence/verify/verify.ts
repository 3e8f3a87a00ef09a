import { wholeOnes } from '../../history/errors.js';
import type { HistoryStore, PageQuery, Pin, Position, StorePage } from '../../history/store.js';
import { OPEN_SEQ, type RevisionRecord } from '../../model/revision.js';
import { DEFAULT_ORDER, type Kind, LISTED_KINDS, type RecordKey } from '../../resources/registry.js';
import { sha256 } from '../../values/canonical-json.js';
import { type Leaf, MerkleTree, revisionLeaf } from '../seal/leaf.js';
import { type Seal, type SealBody, sealIn } from '../seal/seal.js';
import { type BatchRevisions, tolerantRead, walkBatches } from '../seal/walk-batches.js';
import { ChainCheck, type ChainOptions, type CheckedSeal } from './check-chain.js';
import { checkFields, VersionEnds } from './check-history.js';
import { AuditCheck, LedgerCheck, RunCheck } from './check-trails.js';
import { compareLeaves, LeafCursor } from './compare-leaves.js';
import { Findings, proofVerdict, type VerifyReport } from './findings.js';
import { BatchCheck } from './verify-batches.js';
import { DocumentCheck } from './verify-documents.js';

export interface VerifyOptions extends ChainOptions {
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: VerifyProgress) => void;
}

export interface VerifyProgress {
  readonly seal: number;
  readonly revisions: number;
  /** The batch it has come to, and the last one. */
  readonly seq: number;
  readonly toSeq: number;
}

/**
 * Holds a history against its seals, and what it keeps beside the records against the records. Reads all of it
 * once, in memory that grows by 24 bytes a record. Rejects with a `HistoryError` when the history cannot be read.
 */
export function verifyHistory(store: HistoryStore, options: VerifyOptions): Promise<VerifyReport> {
  return new HistoryCheck(store, options).run();
}

const TEXTS_AT_ONCE = 20;
const LISTED_AT_ONCE = 200;

class HistoryCheck {
  readonly #findings = new Findings();
  readonly #chain: ChainCheck;
  #ends = new VersionEnds();
  readonly #live = new Map<string, number>();
  /** As `#live`, in the view of the past that lists are read in as well. */
  readonly #wasLive = new Map<string, number>();
  readonly #runs: RunCheck;
  readonly #audit: AuditCheck;
  readonly #batches: BatchCheck;
  readonly #documents: DocumentCheck;
  #head: Pin = { seq: 0, at: '' };
  #walkedTo = 0;
  #revisions = 0;

  constructor(
    private readonly store: HistoryStore,
    private readonly options: VerifyOptions,
  ) {
    this.#chain = new ChainCheck(this.#findings, options);
    this.#runs = new RunCheck(this.#findings);
    this.#audit = new AuditCheck(this.#findings);
    this.#batches = new BatchCheck(store, this.#findings);
    this.#documents = new DocumentCheck(this.#findings);
  }

  async run(): Promise<VerifyReport> {
    const { store } = this;
    // first the seals, then the head: what is sealed meanwhile is not looked at
    const length = await store.journalLength('seals');
    this.#head = await store.head();
    const ledger = await LedgerCheck.open(store, this.#findings, this.#head.seq);
    for await (const [index, at, seal] of sealsOf(store, length)) {
      const checked = await this.#chain.take(index, at, seal);
      if (checked === null) continue;
      this.#runs.take(checked.body);
      this.#audit.take(checked.body);
      this.#documents.take(checked);
      await this.#batches.compare(checked, this.#head.seq);
      await this.#checkSeal(checked);
      if (checked.list) ledger.compare(checked, checked.list.ledger);
    }
    const sealedTo = this.#chain.last?.toSeq ?? 0;
    await this.#walk(this.#head.seq, null, sealedTo);
    await this.#checkEnds();
    await this.#checkCounts();
    await this.#checkLists(this.#head.seq, this.#live);
    await this.#checkLists(this.#pastSeq, this.#wasLive);
    // what follows needs the room
    this.#ends = new VersionEnds();
    await this.#checkDerived();
    await this.#batches.finish(this.#head, this.#revisions);
    await this.#documents.finish(store);
    await this.#runs.finish(store);
    await this.#audit.finish(store);
    this.#chain.finish();
    return this.#report(sealedTo, ledger.count);
  }

  async #checkSeal(checked: CheckedSeal): Promise<void> {
    const { index, body } = checked;
    const { seq } = this.#head;
    if (body.toSeq > seq) {
      const lost = `The history ends with batch ${seq}, and seal ${index} covers batches up to ${body.toSeq}: its end was cut off.`;
      this.#findings.add('TRUNCATED', lost, { seal: index, seq });
    } else await this.#checkInstant(index, body);
    await this.#walk(Math.min(body.fromSeq, seq), null, body.fromSeq);
    await this.#walk(Math.min(body.toSeq, seq), checked, body.toSeq);
  }

  async #checkInstant(seal: number, { toSeq, toAt }: SealBody): Promise<void> {
    const pin = await this.store.pinAt(toAt);
    if (pin.seq === toSeq && pin.at === toAt) return;
    const message = `Batch ${toSeq} was recorded at ${toAt}, says seal ${seal}; the history has batch ${pin.seq} at ${pin.at} there.`;
    this.#findings.add('STATE_ALTERED', message, { seal, seq: toSeq });
  }

  /** Looks at every batch up to `toSeq`, and holds them against the seal that covers them, if one is given. */
  async #walk(toSeq: number, seal: CheckedSeal | null, sealedTo: number): Promise<void> {
    const cursor = seal?.list ? new LeafCursor(seal.list.revisions) : null;
    const tree = seal && !seal.list ? new MerkleTree() : null;
    const from = Math.max(this.#walkedTo, seal?.body.fromSeq ?? 0);
    for await (const batch of walkBatches(this.store, from, toSeq)) {
      this.options.signal?.throwIfAborted();
      const leaves = batch.isBroken ? null : batch.revisions.map(revisionLeaf);
      if (seal && cursor) await this.#compare(seal.index, batch, cursor, leaves);
      else if (leaves === null) this.#sayBroken(batch.seq, seal?.index ?? null);
      for (const { hash } of leaves ?? []) tree?.add(Buffer.from(hash, 'hex'));
      await this.#checkBatch(batch, seal?.index ?? null);
      this.#tell(seal?.index ?? this.#chain.count, batch.seq);
    }
    while (seal && cursor && cursor.seq !== null) {
      compareLeaves(this.#findings, 'RECORD', seal.index, cursor.take(), []);
    }
    if (seal && tree && tree.root() !== seal.body.revisions.root) this.#sayRoot(seal);
    this.#walkedTo = Math.max(this.#walkedTo, Math.min(toSeq, sealedTo));
  }

  async #compare(seal: number, batch: BatchRevisions, cursor: LeafCursor, leaves: readonly Leaf[] | null) {
    while (cursor.seq !== null && cursor.seq < batch.seq) {
      compareLeaves(this.#findings, 'RECORD', seal, cursor.take(), []);
    }
    const listed = cursor.seq === batch.seq ? cursor.take() : [];
    const found = leaves ?? (await this.#readOneByOne(listed));
    compareLeaves(this.#findings, 'RECORD', seal, listed, found);
    if (leaves === null && found.length === listed.length) this.#sayBroken(batch.seq, seal);
  }

  /** The leaves of those revisions that can be read by themselves, where the batch cannot. */
  async #readOneByOne(listed: readonly Leaf[]): Promise<Leaf[]> {
    const found: Leaf[] = [];
    for (const { seq, name } of listed) {
      const [kind, integration = '', id = ''] = name;
      const key = { integration, kind: kind as Kind, id };
      const revision = await versionBefore(this.store, key, seq + 1);
      if (revision?.seqFrom === seq) found.push(revisionLeaf(revision));
    }
    return found;
  }

  async #checkBatch({ seq, revisions }: BatchRevisions, seal: number | null): Promise<void> {
    for (const revision of revisions) {
      this.#revisions += 1;
      const { kind } = revision.key;
      const isLive = revision.seqTo > this.#head.seq && !revision.deleted;
      if (isLive) this.#live.set(kind, (this.#live.get(kind) ?? 0) + 1);
      const wasLive = seq <= this.#pastSeq && revision.seqTo > this.#pastSeq && !revision.deleted;
      if (wasLive) this.#wasLive.set(kind, (this.#wasLive.get(kind) ?? 0) + 1);
      if (await this.#isToCome(revision)) {
        this.#say(
          'STATE_ALTERED',
          revision,
          seal,
          `is held to end with batch ${revision.seqTo}, which is yet to come`,
        );
      }
      if (this.#ends.follows(revision, this.#head.seq)) continue;
      this.#say('STATE_ALTERED', revision, seal, 'does not begin when the version before it ended');
    }
    for (let i = 0; i < revisions.length; i += TEXTS_AT_ONCE) {
      const some = revisions.slice(i, i + TEXTS_AT_ONCE);
      await Promise.all(some.map((revision) => this.#checkReceived(revision, seal)));
    }
    for (const revision of await checkFields(this.store, seq, revisions)) {
      this.#say(
        'STATE_ALTERED',
        revision,
        seal,
        'is not found by its own values: what lists go by was altered',
      );
    }
  }

  /** Whether a version is held to end with a batch that there is not; one may have come in since the beginning. */
  async #isToCome({ seqTo }: RevisionRecord): Promise<boolean> {
    if (seqTo <= this.#head.seq || seqTo === OPEN_SEQ) return false;
    return seqTo > (await this.store.head()).seq;
  }

  async #checkReceived(revision: RevisionRecord, seal: number | null): Promise<void> {
    const { key, seqFrom, digest } = revision;
    const text = await tolerantRead(this.store, () => this.store.received(key, seqFrom));
    if (typeof text !== 'string') this.#say('RECEIVED_ALTERED', revision, seal, 'has lost the text received');
    else if (sha256(text) !== digest) {
      this.#say('RECEIVED_ALTERED', revision, seal, 'has another received text than its digest says');
    }
  }

  /** Names versions that are held to have ended though none follows. */
  async #checkEnds(): Promise<void> {
    if (this.#ends.endedCount === 0) return;
    const { seq } = this.#head;
    for await (const { revisions } of walkBatches(this.store, 0, seq)) {
      for (const revision of revisions) {
        if (revision.seqTo > seq || !this.#ends.isLastEnded(revision.key)) continue;
        const next = await versionBefore(this.store, revision.key, revision.seqTo + 1);
        if (next?.seqFrom === revision.seqTo && revision.seqTo > revision.seqFrom) continue;
        const how = `is held to have ended with batch ${revision.seqTo}, which brought no other`;
        this.#say('STATE_ALTERED', revision, null, how);
      }
    }
  }

  /** Counts are worked out by the store from what it keeps apart. */
  async #checkCounts(): Promise<void> {
    for (const kind of LISTED_KINDS) {
      const count = await this.store.count({ kind, integrations: null, filter: null, seq: this.#head.seq });
      const live = this.#live.get(kind) ?? 0;
      if (count === live) continue;
      const message = `The history counts ${count} records of kind ${kind}, and has ${live}.`;
      this.#findings.add('STATE_ALTERED', message, { what: kind });
    }
  }

  get #pastSeq(): number {
    return Math.floor(this.#head.seq / 2);
  }

  /** Reads the lists to their ends, as whoever asks for them does. */
  async #checkLists(seq: number, live: ReadonlyMap<string, number>): Promise<void> {
    for (const kind of LISTED_KINDS) {
      const there = live.get(kind) ?? 0;
      let listed = 0;
      for (let after: Position | null = null, hasMore = true; hasMore && listed <= there; ) {
        this.options.signal?.throwIfAborted();
        const order = { orderBy: DEFAULT_ORDER[kind], descending: true, after, limit: LISTED_AT_ONCE };
        const query: PageQuery<typeof kind> = { kind, integrations: null, filter: null, seq, ...order };
        const page: StorePage | undefined = await tolerantRead(this.store, () => this.store.page(query));
        listed += page?.items.length ?? 0;
        after = page?.items.at(-1)?.position ?? null;
        hasMore = page?.hasMore ?? false;
      }
      if (listed === there) continue;
      const message = `The list of records of kind ${kind} as of batch ${seq} comes to ${listed} of them, and there are ${there}.`;
      this.#findings.add('STATE_ALTERED', message, { seq, what: kind });
    }
  }

  async #checkDerived(): Promise<void> {
    for await (const { what, seq, message } of this.store.checkDerived(this.#head.seq)) {
      this.options.signal?.throwIfAborted();
      this.#findings.add('STATE_ALTERED', message, { seq, what });
    }
  }

  #say(
    code: 'STATE_ALTERED' | 'RECEIVED_ALTERED',
    revision: RevisionRecord,
    seal: number | null,
    how: string,
  ) {
    const { key, seqFrom } = revision;
    const what = `${key.integration}/${key.kind}/${key.id}`;
    const where = seal === null ? 'not sealed yet' : `seal ${seal}`;
    const message = `The version of ${what} that batch ${seqFrom} brought ${how} (${where}).`;
    this.#findings.add(code, message, { seal, seq: seqFrom, what });
  }

  #sayBroken(seq: number, seal: number | null): void {
    const message = `What batch ${seq} brought cannot be read as records any more.`;
    this.#findings.add('RECORD_ALTERED', message, { seal, seq });
  }

  #sayRoot({ index, body }: CheckedSeal): void {
    const message = `What batches ${body.fromSeq + 1} to ${body.toSeq} brought does not come to the root in seal ${index}.`;
    this.#findings.add('ROOT_DIFFERS', message, { seal: index });
  }

  #tell(seal: number, seq: number): void {
    this.options.onProgress?.({ seal, revisions: this.#revisions, seq, toSeq: this.#head.seq });
  }

  #report(sealedTo: number, readings: number): VerifyReport {
    const unsealed = Math.max(0, this.#head.seq - sealedTo);
    if (unsealed > 0) {
      this.#findings.notice(
        `${unsealed === 1 ? 'The last batch is' : `The last ${unsealed} batches are`} in no seal yet: they are held against themselves only.`,
      );
    }
    return {
      verdict: proofVerdict(this.#findings, this.#chain.count),
      subject: 'HISTORY',
      seals: this.#chain.count,
      sealedTo: this.#chain.last ? { seq: sealedTo, at: this.#chain.last.toAt } : null,
      head: this.#head,
      ...{ revisions: this.#revisions, readings, runs: this.#runs.count, unsealed },
      findingCount: this.#findings.count,
      findings: this.#findings.kept,
      notices: this.#findings.notices,
    };
  }
}

/** The newest version of a record from before a batch, where there is one that can be read. */
async function versionBefore(
  store: HistoryStore,
  key: RecordKey,
  beforeSeq: number,
): Promise<RevisionRecord | undefined> {
  const read = async () => wholeOnes(await store.revisions(key, beforeSeq, 1));
  const [revision] = (await tolerantRead(store, read)) ?? [];
  return revision;
}

/** The seals up to the `length`-th, one at a time: their lists are long. */
async function* sealsOf(
  store: HistoryStore,
  length: number,
): AsyncGenerator<[index: number, at: string | null, seal: Seal | null]> {
  for (let index = 0; index < length; ) {
    const query = { journal: 'seals', from: index, descending: false, limit: 1 } as const;
    const [entry] = (await tolerantRead(store, () => store.journal(query))) ?? [];
    if (entry && entry.index > length) return;
    index = entry?.index ?? index + 1;
    yield [index, entry?.at ?? null, entry ? sealIn(entry.body) : null];
  }
}
