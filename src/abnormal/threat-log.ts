import { Readable } from 'node:stream';
import { CsvError, parse } from 'csv-parse';
import { nextTurn } from '../async/waiting.js';
import { idOf } from '../resources/wire.js';
import { isRecord } from '../values/filter.js';
import { parseUpstreamTime } from '../values/instant.js';
import type { ThreatLog, ThreatLogRow } from './client.js';
import { type UpstreamError, upstreamFailure } from './errors.js';
import { JsonError, parseJson } from './lossless-json.js';

/*
 * The export is CSV or, from some accounts, JSON. Columns have changed over the years and are found by name.
 */

/** Column names without case, blanks and punctuation. */
const THREAT_ID = /^(abnormals?)?threat(id|uuid|identifier)$/;
const RECEIVED = /^(date|datetime|timestamp)(utc)?$|received/;

/** Throws `BAD_BODY` without the header: such a response is no empty log. Yields to the event loop. */
export async function decodeThreatLog(
  text: string,
  what: string,
  evidence: () => string,
): Promise<Omit<ThreatLog, 'filter'>> {
  const refuse = (why: string) => {
    const facts = { status: 200, body: evidence() };
    return upstreamFailure('BAD_BODY', `Abnormal's response to ${what} is not a threat log: ${why}.`, facts);
  };
  return /^\s*[[{]/.test(text) ? fromJson(text, refuse) : fromCsv(text, refuse);
}

type Refuse = (why: string) => UpstreamError;

async function fromCsv(text: string, refuse: Refuse): Promise<Omit<ThreatLog, 'filter'>> {
  const rows: ThreatLogRow[] = [];
  let columns: Columns | null = null;
  try {
    for await (const cells of csvRows(text)) {
      if (columns !== null) rows.push(rowOf(cells, columns));
      else columns = columnsOf(cells, refuse);
    }
  } catch (error) {
    if (!(error instanceof CsvError)) throw error;
    throw refuse(error.code === 'CSV_QUOTE_NOT_CLOSED' ? 'it ends inside a quoted field' : error.code);
  }
  if (columns === null) throw refuse('it is empty');
  return { rows, namesThreats: columns.threatId !== null };
}

function csvRows(text: string): AsyncIterable<string[]> {
  const parser = parse({
    bom: true,
    record_delimiter: ['\r\n', '\n', '\r'],
    relax_column_count: true,
    relax_quotes: true,
    skip_empty_lines: true,
    skip_records_with_empty_values: true,
    ltrim: true,
  });
  return Readable.from(slices(Buffer.from(text))).pipe(parser);
}

const SLICE = 8 * 1024;

async function* slices(bytes: Buffer): AsyncGenerator<Buffer> {
  for (let at = 0; at < bytes.length; at += SLICE) {
    yield bytes.subarray(at, at + SLICE);
    await nextTurn();
  }
}

interface Columns {
  readonly count: number;
  readonly threatId: number | null;
  readonly received: number | null;
}

function columnsOf(header: readonly string[], refuse: Refuse): Columns {
  const names = header.map(plainName);
  const place = (wanted: RegExp) => {
    const index = names.findIndex((name) => wanted.test(name));
    return index < 0 ? null : index;
  };
  const columns = { count: header.length, threatId: place(THREAT_ID), received: place(RECEIVED) };
  if (columns.threatId === null && columns.received === null) {
    throw refuse('its first line has neither a date column nor a threat column');
  }
  return columns;
}

/** In a row with a wrong number of cells no cell can be trusted. */
function rowOf(cells: readonly string[], { count, threatId, received }: Columns): ThreatLogRow {
  const fits = cells.length >= count && cells.slice(count).every((cell) => cell.trim() === '');
  const at = (place: number | null) => (fits && place !== null ? cells[place] : undefined);
  return rowFrom(at(threatId), at(received));
}

function rowFrom(threatId: unknown, received: unknown): ThreatLogRow {
  const id = idOf(typeof threatId === 'string' ? threatId.trim() : threatId);
  return {
    threatId: id,
    receivedTime: typeof received === 'string' ? parseUpstreamTime(received) : null,
  };
}

function fromJson(text: string, refuse: Refuse): Omit<ThreatLog, 'filter'> {
  const items = itemsOf(parsed(text, refuse));
  if (items === null) throw refuse('it is JSON without a list of rows');
  const entries = items.map((item) =>
    Object.entries(item).map(([name, value]) => [plainName(name), value] as const),
  );
  const pick = (row: (typeof entries)[number], wanted: RegExp) =>
    row.find(([name]) => wanted.test(name))?.[1];
  const isKnown = ([name]: readonly [string, unknown]) => THREAT_ID.test(name) || RECEIVED.test(name);
  if (entries.some((row) => !row.some(isKnown))) throw refuse('it has rows without a date and a threat');
  const rows = entries.map((row) => rowFrom(pick(row, THREAT_ID), pick(row, RECEIVED)));
  return { rows, namesThreats: entries.every((row) => row.some(([name]) => THREAT_ID.test(name))) };
}

function parsed(text: string, refuse: Refuse): unknown {
  try {
    return parseJson(text);
  } catch (error) {
    if (error instanceof JsonError) throw refuse(error.message);
    throw error;
  }
}

function itemsOf(json: unknown): Record<string, unknown>[] | null {
  const lists = (isRecord(json) ? Object.values(json) : [json]).filter((value) => Array.isArray(value));
  const [only] = lists;
  return lists.length === 1 && only?.every(isRecord) ? only : null;
}

function plainName(name: string): string {
  return name.toLowerCase().replace(/[^a-z0-9]/g, '');
}
