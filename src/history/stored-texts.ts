import { isUtf8 } from 'node:buffer';
import { deflateRawSync, inflateRawSync } from 'node:zlib';

/*
 * How both stores keep the two texts of a version, entries of journals, runs, and outcomes of batches. Texts that were stored as they are, by earlier versions of the
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

/**
 * The words of what the gateway writes of its own: entries of the audit trail, seals, readings, runs and outcomes of
 * batches. What is stored refers to them, so they must never change: others get another number.
 */
const WORDS = Buffer.from(
  [
    '{"previous":"","caller":{"kind":"COMMAND","id":"","name":"","role":"ADMIN"},"action":"POLL","target":null,"outcome":"SUCCEEDED","detail":"',
    String.raw`{"text":"{\"at\":\"2026-00-00T00:00:00.000Z\",\"audit\":{\"digest\":\"\",\"index\":1},\"batches\":{\"count\":1,\"fromSeq\":1,\"root\":\"\"},\"coverage\":[{\"complete\":false,\"from\":\"2025-00-00T00:00:00.000Z\",\"gapCount\":2,\"gaps\":[{\"from\":\"2026-00-00T00:00:00.000Z\",\"reason\":\"NOT_COLLECTED\",\"to\":\"2026-00-00T00:00:00.000Z\"},{\"from\":\"2026-00-00T00:00:00.000Z\",\"reason\":\"PROVISIONAL\",\"to\":\"2026-00-00T00:00:00.000Z\"}],\"stream\":\"default/`,
    String.raw`\",\"to\":\"2026-00-00T00:00:00.000Z\",\"windows\":{\"COMPLETE\":1}},{\"complete\":true,\"from\":\"2025-00-00T00:00:00.000Z\",\"gapCount\":1,`,
    String.raw`\"gaps\":[],\"gapCount\":0}],\"fromSeq\":1,\"index\":1,\"key\":null,\"ledger\":{\"count\":4,\"root\":\"`,
    String.raw`\"key\":{\"crv\":\"Ed25519\",\"kid\":\"\",\"kty\":\"OKP\",\"x\":\"\"},\"ledger\":{\"count\":`,
    String.raw`\"},\"list\":\"\",\"policy\":\"\",\"previous\":\"\",\"revisions\":{\"count\":0,\"root\":\"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855\"},\"runs\":[{\"digest\":\"`,
    String.raw`\",\"endedAt\":\"2026-00-00T00:00:00.000Z\",\"id\":\"\",\"integration\":\"default\",\"parameters\":{\"from\":\"2025-00-00T00:00:00.000Z\",\"to\":\"2026-00-00T00:00:00.000Z\"},\"resource\":\"`,
    String.raw`\",\"startedAt\":\"2026-00-00T00:00:00.000Z\",\"status\":\"SUCCEEDED\",\"trigger\":\"REREAD\"},{\"digest\":\"`,
    String.raw`\",\"status\":\"SUCCEEDED\",\"trigger\":\"POLL\"}],\"runsBefore\":\"2026-00-00T00:00:00.000Z\",\"runsLeft\":false,\"toAt\":\"2026-00-00T00:00:00.000Z\",\"toSeq\":1,\"type\":\"abnormal-gateway/seal\",\"version\":1}","hash":"`,
    String.raw`","signature":null,"list":"[\"l\",1,\"default/\",\"2026-00-00T00:00:00.000Z\",\"2026-00-00T00:00:00.000Z\",\"0\",\"\"]\n[\"b\",1,\"\"]\n[\"d\",1,\"integrations\",\"default\",\"\"]\n[\"d\",1,\"settings\",\"\"]\n[\"d\",1,\"drift\",\"default\",\"\"]\n[\"d\",1,\"apiKeys\",\"\"]\n"}`,
    '{"integration":"default","resource":"","filterKey":"","from":"2026-00-00T00:00:00.000Z","to":"2026-00-00T00:00:00.000Z","runId":"","readAt":"2026-00-00T00:00:00.000Z","settledTo":"2026-00-00T00:00:00.000Z","status":"COMPLETE","filter":" gte 2026-00-00T00:00:00Z lte 2026-00-00T00:00:00Z","declared":null,"listed":0,"held":0,"pages":1,"reason":null,"seq":1}',
    '{"id":"","integration":"default","resource":"","trigger":"REREAD","status":"SUCCEEDED","startedAt":"2026-00-00T00:00:00.000Z","endedAt":"2026-00-00T00:00:00.000Z","parameters":{"from":"2025-00-00T00:00:00.000Z","to":"2026-00-00T00:00:00.000Z"},"counts":{"calls":1,"listCalls":1,"detailCalls":0,"listed":0,"skipped":0,"quarantined":0,"windows":1,"added":0,"changed":0,"unchanged":0,"deleted":0},"errors":[]}',
    '{"seq":1,"at":"2026-00-00T00:00:00.000Z","added":0,"changed":0,"unchanged":0,"deleted":0,"conflicts":[],"stated":{"run":["","',
    '"],"otherRuns":[["",""]],"streams":[["default/",""],["default/",""]],"quarantine":[],"verified":""}}',
  ].join(''),
);
/** No compressed text begins with this byte: its two bits for the kind of the first block say a kind that does not exist. */
const WITH_WORDS = Buffer.from([0b110]);
/** Longer texts have their words in themselves, and would take long. */
const MOST_CHARACTERS = 16_384;

/** What is stored of a JSON text that the gateway writes of its own, most of which is the same in each. */
export function packOwn(text: string): Buffer {
  if (text.length > MOST_CHARACTERS) return deflateRawSync(text, LEVEL);
  return Buffer.concat([WITH_WORDS, deflateRawSync(text, { level: 9, dictionary: WORDS })]);
}

/** What is stored of the JSON of a record. */
export function packText(text: string): string | Buffer {
  return text.length < LONG_TEXT ? text : deflateRawSync(text, LEVEL);
}

/** The text in a cell; `null` if its bytes are no compressed text. */
export function unpackText(cell: unknown): string | null {
  if (typeof cell === 'string') return cell;
  if (!(cell instanceof Uint8Array)) return null;
  try {
    const bytes =
      cell[0] === WITH_WORDS[0]
        ? inflateRawSync(cell.subarray(1), { ...INFLATED, dictionary: WORDS })
        : inflateRawSync(cell, INFLATED);
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
