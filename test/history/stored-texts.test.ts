import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  packOwn,
  packReceived,
  packText,
  referencesIn,
  unpackReceived,
  unpackText,
} from '../../src/history/stored-texts.js';

const json = (n: number, size: number) =>
  JSON.stringify({ id: `threat-${n}`, subject: 'Größe '.repeat(size) });

/** What is stored of texts named `1`, `2`, … */
function stored(...texts: string[]): Map<string, string | Buffer> {
  return packReceived(texts.map((text, i) => [String(i + 1), text]));
}

it('a long record is stored as bytes and a short one as text, and both are returned exactly', () => {
  const [short, long] = [json(1, 3), json(2, 1_000)];
  expect(packText(short)).toBe(short);
  const bytes = packText(long) as Buffer;
  expect(bytes.length).toBeLessThan(long.length / 10);
  expect([unpackText(short), unpackText(new Uint8Array(bytes))]).toEqual([short, long]);
});

it('bytes that are no compressed UTF-8 text are no text', () => {
  const bytes = packText(json(1, 1_000)) as Buffer;
  for (const damaged of [bytes.subarray(0, 20), Buffer.from('{}'), Buffer.alloc(0), 7, null, undefined])
    expect(unpackText(damaged)).toBeNull();
});

it('the received texts of a batch are stored in groups, and each is returned by its own name', () => {
  const texts = Array.from({ length: 100 }, (_, n) => json(n, 300));
  const cells = stored(...texts);
  const groups = [...cells.values()].filter((cell) => typeof cell !== 'string');
  expect(groups).toHaveLength(3);
  expect(cells.get('2')).toBe('@1');
  const found = unpackReceived(cells.keys(), cells);
  expect([...found.values()]).toEqual(texts);
  expect(referencesIn(cells)).toEqual([]);
});

it('a version alone names the version whose group has its text', () => {
  const cells = stored(json(1, 100), json(2, 100));
  const own = new Map([['2', cells.get('2')]]);
  expect(referencesIn(own)).toEqual(['1']);
  expect(unpackReceived(['2'], own).get('2')).toBeUndefined();
  own.set('1', cells.get('1'));
  expect(unpackReceived(['2'], own).get('2')).toBe(json(2, 100));
});

it('few characters are stored as they are, as earlier versions of the gateway stored all texts', () => {
  const cells = stored('{"id":"1"}', '{}');
  expect([...cells.values()]).toEqual(['{"id":"1"}', '{}']);
  expect([...unpackReceived(['1', '2'], cells).values()]).toEqual(['{"id":"1"}', '{}']);
});

it('a damaged group or a wrong reference has no text for its versions', () => {
  const cells = stored(json(1, 100), json(2, 100));
  const group = cells.get('1') as Buffer;
  for (const [name, cell] of [
    ['1', group.subarray(0, 40)],
    ['1', '{}'],
    ['2', '@3'],
    ['2', '@2'],
    ['2', ''],
  ] as const) {
    const damaged = new Map<string, unknown>([...cells, [name, cell]]);
    expect(unpackReceived(['2'], damaged).get('2')).not.toBe(json(2, 100));
  }
});

describe('what the gateway writes of its own', () => {
  const own = (n: number, errors: readonly string[] = []) =>
    JSON.stringify({ id: `run-${n}`, trigger: 'POLL', status: 'SUCCEEDED', counts: { calls: n }, errors });

  it('takes a fraction of its text, and is returned exactly, whatever is in it', () => {
    expect(packOwn(own(1)).length).toBeLessThan(own(1).length / 2);
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', maxLength: 40_000 }), (text) => {
        expect(unpackText(packOwn(text))).toBe(text);
      }),
      { numRuns: 50 },
    );
    const long = own(2, ['slow '.repeat(10_000)]);
    expect(unpackText(packOwn(long))).toBe(long);
  });

  it('is read as it was stored by the first gateway that stored it like this', () => {
    // its words are a part of what is stored: these bytes must stay readable
    expect(unpackText(Buffer.from('BoMmu6LSPF1zlFQFbSBjTVMY0WaOHGpKaZlFxSVKsbUA', 'base64'))).toBe(
      own(7, ['first']),
    );
  });

  it('that is damaged is no text', () => {
    const bytes = packOwn(own(1));
    for (const damaged of [bytes.subarray(0, 1), bytes.subarray(0, 9), Buffer.from([6, 6, 6])])
      expect(unpackText(damaged)).toBeNull();
  });
});
