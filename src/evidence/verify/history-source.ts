import { damageOf } from '../../history/errors.js';
import type { DerivedFault, HistoryStore, Pin } from '../../history/store.js';
import { OPEN_SEQ, type RevisionRecord } from '../../model/revision.js';
import { type Kind, keyText, LISTED_KINDS, type RecordKey } from '../../resources/registry.js';
import { sha256 } from '../../values/canonical-json.js';
import type { Instant } from '../../values/instant.js';
import { type Leaf, revisionLeaf, tolerantRead, walkBatches } from '../seal/leaf.js';
import { type Seal, sealIn } from '../seal/seal.js';
import type { ChainCheck, CheckedSeal } from './check-chain.js';
import { DocumentCheck, ReceivedTexts, VersionEnds } from './check-history.js';
import { AuditCheck, RunCheck, readingsBetween, readStreams, type StreamLeaves } from './check-trails.js';
import type { FindingCode, Findings } from './findings.js';
import type { ExtraCheck, Found, FoundBatch, SealedSource, VerifyOptions } from './sealed-source.js';
import { BatchCheck } from './verify-batches.js';

/** A history as a source of seals; its extra checks are of everything that it stores next to the records. */
export class HistorySource implements SealedSource {
  readonly subject = 'HISTORY';
  readonly firstSeal = 1;
  readonly extraChecks: readonly ExtraCheck[];
  readonly #runs: RunCheck;
  /** How many records of each kind are live. */
  readonly #live = new Map<Kind, number>();
  readonly #received: ReceivedTexts;
  #ends = new VersionEnds();
  #walkedTo = 0;
  #revisions = 0;

  private constructor(
    private readonly store: HistoryStore,
    private readonly findings: Findings,
    readonly chain: VerifyOptions,
    private readonly length: number,
    readonly head: Pin,
    private readonly streams: readonly StreamLeaves[],
    /** Begun before everything else: a store can check in another thread. */
    private readonly derived: Promise<readonly DerivedFault[]>,
  ) {
    this.#runs = new RunCheck(store, findings);
    this.#received = new ReceivedTexts(store, head.seq);
    const batches = new BatchCheck(store, findings, head);
    this.extraChecks = [
      { finish: (seals) => this.#finish(seals) },
      { take: (seal) => batches.compare(seal), finish: () => batches.finish(this.#revisions) },
      new DocumentCheck(store, findings),
      this.#runs,
      new AuditCheck(store, findings),
    ];
  }

  static async open(store: HistoryStore, findings: Findings, options: VerifyOptions): Promise<HistorySource> {
    // the seals before the head: what is sealed meanwhile is not looked at
    const length = await store.journalLength('seals');
    const head = await store.head();
    const derived = faultsOf(store, head.seq);
    // read when everything else was
    derived.catch(() => undefined);
    const streams = await readStreams(store, findings, head.seq);
    return new HistorySource(store, findings, options, length, head, streams, derived);
  }

  get counts() {
    const readings = this.streams.reduce((count, { leaves }) => count + leaves.length, 0);
    return { revisions: this.#revisions, readings, runs: this.#runs.count };
  }

  /** One at a time: their lists are long. */
  async *seals(): AsyncGenerator<[index: number, at: Instant | null, seal: Seal | null]> {
    for (let index = 0; index < this.length; ) {
      const query = { journal: 'seals', from: index, descending: false, limit: 1 } as const;
      const [entry] = (await tolerantRead(this.store, () => this.store.journal(query))) ?? [];
      if (entry && entry.index > this.length) return;
      index = entry?.index ?? index + 1;
      yield [index, entry?.at ?? null, entry ? sealIn(entry.body) : null];
    }
  }

  async *batches(seal: CheckedSeal): AsyncGenerator<FoundBatch> {
    const { index, body } = seal;
    const { seq } = this.head;
    if (body.toSeq > seq) {
      const lost = `The history ends with batch ${seq}, and seal ${index} covers batches up to ${body.toSeq}: its end was cut off.`;
      this.findings.add('TRUNCATED', lost, { seal: index, seq });
    } else await this.#checkInstant(seal);
    await this.#walkUnsealed(Math.min(body.fromSeq, seq), index);
    yield* this.#walk(Math.min(body.toSeq, seq), index, seal);
  }

  async readings({ body }: CheckedSeal): Promise<Found> {
    return readingsBetween(this.streams, body.fromSeq, body.toSeq);
  }

  async #finish({ lastIndex }: ChainCheck): Promise<void> {
    await this.#walkUnsealed(this.head.seq, lastIndex);
    await this.#checkEnds();
    await this.#checkCounts();
    // what follows needs the room
    this.#ends = new VersionEnds();
    for (const { what, seq, message } of await this.derived) {
      this.chain.signal?.throwIfAborted();
      this.findings.add('STATE_ALTERED', message, { seq, what });
    }
  }

  async #checkInstant({ index, body: { toSeq, toAt } }: CheckedSeal): Promise<void> {
    const pin = await this.store.pinAt(toAt);
    if (pin.seq === toSeq && pin.at === toAt) return;
    const message = `Batch ${toSeq} was recorded at ${toAt} according to seal ${index}; in its place the history has batch ${pin.seq} of ${pin.at}.`;
    this.findings.add('STATE_ALTERED', message, { seal: index, seq: toSeq });
  }

  /** Checks the batches up to `toSeq` that no seal covers. */
  async #walkUnsealed(toSeq: number, lastSeal: number): Promise<void> {
    for await (const { seq, isBroken } of this.#walk(toSeq, lastSeal, null)) {
      if (isBroken) this.findings.broken(seq, null);
    }
  }

  /** Every batch up to `toSeq` that was not walked yet, each checked once it was compared with its seal. */
  async *#walk(toSeq: number, lastSeal: number, seal: CheckedSeal | null): AsyncGenerator<FoundBatch> {
    for await (const { seq, isBroken = false, ...found } of walkBatches(this.store, this.#walkedTo, toSeq)) {
      this.chain.signal?.throwIfAborted();
      const revisions = isBroken ? await this.#readOneByOne(seq, seal) : found.revisions;
      const damaged = new Set(found.damaged.map(({ key }) => keyText(key)));
      const isUnreadable = ({ name }: Leaf) => damaged.has(keyText(keyOf(name)));
      yield { seq, isBroken, leaves: revisions.map(revisionLeaf), isUnreadable };
      const index = seal?.index ?? null;
      for (const revision of found.damaged) this.#say('RECORD_ALTERED', revision, index, DAMAGED);
      await this.#checkBatch(found.revisions, found.damaged, index);
      this.chain.onProgress?.({ seal: lastSeal, revisions: this.#revisions, seq, toSeq: this.head.seq });
    }
    this.#walkedTo = Math.max(this.#walkedTo, toSeq);
  }

  /** The listed revisions of a batch that can be read by themselves, if the batch cannot. */
  async #readOneByOne(seq: number, seal: CheckedSeal | null): Promise<RevisionRecord[]> {
    const found: RevisionRecord[] = [];
    for (const { name } of seal?.list?.revisions.filter((leaf) => leaf.seq === seq) ?? []) {
      const revision = await this.#versionBefore(keyOf(name), seq + 1);
      if (revision?.seqFrom === seq && !damageOf(revision)) found.push(revision);
    }
    return found;
  }

  /** The newest version of a record from before a batch, if there is one and the store can read it. */
  async #versionBefore(key: RecordKey, beforeSeq: number): Promise<RevisionRecord | undefined> {
    return (await tolerantRead(this.store, () => this.store.revisions(key, beforeSeq, 1)))?.[0];
  }

  async #checkBatch(
    whole: readonly RevisionRecord[],
    damaged: readonly RevisionRecord[],
    seal: number | null,
  ): Promise<void> {
    const revisions = [...whole, ...damaged];
    for (const revision of revisions) {
      this.#revisions += 1;
      this.#countLive(revision);
      if (await this.#isToCome(revision)) {
        const how = `ends with batch ${revision.seqTo}, which does not exist yet`;
        this.#say('STATE_ALTERED', revision, seal, how);
      }
      if (this.#ends.follows(revision, this.head.seq)) continue;
      this.#say('STATE_ALTERED', revision, seal, 'does not begin when the version before it ended');
    }
    for (const revision of revisions) await this.#checkReceived(revision, seal);
  }

  #countLive({ key, seqFrom, seqTo, deleted }: RevisionRecord): void {
    const { seq } = this.head;
    if (!deleted && seqFrom <= seq && seqTo > seq)
      this.#live.set(key.kind, (this.#live.get(key.kind) ?? 0) + 1);
  }

  /** Whether a version is stored as ending with a batch that does not exist; one may have been recorded meanwhile. */
  async #isToCome({ seqTo }: RevisionRecord): Promise<boolean> {
    if (seqTo <= this.head.seq || seqTo === OPEN_SEQ) return false;
    return seqTo > (await this.store.head()).seq;
  }

  async #checkReceived(revision: RevisionRecord, seal: number | null): Promise<void> {
    const text = await this.#received.of(revision);
    if (typeof text !== 'string') this.#say('RECEIVED_ALTERED', revision, seal, 'has lost the text received');
    else if (sha256(text) !== revision.digest) {
      this.#say('RECEIVED_ALTERED', revision, seal, 'has a received text that does not match its digest');
    }
  }

  /** Names versions that are stored as ended though none follows. */
  async #checkEnds(): Promise<void> {
    if (!this.#ends.hasEnded) return;
    const { seq } = this.head;
    for await (const { revisions, damaged } of walkBatches(this.store, 0, seq)) {
      for (const revision of [...revisions, ...damaged]) {
        if (revision.seqTo > seq || !this.#ends.isLastEnded(revision.key)) continue;
        const next = await this.#versionBefore(revision.key, revision.seqTo + 1);
        if (next?.seqFrom === revision.seqTo && revision.seqTo > revision.seqFrom) continue;
        const how = `ends with batch ${revision.seqTo}, which contains no newer version`;
        this.#say('STATE_ALTERED', revision, null, how);
      }
    }
  }

  /** The store computes counts from a table of their own. */
  async #checkCounts(): Promise<void> {
    for (const kind of LISTED_KINDS) {
      const count = await this.store.count({ kind, integrations: null, filter: null, seq: this.head.seq });
      const live = this.#live.get(kind) ?? 0;
      if (count === live) continue;
      const message = `The history counts ${count} records of kind ${kind}, and has ${live}.`;
      this.findings.add('STATE_ALTERED', message, { what: kind });
    }
  }

  #say(code: FindingCode, { key, seqFrom }: RevisionRecord, seal: number | null, how: string): void {
    const where = seal === null ? 'not sealed yet' : `seal ${seal}`;
    this.findings.version(code, key, seqFrom, `${how} (${where})`, seal);
  }
}

async function faultsOf(store: HistoryStore, seq: number): Promise<DerivedFault[]> {
  const faults: DerivedFault[] = [];
  for await (const fault of store.checkDerived(seq)) faults.push(fault);
  return faults;
}

const DAMAGED = 'is damaged: its stored record is missing or cannot be parsed';

function keyOf([kind, integration = '', id = '']: readonly string[]): RecordKey {
  return { integration, kind: kind as Kind, id };
}
