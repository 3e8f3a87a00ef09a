import type { Pin } from '../../history/store.js';
import type { RunRecord } from '../../model/run.js';
import { sha256 } from '../../values/canonical-json.js';
import {
  isPacked,
  PACKED,
  type PackedReading,
  type PackedRevision,
  type PackManifest,
} from '../pack/pack-format.js';
import { factsLeaf, type Leaf, ledgerLeaf } from '../seal/leaf.js';
import type { Seal, SealBody } from '../seal/seal.js';
import { sealedRun } from '../seal/seal-content.js';
import type { ChainCheck, ChainOptions, CheckedSeal } from './check-chain.js';
import type { Findings } from './findings.js';
import { PackArchive } from './pack-archive.js';
import type { ExtraCheck, Found, FoundBatch, SealedSource, VerifyOptions } from './sealed-source.js';

/** A pack as a source of seals; its extra checks are of its manifest. */
export class PackSource implements SealedSource {
  readonly subject = 'PACK';
  readonly head: Pin;
  readonly chain: ChainOptions;
  readonly firstSeal: number;
  readonly extraChecks: readonly ExtraCheck[] = [
    { finish: () => this.#checkRest() },
    { take: ({ body }) => this.#takeRuns(body), finish: () => this.#checkRuns() },
    { finish: () => this.#checkEnd() },
    { finish: () => this.#checkCounts() },
    { finish: (chain) => this.#checkSigner(chain) },
  ];
  readonly only = ({ seq }: Leaf, integration: string) =>
    seq <= this.manifest.seq && isPacked(this.manifest, integration);
  readonly counts = { revisions: 0, readings: 0, runs: 0 };
  readonly #revisions: Rows<PackedRevision>;
  readonly #readings: Rows<PackedReading>;
  readonly #runs = new Map<string, SealBody['runs'][number]>();
  #last: { readonly index: number; readonly hash: string } | null = null;

  private constructor(
    private readonly archive: PackArchive,
    private readonly manifest: PackManifest,
    private readonly findings: Findings,
    private readonly options: VerifyOptions,
  ) {
    const { seq, asOf, seals, key } = manifest;
    this.head = { seq, at: asOf };
    this.firstSeal = seals.first;
    // a signed manifest names the last seal, and so proves all of them
    this.chain = { ...options, mustBeSigned: options.mustBeSigned && key === null, held: this.#heldWithin() };
    const revisions = archive.rows<PackedRevision>(PACKED.revisions, ({ seqFrom }) => isSeq(seqFrom));
    const readings = archive.rows<PackedReading>(
      PACKED.ledger,
      ({ entry }) => isSeq(entry?.seq) && typeof entry?.from === 'string',
    );
    this.#revisions = new Rows(revisions, ({ seqFrom }) => seqFrom);
    this.#readings = new Rows(readings, ({ entry }) => entry.seq);
  }

  /** `null` if the pack has no manifest that can be read. */
  static async open(
    path: string,
    folder: string,
    findings: Findings,
    options: VerifyOptions,
  ): Promise<PackSource | null> {
    const archive = await PackArchive.open(path, folder, findings, options);
    const manifest = await archive.manifest();
    return manifest && new PackSource(archive, manifest, findings, options);
  }

  async *seals(): AsyncGenerator<[index: number, at: null, seal: Seal | null]> {
    let index = this.firstSeal - 1;
    for await (const line of this.archive.rows<Seal & { index: number }>(PACKED.seals)) {
      const { text, hash, signature, leaves } = line;
      const isSeal = [text, hash, leaves].every((part) => typeof part === 'string');
      index = isSeq(line.index) && line.index > index ? line.index : index + 1;
      this.#last = { index, hash: isSeal ? sha256(text) : '' };
      yield [index, null, isSeal ? { text, hash, signature, leaves } : null];
    }
  }

  async *batches({ index, body }: CheckedSeal): AsyncGenerator<FoundBatch> {
    const next = () => this.#revisions.batch(body.toSeq);
    for (let rows = await next(); rows !== null; rows = await next()) {
      const leaves = rows.map((row) => this.#revision(row, index));
      const seq = leaves[0]?.seq ?? 0;
      yield { seq, leaves };
      const { revisions } = this.counts;
      this.options.onProgress?.({ seal: index, revisions, seq, toSeq: this.manifest.seq });
    }
  }

  async readings({ body }: CheckedSeal): Promise<Found> {
    const leaves: Leaf[] = [];
    // a seal's readings are stream by stream, each in the order of batches
    const next = () => this.#readings.row(body.fromSeq, body.toSeq);
    for (let row = await next(); row !== null; row = await next()) {
      leaves.push(ledgerLeaf(row.entry, row.place));
    }
    this.counts.readings += leaves.length;
    return { leaves };
  }

  #revision({ received, ...facts }: PackedRevision, seal: number): Leaf {
    this.counts.revisions += 1;
    if (typeof received !== 'string' || sha256(received) !== facts.digest) {
      const how = `has a received text that does not match its digest (seal ${seal})`;
      this.findings.version('RECEIVED_ALTERED', facts, facts.seqFrom, how, seal);
    }
    return factsLeaf(facts);
  }

  /** Seals that must be in the pack: those of its span, and those whose index is not known. */
  #heldWithin(): ChainOptions['held'] {
    const { first, last } = this.manifest.seals;
    const { held } = this.options;
    if (held.some(({ index }) => index !== null && index > last)) {
      const later = `You hold later seals than the last of the pack, seal ${last}: they are not looked for.`;
      this.findings.notice(later);
    }
    return held.filter(({ index }) => index === null || (index >= first && index <= last));
  }

  async #checkRest(): Promise<void> {
    const revision = () => this.#revisions.row();
    for (let row = await revision(); row !== null; row = await revision()) {
      this.findings.version('RECORD_ADDED', row, row.seqFrom, 'is in no seal');
    }
    const reading = () => this.#readings.row();
    for (let row = await reading(); row !== null; row = await reading()) {
      const message = 'A reading is in no seal.';
      this.findings.add('READING_ADDED', message, { seq: row.entry.seq });
    }
  }

  #takeRuns({ runs }: SealBody): void {
    for (const run of runs) if (isPacked(this.manifest, run.integration)) this.#runs.set(run.id, run);
  }

  async #checkRuns(): Promise<void> {
    for await (const run of this.archive.rows<RunRecord>(PACKED.runs, ({ id }) => typeof id === 'string')) {
      this.counts.runs += 1;
      const known = this.#runs.get(run.id);
      this.#runs.delete(run.id);
      const about = { what: run.id };
      if (!known) this.findings.add('RUN_ADDED', `Run ${run.id} was added: no seal knows it.`, about);
      else if (sealedRun(run).digest !== known.digest) {
        this.findings.add('RUN_ALTERED', `Run ${run.id} was altered.`, about);
      }
    }
    for (const { id, status } of this.#runs.values()) {
      if (status !== 'INTERRUPTED') this.findings.add('RUN_MISSING', `Run ${id} is missing.`, { what: id });
    }
  }

  #checkEnd(): void {
    const { last, lastHash } = this.manifest.seals;
    if (this.#last?.index === last && this.#last.hash === lastHash) return;
    const message = `The pack ends with seal ${this.#last?.index ?? 'none'}, but its manifest names seal ${last} (${lastHash}).`;
    this.findings.add('TRUNCATED', message, { seal: last });
  }

  #checkCounts(): void {
    for (const name of ['revisions', 'readings', 'runs'] as const) {
      const [said, found] = [this.manifest.counts[name], this.counts[name]];
      if (said === found) continue;
      const what = name === 'readings' ? PACKED.ledger : PACKED[name];
      const message = `${what} has ${found} readable lines, but the manifest says ${said}.`;
      this.findings.add('TRUNCATED', message, { what });
    }
  }

  /**
   * The manifest against the seals: a report can be replaced, and its manifest made again and signed with another key
   * or with none, but the seals cannot be signed again. A key from elsewhere proves by itself, also for older seals.
   */
  #checkSigner({ signers }: ChainCheck): void {
    const { key } = this.manifest;
    const about = { what: PACKED.signature };
    if (key === null) {
      if (signers.size === 0) return;
      const message =
        'The manifest is not signed, but seals of the pack are: its signature was removed, or it was replaced.';
      this.findings.add('MANIFEST_ALTERED', message, about);
    } else if (!signers.has(key.kid)) {
      const message = `The manifest is signed by the key ${key.kid}, which signs none of the seals of the pack`;
      const isGiven = this.options.publicKeys?.some(({ x }) => x === key.x) ?? false;
      if (isGiven) this.findings.notice(`${message}: it is among the keys given.`);
      else this.findings.add('SEAL_UNKNOWN_KEY', `${message}: it may be anyone’s.`, about);
    }
  }
}

function isSeq(value: unknown): value is number {
  return Number.isSafeInteger(value);
}

/** Rows of a file in their order, taken as far as a seal reaches. */
class Rows<T extends object> {
  #next: T | null = null;

  constructor(
    private readonly rows: AsyncIterator<T>,
    private readonly seqOf: (row: T) => number,
  ) {}

  /** The next row, if its batch is in `(fromSeq, toSeq]`. */
  async row(fromSeq = Number.NEGATIVE_INFINITY, toSeq = Number.POSITIVE_INFINITY): Promise<T | null> {
    if (this.#next === null) {
      const { value, done } = await this.rows.next();
      this.#next = done ? null : value;
    }
    const row = this.#next;
    if (row === null || this.seqOf(row) <= fromSeq || this.seqOf(row) > toSeq) return null;
    this.#next = null;
    return row;
  }

  /** The next rows that are of one batch, if it is no later than `toSeq`. */
  async batch(toSeq: number): Promise<T[] | null> {
    const rows: T[] = [];
    for (let row = await this.row(undefined, toSeq); row !== null; ) {
      rows.push(row);
      const seq = this.seqOf(row);
      row = await this.row(seq - 1, seq);
    }
    return rows.length === 0 ? null : rows;
  }
}
