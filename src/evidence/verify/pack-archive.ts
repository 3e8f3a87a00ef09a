import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { open, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parsedJson } from '../../values/canonical-json.js';
import { PACKED, type PackFile, type PackManifest, readPackManifest } from '../pack/pack-format.js';
import { readTar, TarError } from '../pack/tar.js';
import { isSignedBy, signingKeyId } from '../seal/signing-key.js';
import type { Findings } from './findings.js';
import type { VerifyOptions } from './sealed-source.js';

/** Files that are read; of the others the hash is enough. */
const READ: readonly string[] = Object.values(PACKED);
const MAX_MANIFEST_BYTES = 64 * 1024 * 1024;

/** The files of a pack, those that are read unpacked into a folder. */
export class PackArchive {
  readonly #files: PackFile[] = [];

  private constructor(
    private readonly folder: string,
    private readonly findings: Findings,
    private readonly options: VerifyOptions,
  ) {}

  /** Unpacks the archive, up to where it can be read. */
  static async open(
    path: string,
    folder: string,
    findings: Findings,
    options: VerifyOptions,
  ): Promise<PackArchive> {
    const archive = new PackArchive(folder, findings, options);
    try {
      for await (const { name, size, content } of readTar(createReadStream(path))) {
        options.signal?.throwIfAborted();
        archive.#files.push({ name, size, sha256: await archive.#unpack(name, content) });
      }
    } catch (error) {
      if (!(error instanceof TarError)) throw error;
      const what = archive.#files.at(-1)?.name ?? null;
      findings.add('PACK_UNREADABLE', `The archive is not as it was written: ${error.message}.`, { what });
    }
    return archive;
  }

  /** The manifest, if there is one; its signature and the files are checked with it. */
  async manifest(): Promise<PackManifest | null> {
    const what = PACKED.manifest;
    const file = this.#file(what);
    const isRead = file !== undefined && file.size <= MAX_MANIFEST_BYTES;
    const text = isRead ? await readFile(join(this.folder, what), 'utf8') : null;
    const manifest = text === null ? null : readPackManifest(text);
    if (text === null) this.findings.add('FILE_MISSING', 'The pack has no manifest.', { what });
    else if (manifest === null) {
      this.findings.add('MANIFEST_ALTERED', 'The manifest is not one of a pack.', { what });
    } else {
      await this.#checkSignature(manifest, text);
      this.#checkFiles(manifest);
    }
    return manifest;
  }

  /** The rows of a file, one a line; a line that is none is named and left out. */
  async *rows<T extends object>(
    name: string,
    isRow: (row: Partial<T>) => boolean = () => true,
  ): AsyncGenerator<T> {
    if (!this.#file(name)) return;
    let n = 0;
    for await (const line of readLines(join(this.folder, name))) {
      n += 1;
      const row = parsedJson(line);
      if (typeof row === 'object' && row !== null && isRow(row)) yield row as T;
      else this.findings.add('FILE_ALTERED', `Line ${n} of ${name} cannot be read.`, { what: name });
    }
  }

  #file(name: string): PackFile | undefined {
    return this.#files.find((file) => file.name === name);
  }

  async #unpack(name: string, content: AsyncIterable<Buffer>): Promise<string> {
    const hash = createHash('sha256');
    const file = READ.includes(name) && !this.#file(name) ? await open(join(this.folder, name), 'w') : null;
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

  async #checkSignature({ key }: PackManifest, text: string): Promise<void> {
    const about = { what: PACKED.signature };
    const hasSignature = this.#file(PACKED.signature) !== undefined;
    const { publicKeys, mustBeSigned } = this.options;
    if (key === null) {
      const words =
        'The manifest is not signed: what no seal covers, such as the reports, could have been replaced.';
      if (hasSignature) {
        this.findings.add('MANIFEST_ALTERED', 'The manifest has a signature, but declares none.', about);
      }
      if (mustBeSigned) this.findings.add('SEAL_NOT_SIGNED', words, about);
      else this.findings.notice(words);
      return;
    }
    const known = publicKeys === null ? key : publicKeys.find(({ x }) => x === key.x);
    if (!hasSignature) this.findings.add('FILE_MISSING', 'The signature of the manifest is gone.', about);
    else if (!known || signingKeyId(key) !== key.kid) {
      const message = `The manifest names the key ${key.kid}, which is not among those given.`;
      this.findings.add('SEAL_UNKNOWN_KEY', message, about);
    } else if (!isSignedBy(known, text, await readFile(join(this.folder, PACKED.signature), 'base64'))) {
      const message = 'The signature of the manifest is not that of its key over it.';
      this.findings.add('MANIFEST_ALTERED', message, about);
    }
    if (publicKeys === null) {
      this.findings.notice(`The manifest is signed by the key ${key.kid}, which it names itself.`);
    }
  }

  /** Every file against what the manifest says, in its order. */
  #checkFiles({ files, key }: PackManifest): void {
    const own = [PACKED.manifest, ...(key ? [PACKED.signature] : [])];
    const expected = [...own, ...files.map(({ name }) => name)];
    for (const { name: what, sha256, size } of files) {
      const found = this.#file(what);
      if (!found) this.findings.add('FILE_MISSING', `${what} is missing.`, { what });
      else if (found.sha256 !== sha256 || found.size !== size) {
        this.findings.add('FILE_ALTERED', `${what} is not the file that the manifest names.`, { what });
      }
    }
    for (const [i, { name }] of this.#files.entries()) {
      if (expected.includes(name) && this.#files.findIndex((file) => file.name === name) === i) continue;
      this.findings.add('FILE_ADDED', `${name} is not in the manifest.`, { what: name });
    }
    const places = this.#files.map(({ name }) => expected.indexOf(name)).filter((place) => place !== -1);
    if (places.some((place, i) => place < (places[i - 1] ?? 0))) {
      this.findings.add('FILE_ALTERED', 'The files are in another order than the manifest has them.');
    }
  }
}

const NEWLINE = 0x0a;

/** The lines of a file, separated by line feeds alone; what follows the last one is a line too, unless it is empty. */
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
