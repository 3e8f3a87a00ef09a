import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { open, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { makeTemporaryFolder, removeTemporaryFolder } from '../../history/temporary-files.js';
import type { RecordedEntry } from '../../model/ledger.js';
import type { RunRecord } from '../../model/run.js';
import { sha256 } from '../../values/canonical-json.js';
import {
  isPacked,
  isReceived,
  PACKED,
  type PackedReading,
  type PackedRevision,
  type PackFile,
  type PackManifest,
  packedLeaf,
  readPackManifest,
} from '../pack/pack-format.js';
import { readTar, TarError } from '../pack/tar.js';
import { sealedRun } from '../seal/ended-runs.js';
import { type Leaf, ledgerLeaf } from '../seal/leaf.js';
import type { Seal, SealBody } from '../seal/seal.js';
import { isSignedBy, signingKeyId } from '../seal/signing-key.js';
import { streamNamed } from '../seal/stream-coverage.js';
import { ChainCheck, type ChainOptions, type CheckedSeal } from './check-chain.js';
import { compareLeaves, LeafCursor } from './compare-leaves.js';
import { Findings, proofVerdict, type VerifyReport } from './findings.js';
import type { VerifyOptions } from './verify.js';

/**
 * Holds a pack against its manifest, and what it has of the history against its seals, without the history. What is
 * read is laid aside in a folder of its own meanwhile. Rejects when the file cannot be read at all.
 */
export async function verifyPack(path: string, options: VerifyOptions): Promise<VerifyReport> {
  const folder = makeTemporaryFolder();
  try {
    return await new PackCheck(path, folder, options).run();
  } finally {
    removeTemporaryFolder(folder);
  }
}

/** Files that are looked into; of the others the hash is enough. */
const READ: readonly string[] = Object.values(PACKED);
const MOST_MANIFEST = 64 * 1024 * 1024;

class PackCheck {
  readonly #findings = new Findings();
  readonly #found: PackFile[] = [];
  readonly #runs = new Map<string, SealBody['runs'][number]>();
  #revisions = 0;
  #readings = 0;
  #runCount = 0;

  constructor(
    private readonly path: string,
    private readonly folder: string,
    private readonly options: VerifyOptions,
  ) {}

  async run(): Promise<VerifyReport> {
    await this.#unpack();
    const text = await this.#text(PACKED.manifest);
    const manifest = text === null ? null : readPackManifest(text);
    if (text === null)
      this.#findings.add('FILE_MISSING', 'The pack has no manifest.', { what: PACKED.manifest });
    else if (manifest === null) {
      this.#findings.add('MANIFEST_ALTERED', 'The manifest is not one of a pack.', { what: PACKED.manifest });
    } else {
      await this.#checkSignature(manifest, text);
      this.#checkFiles(manifest);
      return this.#checkHistory(manifest);
    }
    return this.#report(null, null);
  }

  async #unpack(): Promise<void> {
    try {
      for await (const { name, size, content } of readTar(createReadStream(this.path))) {
        this.options.signal?.throwIfAborted();
        this.#found.push({ name, size, sha256: await this.#lay(name, content) });
      }
    } catch (error) {
      if (!(error instanceof TarError)) throw error;
      this.#findings.add('PACK_UNREADABLE', `The archive is not as it was written: ${error.message}.`, {
        what: this.#found.at(-1)?.name ?? null,
      });
    }
  }

  async #lay(name: string, content: AsyncIterable<Buffer>): Promise<string> {
    const hash = createHash('sha256');
    const isRead = READ.includes(name) && !this.#found.some((file) => file.name === name);
    const file = isRead ? await open(join(this.folder, name), 'w') : null;
    try {
      for await (const piece of content) {
        hash.update(piece);
        await file?.writeFile(piece);
      }
    } finally {
      await file?.close();
    }
    return hash.digest('hex');
  }

  async #text(name: string): Promise<string | null> {
    const file = this.#found.find((found) => found.name === name);
    if (!file || file.size > MOST_MANIFEST) return null;
    return readFile(join(this.folder, name), 'utf8');
  }

  async #checkSignature({ key }: PackManifest, text: string): Promise<void> {
    const about = { what: PACKED.signature };
    const file = this.#found.find(({ name }) => name === PACKED.signature);
    const { publicKeys, mustBeSigned } = this.options;
    if (key === null) {
      if (file)
        this.#findings.add('MANIFEST_ALTERED', 'The manifest is signed, and says that it is not.', about);
      const words =
        'The manifest is not signed: what no seal covers, such as the reports, could have been replaced.';
      if (mustBeSigned) this.#findings.add('SEAL_NOT_SIGNED', words, about);
      else this.#findings.notice(words);
      return;
    }
    const known = publicKeys === null ? key : publicKeys.find(({ x }) => x === key.x);
    const signature = file ? (await readFile(join(this.folder, PACKED.signature))).toString('base64') : null;
    if (signature === null)
      this.#findings.add('FILE_MISSING', 'The signature of the manifest is gone.', about);
    else if (!known || signingKeyId(key) !== key.kid) {
      const message = `The manifest names the key ${key.kid}, which is not among those given.`;
      this.#findings.add('SEAL_UNKNOWN_KEY', message, about);
    } else if (!isSignedBy(known, text, signature)) {
      this.#findings.add(
        'MANIFEST_ALTERED',
        'The signature of the manifest is not that of its key over it.',
        about,
      );
    }
    if (publicKeys === null) {
      this.#findings.notice(`The manifest is signed by the key ${key.kid}, which it names itself.`);
    }
  }

  /** Every file against what the manifest says, in its order. */
  #checkFiles({ files, key }: PackManifest): void {
    const before = key ? [PACKED.manifest, PACKED.signature] : [PACKED.manifest];
    const expected: readonly (string | PackFile)[] = [...before, ...files];
    const nameOf = (file: string | PackFile) => (typeof file === 'string' ? file : file.name);
    for (const file of expected) {
      const found = this.#found.find(({ name }) => name === nameOf(file));
      const what = nameOf(file);
      if (!found) {
        if (what !== PACKED.signature) this.#findings.add('FILE_MISSING', `${what} is missing.`, { what });
      } else if (typeof file !== 'string' && (found.sha256 !== file.sha256 || found.size !== file.size)) {
        this.#findings.add('FILE_ALTERED', `${what} is not the file that the manifest names.`, { what });
      }
    }
    for (const [i, { name }] of this.#found.entries()) {
      const isKnown = expected.some((file) => nameOf(file) === name);
      const isTwice = this.#found.findIndex((file) => file.name === name) !== i;
      if (!isKnown || isTwice)
        this.#findings.add('FILE_ADDED', `${name} is not in the manifest.`, { what: name });
    }
    const inOrder = this.#found
      .map(({ name }) => name)
      .filter((name) => expected.some((f) => nameOf(f) === name));
    const isMoved = inOrder.some(
      (name, i) => i > 0 && indexIn(expected, name) < indexIn(expected, inOrder[i - 1]),
    );
    if (isMoved)
      this.#findings.add('FILE_ALTERED', 'The files are in another order than the manifest has them.');
  }

  async #checkHistory(manifest: PackManifest): Promise<VerifyReport> {
    // a signed manifest names the last seal, and so vouches for all of them
    const mustBeSigned = this.options.mustBeSigned && manifest.key === null;
    const options = { ...this.options, mustBeSigned, held: this.#heldWithin(manifest) };
    const chain = new ChainCheck(this.#findings, options, manifest.seals.first);
    const revisions = new Rows(this.#lines<PackedRevision>(PACKED.revisions), ({ seqFrom }) => seqFrom);
    const readings = new Rows(this.#lines<PackedReading>(PACKED.ledger), ({ entry }) => entry.seq);
    let last: { index: number; hash: string } | null = null;
    for await (const [index, seal] of this.#seals(manifest.seals.first)) {
      this.options.signal?.throwIfAborted();
      const checked = await chain.take(index, null, seal);
      last = { index, hash: seal ? sha256(seal.text) : '' };
      if (checked) await this.#checkSeal(checked, manifest, revisions, readings);
    }
    await this.#checkRest(revisions, readings);
    await this.#checkRuns(manifest);
    const { seals, counts } = manifest;
    if (last?.index !== seals.last || last.hash !== seals.lastHash) {
      const message = `The pack ends with seal ${last?.index ?? 'none'}, and its manifest says seal ${seals.last} (${seals.lastHash}).`;
      this.#findings.add('TRUNCATED', message, { seal: seals.last });
    }
    this.#checkCounts(counts);
    this.#checkSigner(manifest, chain.signers);
    chain.finish();
    return this.#report(manifest, chain.last && last ? { chain, count: last.index - seals.first + 1 } : null);
  }

  /**
   * The manifest against the seals: whoever replaces a report can make a manifest anew and sign it with a key of his
   * own, or with none, but cannot sign the seals. A key had from elsewhere vouches by itself, also for older seals.
   */
  #checkSigner({ key }: PackManifest, signers: ReadonlySet<string>): void {
    const about = { what: PACKED.signature };
    if (key === null) {
      if (signers.size === 0) return;
      const message =
        'The manifest is not signed, and seals of the pack are: its signature was taken away, or it was made anew.';
      this.#findings.add('MANIFEST_ALTERED', message, about);
    } else if (!signers.has(key.kid)) {
      const message = `The manifest is signed by the key ${key.kid}, which signs none of the seals of the pack`;
      const isGiven = this.options.publicKeys?.some(({ x }) => x === key.x) ?? false;
      if (isGiven) this.#findings.notice(`${message}: it is among the keys given.`);
      else this.#findings.add('SEAL_UNKNOWN_KEY', `${message}: it may be anybody's.`, about);
    }
  }

  /** Seals that must be in the pack: those of its span, and those whose place is not known. */
  #heldWithin({ seals: { first, last } }: PackManifest): ChainOptions['held'] {
    const { held } = this.options;
    if (held.some(({ index }) => index !== null && index > last)) {
      this.#findings.notice(
        `You hold later seals than the last of the pack, seal ${last}: they are not looked for.`,
      );
    }
    return held.filter(({ index }) => index === null || (index >= first && index <= last));
  }

  async #checkSeal(
    { index, body, list }: CheckedSeal,
    manifest: PackManifest,
    revisions: Rows<PackedRevision>,
    readings: Rows<PackedReading>,
  ): Promise<void> {
    for (const run of body.runs) if (isPacked(manifest, run.integration)) this.#runs.set(run.id, run);
    const isWanted = (leaf: Leaf, integration: string) =>
      leaf.seq <= manifest.seq && isPacked(manifest, integration);
    const wanted = list?.revisions.filter((leaf) => isWanted(leaf, leaf.name[1] ?? ''));
    const cursor = wanted ? new LeafCursor(wanted) : null;
    for (;;) {
      const group = await revisions.next(body.toSeq);
      if (group === null) break;
      const leaves = group.map((row) => this.#revision(row, index));
      const seq = leaves[0]?.seq ?? 0;
      while (cursor && cursor.seq !== null && cursor.seq < seq) {
        compareLeaves(this.#findings, 'RECORD', index, cursor.take(), []);
      }
      const listed = cursor?.seq === seq ? cursor.take() : [];
      if (cursor) compareLeaves(this.#findings, 'RECORD', index, listed, leaves);
      this.options.onProgress?.({ seal: index, revisions: this.#revisions, seq, toSeq: manifest.seq });
    }
    while (cursor && cursor.seq !== null) compareLeaves(this.#findings, 'RECORD', index, cursor.take(), []);
    const found: Leaf[] = [];
    for (;;) {
      // a seal's readings are stream by stream, each in the order of batches
      const row = await readings.one(body.fromSeq, body.toSeq);
      if (row === null) break;
      this.#readings += 1;
      found.push(ledgerLeaf(row.entry, row.place));
    }
    if (!list) return;
    const listed = list.ledger.filter((leaf) =>
      isWanted(leaf, streamNamed(leaf.name[0] ?? '')?.integration ?? ''),
    );
    compareLeaves(this.#findings, 'READING', index, listed, found);
  }

  #revision(row: PackedRevision, seal: number): Leaf {
    this.#revisions += 1;
    const leaf = packedLeaf(row);
    if (!isReceived(row)) {
      const what = `${row.integration}/${row.kind}/${row.id}`;
      const message = `The version of ${what} that batch ${row.seqFrom} brought has another received text than its digest says (seal ${seal}).`;
      this.#findings.add('RECEIVED_ALTERED', message, { seal, seq: row.seqFrom, what });
    }
    return leaf;
  }

  /** Lines that no seal's turn came for. */
  async #checkRest(revisions: Rows<PackedRevision>, readings: Rows<PackedReading>): Promise<void> {
    for (let group = await revisions.next(Infinity); group !== null; group = await revisions.next(Infinity)) {
      for (const { integration, kind, id, seqFrom } of group) {
        const what = `${integration}/${kind}/${id}`;
        const message = `The version of ${what} that batch ${seqFrom} brought stands where no seal covers it.`;
        this.#findings.add('RECORD_ADDED', message, { seq: seqFrom, what });
      }
    }
    for (let row = await readings.one(-1, Infinity); row !== null; row = await readings.one(-1, Infinity)) {
      const message = 'A reading stands where no seal covers it.';
      this.#findings.add('READING_ADDED', message, { seq: row.entry.seq });
    }
  }

  async #checkRuns(manifest: PackManifest): Promise<void> {
    const left = new Map(this.#runs);
    for await (const run of this.#lines<RunRecord>(PACKED.runs)) {
      this.#runCount += 1;
      const known = left.get(run.id);
      left.delete(run.id);
      const about = { what: run.id };
      if (!known) this.#findings.add('RUN_ADDED', `Run ${run.id} was added: no seal knows it.`, about);
      else if (sealedRun(run).digest !== known.digest) {
        this.#findings.add('RUN_ALTERED', `Run ${run.id} was altered.`, about);
      }
    }
    for (const { id, status, integration } of left.values()) {
      if (status === 'INTERRUPTED' || !isPacked(manifest, integration)) continue;
      this.#findings.add('RUN_MISSING', `Run ${id} is missing.`, { what: id });
    }
  }

  #checkCounts({ revisions, readings, runs }: PackManifest['counts']): void {
    const pairs: [string, number, number][] = [
      [PACKED.revisions, revisions, this.#revisions],
      [PACKED.ledger, readings, this.#readings],
      [PACKED.runs, runs, this.#runCount],
    ];
    for (const [what, said, found] of pairs) {
      if (said === found) continue;
      this.#findings.add(
        'TRUNCATED',
        `${what} has ${found} lines that can be read, and the manifest says ${said}.`,
        {
          what,
        },
      );
    }
  }

  async *#seals(first: number): AsyncGenerator<[index: number, seal: Seal | null]> {
    let index = first - 1;
    for await (const line of this.#lines<Seal & { index: number }>(PACKED.seals)) {
      const { text, hash, signature, leaves } = line;
      const isOne = [text, hash, leaves].every((part) => typeof part === 'string');
      index = Number.isSafeInteger(line.index) && line.index > index ? line.index : index + 1;
      yield [index, isOne ? { text, hash, signature, leaves } : null];
    }
  }

  /** The lines of a file; what is not JSON is named and left out. */
  async *#lines<T extends object>(name: string): AsyncGenerator<T> {
    if (!this.#found.some((file) => file.name === name)) return;
    let n = 0;
    for await (const line of readLines(join(this.folder, name))) {
      n += 1;
      const row = parsed<T>(line);
      if (row !== null && isRow(name, row)) yield row;
      else {
        this.#findings.add('FILE_ALTERED', `Line ${n} of ${name} cannot be read.`, { what: name });
      }
    }
  }

  #report(manifest: PackManifest | null, end: { chain: ChainCheck; count: number } | null): VerifyReport {
    const body = end?.chain.last ?? null;
    return {
      verdict: proofVerdict(this.#findings, end?.count ?? 0),
      subject: 'PACK',
      seals: end?.count ?? 0,
      sealedTo: body ? { seq: body.toSeq, at: body.toAt } : null,
      head: manifest ? { seq: manifest.seq, at: manifest.asOf } : null,
      ...{ revisions: this.#revisions, readings: this.#readings, runs: this.#runCount, unsealed: 0 },
      findingCount: this.#findings.count,
      findings: this.#findings.kept,
      notices: this.#findings.notices,
    };
  }
}

function indexIn(files: readonly (string | PackFile)[], name: string | undefined): number {
  return files.findIndex((file) => (typeof file === 'string' ? file : file.name) === name);
}

function parsed<T>(line: string): T | null {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === 'object' && value !== null ? (value as T) : null;
  } catch {
    return null;
  }
}

/** Whether a line has what it is placed by. */
function isRow(name: string, row: object): boolean {
  const { seqFrom, entry, id } = row as { seqFrom?: unknown; entry?: Partial<RecordedEntry>; id?: unknown };
  if (name === PACKED.revisions) return Number.isSafeInteger(seqFrom);
  if (name === PACKED.ledger) return Number.isSafeInteger(entry?.seq) && typeof entry?.from === 'string';
  return name !== PACKED.runs || typeof id === 'string';
}

/** Rows of a file in their order, taken as far as a seal reaches. */
class Rows<T extends object> {
  readonly #rows: AsyncIterator<T>;
  #ahead: T | null = null;

  constructor(
    rows: AsyncIterable<T>,
    private readonly seqOf: (row: T) => number,
  ) {
    this.#rows = rows[Symbol.asyncIterator]();
  }

  /** The next rows that are of one batch, if it is no later than `toSeq`. */
  async next(toSeq: number): Promise<T[] | null> {
    const first = await this.#peek();
    if (first === null || this.seqOf(first) > toSeq) return null;
    const group: T[] = [];
    for (
      let row = await this.#peek();
      row && this.seqOf(row) === this.seqOf(first);
      row = await this.#peek()
    ) {
      group.push(row);
      this.#ahead = null;
    }
    return group;
  }

  /** The next row, if its batch is in `(fromSeq, toSeq]`. */
  async one(fromSeq: number, toSeq: number): Promise<T | null> {
    const row = await this.#peek();
    if (row === null || this.seqOf(row) > toSeq || this.seqOf(row) <= fromSeq) return null;
    this.#ahead = null;
    return row;
  }

  async #peek(): Promise<T | null> {
    if (this.#ahead) return this.#ahead;
    const { value, done } = await this.#rows.next();
    this.#ahead = done ? null : value;
    return this.#ahead;
  }
}

const NEWLINE = 0x0a;

/** The lines of a file, parted by line feeds alone; what follows the last one is a line too, unless it is empty. */
async function* readLines(path: string): AsyncGenerator<string> {
  let pieces: Buffer[] = [];
  for await (const chunk of createReadStream(path)) {
    let rest = chunk as Buffer;
    for (let end = rest.indexOf(NEWLINE); end !== -1; end = rest.indexOf(NEWLINE)) {
      yield Buffer.concat([...pieces, rest.subarray(0, end)]).toString('utf8');
      pieces = [];
      rest = rest.subarray(end + 1);
    }
    if (rest.length > 0) pieces.push(rest);
  }
  if (pieces.length > 0) yield Buffer.concat(pieces).toString('utf8');
}
