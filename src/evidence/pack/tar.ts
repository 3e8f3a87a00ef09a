import type { Readable } from 'node:stream';

/*
 * Archives in the ustar format (POSIX.1-1988), written in one way only: regular files, one owner, one time. Whoever
 * reads them here takes nothing but those very bytes, so that none can be changed without being noticed; every other
 * tar reads them too.
 */

const BLOCK = 512;
/** Longer names would need a second way of writing them. */
const MOST_NAME = 99;
const ZEROS = Buffer.alloc(BLOCK);
const BIG_SIZE = 0o77777777777;

/** A file of an archive is not as this gateway writes them. */
export class TarError extends Error {
  override readonly name = 'TarError';
}

/** The header of a file of `size` bytes. */
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

/** In octal; where that is too short, as GNU and others have it, in binary after a set bit. */
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

/** What fills the last block of a file. */
export function tarPadding(size: number): Buffer {
  return ZEROS.subarray(0, (BLOCK - (size % BLOCK)) % BLOCK);
}

/** What ends an archive. */
export const TAR_END = Buffer.alloc(2 * BLOCK);

/** A file of an archive; its content has to be read before the next. */
export interface TarFile {
  readonly name: string;
  readonly size: number;
  readonly content: AsyncIterable<Buffer>;
}

/** The files of an archive one after another. Throws a `TarError` at the first byte that should not be there. */
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

/** Bytes of a stream, so many at a time. */
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
