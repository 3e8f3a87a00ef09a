import { isUtf8 } from 'node:buffer';
import { deflateRawSync, inflateRawSync } from 'node:zlib';

/*
 * How both stores keep the two texts of a version, and entries of journals. Texts that were stored as they are, by earlier versions of the
 * gateway or because they are short, stay readable: bytes are compressed text, text is text.
 */

/** Inflating a shorter text takes longer than what it saves is worth: records are read for every page. */
const LONG_TEXT = 2_000;
/** Received texts are read for one version and for `verify` only, so those of a batch are compressed together. */
const GROUP_CHARACTERS = 64_000;
const LEAST_CHARACTERS = 400;
/** Higher levels take twice the time of a write and save 5 %; larger pieces of memory give garbage collection more work. */
const LEVEL = { level: 1, chunkSize: 2_048 };

/** Most records fit one piece. */
const INFLATED = { chunkSize: 8_192 };

/** What is stored of the JSON of a record or of an entry of a journal. */
export function packText(text: string): string | Buffer {
  return text.length < LONG_TEXT ? text : deflateRawSync(text, LEVEL);
}

/** The text in a cell; `null` if its bytes are no compressed text. */
export function unpackText(cell: unknown): string | null {
  if (typeof cell === 'string') return cell;
  if (!(cell instanceof Uint8Array)) return null;
  try {
    const bytes = inflateRawSync(cell, INFLATED);
    return isUtf8(bytes) ? bytes.toString() : null;
  } catch {
    return null;
  }
}

/** Begins what is stored instead of a received text that is in the group of another version. Canonical JSON never begins so. */
const REFERENCE = '@';

/**
 * What is stored of the received texts of a batch, by the names of their versions. The first version of a group has the
 * compressed lines `name text` of all of them, the others refer to it. Canonical JSON has no line breaks.
 */
export function packReceived(
  texts: Iterable<readonly [name: string, text: string]>,
): Map<string, string | Buffer> {
  const packed = new Map<string, string | Buffer>();
  let group: [name: string, text: string][] = [];
  let characters = 0;
  const end = () => {
    const [first] = group;
    if (first && characters >= LEAST_CHARACTERS) {
      const lines = group.map(([name, text]) => `${name} ${text}`).join('\n');
      for (const [name] of group) packed.set(name, `${REFERENCE}${first[0]}`);
      packed.set(first[0], deflateRawSync(lines, LEVEL));
    } else for (const [name, text] of group) packed.set(name, text);
    group = [];
    characters = 0;
  };
  for (const [name, text] of texts) {
    group.push([name, text]);
    characters += text.length;
    if (characters >= GROUP_CHARACTERS) end();
  }
  end();
  return packed;
}

/** The versions that `cells` (by the names of their versions) refer to, and that are not among them. */
export function referencesIn(cells: ReadonlyMap<string, unknown>): string[] {
  const groups = new Set([...cells.values()].flatMap((cell) => referenceIn(cell) ?? []));
  return [...groups].filter((name) => !cells.has(name));
}

/** The received texts of versions, from cells that include those that they refer to; none where one is damaged. */
export function unpackReceived(
  names: Iterable<string>,
  cells: ReadonlyMap<string, unknown>,
): Map<string, string> {
  const groups = new Map<string, ReadonlyMap<string, string>>();
  const texts = new Map<string, string>();
  for (const name of names) {
    const cell = cells.get(name);
    const group = cell instanceof Uint8Array ? name : referenceIn(cell);
    if (group !== null && !groups.has(group)) groups.set(group, linesIn(cells.get(group)));
    const text = group === null ? cell : groups.get(group)?.get(name);
    if (typeof text === 'string') texts.set(name, text);
  }
  return texts;
}

function referenceIn(cell: unknown): string | null {
  return typeof cell === 'string' && cell.startsWith(REFERENCE) ? cell.slice(REFERENCE.length) : null;
}

function linesIn(cell: unknown): ReadonlyMap<string, string> {
  const lines = cell instanceof Uint8Array ? (unpackText(cell) ?? '') : '';
  const ends = (line: string) => line.indexOf(' ');
  return new Map(
    lines.split('\n').map((line) => [line.slice(0, ends(line)), line.slice(ends(line) + 1)] as const),
  );
}
