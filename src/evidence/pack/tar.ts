import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { type FileHandle, mkdir, open, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { partialNameOf } from '../../history/temporary-files.js';
import { canonicalJson } from '../../values/canonical-json.js';
import type { Signer } from '../seal/signing-key.js';
import { PACK_TYPE, PACKED, type PackFile, type PackManifest } from './pack-format.js';

// The ustar format (POSIX.1-1988), in one form only: regular files, one owner, one time. The reader accepts
// exactly these bytes, so every change is noticed; other tar programs can read the archives.

const BLOCK = 512;
/** Longer names would need a second form. */
const MOST_NAME = 99;
const ZEROS = Buffer.alloc(BLOCK);
const BIG_SIZE = 0o77777777777;

export class TarError extends Error {
  override readonly name = 'TarError';
}

export function tarHeader(name: string, size: number): Buffer {
  if (!/^[\w.-]+(\/[\w.-]+)*$/.test(name) || name.length > MOST_NAME) {
    throw new TarError(`not the name of a file in an archive: ${JSON.stringify(name)}`);
  }
  const header = Buffer.alloc(BLOCK);
  header.write(name, 0);
  header.write('0000644\0', 100);
  header.write('0000000\0', 108);
  header.write('0000000\0', 116);
  writeSize(header, size);
  header.write('00000000000\0', 136);
  header.write('        ', 148);
  header.write('0', 156);
  header.write('ustar\u000000', 257);
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
  return header;
}

/** In octal, or in binary after a set bit if that is too short, as in GNU tar. */
function writeSize(header: Buffer, size: number): void {
  if (size <= BIG_SIZE) {
    header.write(`${size.toString(8).padStart(11, '0')}\0`, 124);
    return;
  }
  header[124] = 0x80;
  header.writeBigUInt64BE(BigInt(size), 128);
}

function readSize(header: Buffer): number {
  if (header[124] === 0x80) return Number(header.readBigUInt64BE(128));
  return Number.parseInt(header.toString('latin1', 124, 135), 8);
}

export function tarPadding(size: number): Buffer {
  return ZEROS.subarray(0, (BLOCK - (size % BLOCK)) % BLOCK);
}

export const TAR_END = Buffer.alloc(2 * BLOCK);

/** Its content must be read before the next file. */
interface TarFile {
  readonly name: string;
  readonly size: number;
  readonly content: AsyncIterable<Buffer>;
}

/** Throws a `TarError` at the first unexpected byte. */
export async function* readTar(input: Readable): AsyncGenerator<TarFile> {
  const bytes = new Bytes(input);
  for (;;) {
    const header = await bytes.take(BLOCK);
    if (header.equals(ZEROS)) break;
    const { name, size } = checkedHeader(header);
    yield { name, size, content: bytes.pieces(size, name) };
    if (!(await bytes.take(tarPadding(size).length)).equals(tarPadding(size))) {
      throw new TarError(`what follows ${name} is not empty`);
    }
  }
  const rest = await bytes.take(BLOCK);
  if (!rest.equals(ZEROS) || !(await bytes.isAtEnd())) throw new TarError('there is something after the end');
}

function checkedHeader(header: Buffer): { name: string; size: number } {
  const end = header.indexOf(0);
  const name = header.toString('latin1', 0, end === -1 ? 100 : end);
  const size = readSize(header);
  if (!Number.isSafeInteger(size) || size < 0 || !header.equals(tarHeader(name, size))) {
    throw new TarError(`the header of ${JSON.stringify(name)} is not as it was written`);
  }
  return { name, size };
}

class Bytes {
  readonly #source: AsyncIterator<Buffer>;
  #held = Buffer.alloc(0);

  constructor(input: Readable) {
    this.#source = input[Symbol.asyncIterator]();
  }

  async take(size: number): Promise<Buffer> {
    const pieces: Buffer[] = [];
    for await (const piece of this.pieces(size, 'the archive')) pieces.push(piece);
    return Buffer.concat(pieces);
  }

  async *pieces(size: number, what: string): AsyncGenerator<Buffer> {
    for (let left = size; left > 0; ) {
      if (this.#held.length === 0 && !(await this.#more())) throw new TarError(`${what} is cut off`);
      const piece = this.#held.subarray(0, left);
      this.#held = this.#held.subarray(piece.length);
      left -= piece.length;
      yield piece;
    }
  }

  async isAtEnd(): Promise<boolean> {
    return this.#held.length === 0 && !(await this.#more());
  }

  async #more(): Promise<boolean> {
    const { value, done } = await this.#source.next();
    if (done) return false;
    this.#held = Buffer.from(value);
    return this.#held.length > 0 || this.#more();
  }
}

/** The next piece is not made before this one is written. */
export type WriteText = (text: string) => Promise<void>;

export interface PackPart {
  readonly name: string;
  readonly write: (write: WriteText) => Promise<void>;
}

/** Known when the parts are written. */
type PackFacts = Omit<PackManifest, 'type' | 'version' | 'files' | 'key'>;

/**
 * Writes a pack to `path`, which appears only when it is complete: the manifest, its signature, then the
 * parts in order. The same parts give the same bytes.
 */
export async function writePackFile(
  path: string,
  parts: readonly PackPart[],
  facts: () => PackFacts,
  signer: Signer | null,
): Promise<PackManifest> {
  const folder = partialNameOf(path, 'parts');
  const partial = partialNameOf(path, 'partial');
  await mkdir(folder, { recursive: true });
  try {
    const files: PackFile[] = [];
    for (const [n, part] of parts.entries()) files.push(await spool(join(folder, String(n)), part));
    const key = signer?.publicKey ?? null;
    const manifest: PackManifest = { type: PACK_TYPE, version: 1, ...facts(), files, key };
    const text = canonicalJson(manifest);
    await bind(partial, folder, files, text, signer);
    await rename(partial, path);
    return manifest;
  } finally {
    await rm(folder, { recursive: true, force: true });
    await rm(partial, { force: true });
  }
}

async function spool(path: string, { name, write }: PackPart): Promise<PackFile> {
  const file = await open(path, 'w');
  const hash = createHash('sha256');
  let size = 0;
  try {
    await write(async (text) => {
      const bytes = Buffer.from(text);
      hash.update(bytes);
      size += bytes.length;
      await file.writeFile(bytes);
    });
  } finally {
    await file.close();
  }
  return { name, size, sha256: hash.digest('hex') };
}

async function bind(
  path: string,
  folder: string,
  files: readonly PackFile[],
  manifest: string,
  signer: Signer | null,
): Promise<void> {
  const file = await open(path, 'w');
  try {
    await append(file, PACKED.manifest, Buffer.from(manifest));
    if (signer) await append(file, PACKED.signature, Buffer.from(signer.sign(manifest), 'base64'));
    for (const [n, { name, size }] of files.entries()) {
      await file.writeFile(tarHeader(name, size));
      for await (const piece of createReadStream(join(folder, String(n))))
        await file.writeFile(piece as Buffer);
      await file.writeFile(tarPadding(size));
    }
    await file.writeFile(TAR_END);
    await file.sync();
  } finally {
    await file.close();
  }
}

async function append(file: FileHandle, name: string, bytes: Buffer): Promise<void> {
  await file.writeFile(Buffer.concat([tarHeader(name, bytes.length), bytes, tarPadding(bytes.length)]));
}
