import type { HistoryStore, Pin } from '../../history/store.js';
import type { RecordedEntry } from '../../model/ledger.js';
import type { RevisionRecord } from '../../model/revision.js';
import type { Stream } from '../../model/stream.js';
import type { Kind } from '../../resources/registry.js';
import { type Instant, shift } from '../../values/instant.js';
import { factsLeaf, type Leaf, ledgerLeaf, revisionFacts, walkBatches } from '../seal/leaf.js';
import { type LeafList, lastThat, type Seal, type SealBody, storedSeal, unpackLeaves } from '../seal/seal.js';
import { sealedRun, streamNamed, wholeLedger } from '../seal/seal-content.js';
import { type PublicJwk, pemOf } from '../seal/signing-key.js';
import { isPacked, PACKED, type PackManifest } from './pack-format.js';
import type { PackPart, WriteText } from './tar.js';

export class PackError extends Error {
  override readonly name = 'PackError';
}

interface PackSpan {
  readonly from: Instant;
  /** It must be sealed. */
  readonly pin: Pin;
  readonly integrations: readonly string[] | null;
}

interface PackProgress {
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((revisions: number) => void) | undefined;
}

export async function lastSealed(store: HistoryStore): Promise<Pin | null> {
  const body = (await storedSeal(store, null))?.body;
  return body ? { seq: body.toSeq, at: body.toAt } : null;
}

/**
 * The parts of a pack that can be checked against seals: everything that was recorded since the span's beginning, from
 * the seal that covers it on, up to the view. Throws a `PackError` when part of that is in no seal, and while it is
 * written when something is not as it was sealed.
 */
export class PackedHistory {
  readonly #keys = new Map<string, PublicJwk>();
  #counts = { revisions: 0, readings: 0, runs: 0 };
  #lastHash = '';

  private constructor(
    private readonly store: HistoryStore,
    private readonly span: PackSpan,
    private readonly first: number,
    private readonly last: number,
    private readonly progress: PackProgress,
  ) {}

  static async open(
    store: HistoryStore,
    span: PackSpan,
    progress: PackProgress = {},
  ): Promise<PackedHistory> {
    const [before, length] = await Promise.all([
      store.pinAt(shift(span.from, -1)),
      store.journalLength('seals'),
    ]);
    const { seq } = span.pin;
    if (length === 0)
      throw new PackError('Nothing is sealed yet. Run “poll --once”, which collects and seals.');
    const last = await firstSealTo(store, length, seq);
    if (last === null) {
      throw new PackError(
        `Batch ${seq} of ${span.pin.at} is not sealed yet. Pass an earlier --as-of, or wait for the next poll.`,
      );
    }
    const first = (await firstSealTo(store, length, Math.min(before.seq + 1, seq))) ?? last;
    return new PackedHistory(store, span, first, last, progress);
  }

  /** Known when the parts are written. */
  get facts(): Pick<PackManifest, 'seals' | 'counts'> {
    const { first, last } = this;
    return { seals: { first, last, lastHash: this.#lastHash }, counts: this.#counts };
  }

  /** Whether some seals are signed; known when they are written. */
  get isSigned(): boolean {
    return this.#keys.size > 0;
  }

  /** In the order in which they must be written. */
  parts(): PackPart[] {
    return [
      { name: PACKED.seals, write: (write) => this.#writeSeals(write) },
      { name: PACKED.revisions, write: (write) => this.#writeRevisions(write) },
      { name: PACKED.ledger, write: (write) => this.#writeLedger(write) },
      { name: PACKED.runs, write: (write) => this.#writeRuns(write) },
      {
        name: PACKED.keys,
        write: (write) => write(`${JSON.stringify({ keys: [...this.#keys.values()] })}\n`),
      },
    ];
  }

  /** The keys of the seals as PEM, for standard tools; known when the seals are written. */
  pemPart(): PackPart {
    return {
      name: 'public-keys.pem',
      write: (write) => write([...this.#keys.values()].map(pemOf).join('')),
    };
  }

  async *#seals(): AsyncGenerator<{ seal: Seal; body: SealBody; list: LeafList }> {
    for (let index = this.first; index <= this.last; index++) {
      this.progress.signal?.throwIfAborted();
      const { seal, body } = await readSeal(this.store, index);
      const list = await unpackLeaves(seal.leaves);
      if (!list) throw altered(`The list of seal ${index}`);
      yield { seal, body, list };
    }
  }

  async #writeSeals(write: WriteText): Promise<void> {
    for await (const { seal, body } of this.#seals()) {
      if (body.key) this.#keys.set(body.key.kid, body.key);
      this.#lastHash = seal.hash;
      await write(`${JSON.stringify({ index: body.index, ...seal })}\n`);
    }
  }

  async #writeRevisions(write: WriteText): Promise<void> {
    for await (const { body, list } of this.#seals()) {
      const wanted = list.revisions.filter((leaf) => this.#isWanted(leaf, leaf.name[1] ?? ''));
      let next = 0;
      const toSeq = Math.min(body.toSeq, this.span.pin.seq);
      for await (const { revisions } of walkBatches(this.store, body.fromSeq, toSeq)) {
        this.progress.signal?.throwIfAborted();
        const own = revisions.filter(({ key }) => isPacked(this.span, key.integration));
        const lines = await Promise.all(own.map((revision) => this.#line(revision)));
        for (const { leaf } of lines) {
          if (wanted[next++]?.hash !== leaf.hash) throw altered(`A version of ${leaf.name.join(' ')}`);
        }
        await write(lines.map(({ text }) => text).join(''));
        this.#counts.revisions += lines.length;
        this.progress.onProgress?.(this.#counts.revisions);
      }
      if (next !== wanted.length) throw altered(`What seal ${body.index} covers`);
    }
  }

  #isWanted({ seq }: Leaf, integration: string): boolean {
    return seq <= this.span.pin.seq && isPacked(this.span, integration);
  }

  async #line(revision: RevisionRecord<Kind>): Promise<{ leaf: Leaf; text: string }> {
    const received = await this.store.received(revision.key, revision.seqFrom);
    if (received === null) throw altered(`What was received of ${revision.key.id}`);
    const facts = revisionFacts(revision);
    return { leaf: factsLeaf(facts), text: `${JSON.stringify({ ...facts, received })}\n` };
  }

  async #writeLedger(write: WriteText): Promise<void> {
    const ledgers = new Map<string, ReadonlyMap<number, RecordedEntry[]>>();
    for await (const { list } of this.#seals()) {
      for (const leaf of list.ledger) {
        const [name = '', , , place = ''] = leaf.name;
        const stream = streamNamed(name);
        if (!stream || !this.#isWanted(leaf, stream.integration)) continue;
        const entries = ledgers.get(name) ?? (await this.#ledger(stream));
        ledgers.set(name, entries);
        const entry = entries.get(leaf.seq)?.[Number(place)];
        if (!entry || ledgerLeaf(entry, Number(place)).hash !== leaf.hash)
          throw altered(`A reading of ${name}`);
        await write(`${JSON.stringify({ place: Number(place), entry })}\n`);
        this.#counts.readings += 1;
      }
    }
  }

  async #ledger(stream: Stream): Promise<ReadonlyMap<number, RecordedEntry[]>> {
    const bySeq = new Map<number, RecordedEntry[]>();
    for (const entry of await wholeLedger(this.store, stream, this.span.pin.seq)) {
      const others = bySeq.get(entry.seq);
      if (others) others.push(entry);
      else bySeq.set(entry.seq, [entry]);
    }
    return bySeq;
  }

  async #writeRuns(write: WriteText): Promise<void> {
    const last = new Map<string, SealBody['runs'][number]>();
    for await (const { body } of this.#seals()) for (const run of body.runs) last.set(run.id, run);
    for (const { id, integration, digest, status } of last.values()) {
      if (!isPacked(this.span, integration)) continue;
      const run = await this.store.run(id);
      const isSame = run !== null && sealedRun(run).digest === digest;
      // a run that was marked as interrupted and went on is sealed again by a later seal
      if (!isSame && status === 'INTERRUPTED') continue;
      if (!isSame) throw altered(`Run ${id}`);
      await write(`${JSON.stringify(run)}\n`);
      this.#counts.runs += 1;
    }
  }
}

function altered(what: string): PackError {
  return new PackError(
    `${what} was altered after it was sealed, so no pack can be made of it. Run “verify”.`,
  );
}

async function firstSealTo(store: HistoryStore, length: number, seq: number): Promise<number | null> {
  const isBefore = async (n: number) => (await readSeal(store, n)).body.toSeq < seq;
  const before = await lastThat(0, length, isBefore);
  return before < length ? before + 1 : null;
}

async function readSeal(store: HistoryStore, index: number): Promise<{ seal: Seal; body: SealBody }> {
  const { seal, body } = (await storedSeal(store, index)) ?? {};
  if (!seal || !body) throw altered(`Seal ${index}`);
  return { seal, body };
}
