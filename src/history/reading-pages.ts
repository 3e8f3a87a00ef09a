import { deflateRawSync } from 'node:zlib';
import { type RecordedEntry, streamText } from '../model/ledger.js';
import { earliest, type Instant, latest } from '../values/instant.js';
import { damaged, parseStored } from './errors.js';
import { unpackText } from './stored-texts.js';

/*
 * Readings of a stream that nothing changed are nearly the same text. When a seal covers them, both stores keep those
 * that were recorded one after another as one page: the same texts, compressed together, in the place of the first.
 * What is read from a page is what was recorded, to the byte (ADR 0010).
 */

/** As many readings make a page; fewer wait for more. */
export const PAGE_READINGS = 256;
/** Texts that are longer together make no page: they name many missing records. */
const MOST_CHARACTERS = 512 * 1024;

/** A page, with what finds it: a window that contains those of its readings, and the batch of the first. */
interface ReadingPage {
  readonly stream: string;
  readonly from: Instant;
  readonly to: Instant;
  readonly seq: number;
  readonly bytes: Buffer;
}

/** A stored reading, with what finds it. */
export interface ReadingRow extends Pick<ReadingPage, 'from' | 'to' | 'seq'> {
  readonly text: string;
}

/** `null` if they are too long, or if one of them is damaged: that stays as it is. */
export function packReadings(stream: string, rows: readonly ReadingRow[]): ReadingPage | null {
  const text = rows.map((row) => row.text).join('\n');
  if (text.length > MOST_CHARACTERS) return null;
  const entries = entriesIn(text, stream);
  const [first] = entries ?? [];
  const areRight = rows.every(({ from, to, seq }, i) => {
    const entry = entries?.[i];
    return entry && isPageOf({ stream, from, to, seq }, [entry]);
  });
  if (!entries || !first || !areRight || entries.length !== rows.length) return null;
  return { ...pageOf(entries, first), stream, bytes: deflateRawSync(text, { level: 9 }) };
}

/** `null` if one of them is damaged. */
function entriesIn(text: string, what: string): RecordedEntry[] | null {
  try {
    return linesIn(text, what);
  } catch {
    return null;
  }
}

/** `null` if they cannot be read. */
export function pageIn(bytes: Uint8Array): RecordedEntry[] | null {
  const text = unpackText(bytes);
  return text === null ? null : entriesIn(text, 'A page of readings');
}

function pageOf(entries: readonly RecordedEntry[], { seq }: RecordedEntry) {
  const from = entries.map((entry) => entry.from).reduce(earliest);
  return { from, to: entries.map((entry) => entry.to).reduce(latest), seq };
}

/** The readings of a page in the order of recording; throws if they cannot be read. `what` names them to a person. */
export function readingsIn(bytes: Uint8Array, what: string): RecordedEntry[] {
  const text = unpackText(bytes);
  if (text === null) throw damaged(what);
  return linesIn(text, what);
}

function linesIn(text: string, what: string): RecordedEntry[] {
  return text.split('\n').map((line) => parseStored<RecordedEntry>(line, what, 'reading'));
}

/** Whether a page is found where its readings are. */
export function isPageOf(
  { stream, from, to, seq }: Omit<ReadingPage, 'bytes'>,
  entries: readonly RecordedEntry[],
): boolean {
  const [first] = entries;
  const page = first && pageOf(entries, first);
  const isInOrder = entries.every((entry, i) => entry.seq >= (entries[i - 1]?.seq ?? 0));
  const isOfStream = entries.every((entry) => streamText(entry) === stream);
  return isInOrder && isOfStream && page?.from === from && page.to === to && page.seq === seq;
}

/** Those that `HistoryStore.ledger` returns. */
export function readingsTouching(
  entries: readonly RecordedEntry[],
  from: Instant,
  to: Instant,
  seq: number,
): RecordedEntry[] {
  return entries.filter((entry) => entry.to > from && entry.from < to && entry.seq <= seq);
}
