import { deflateRawSync } from 'node:zlib';
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
import { sha256 } from '../../src/values/canonical-json.js';
import { sampleThreat } from '../support/records.js';

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

describe('the forms of stored texts', () => {
  const text = fc.string({ unit: 'grapheme', minLength: 400, maxLength: 3_000 });
  const received = (one: string) => stored(one).get('1') as Buffer;
  const FORMS: [name: string, pack: (text: string) => Uint8Array][] = [
    ['a record', (one) => packText(one.padEnd(2_000)) as Buffer],
    ['a received text', received],
    ['a text of the gateway', packOwn],
    ['a text of an earlier version', (one) => deflateRawSync(one, { level: 1 })],
  ];

  it('are told apart by their first byte, and only those with words begin with a block that does not exist', () => {
    const kindOf = ([byte = 0]: Uint8Array) => (byte >> 1) & 3;
    fc.assert(
      fc.property(text, fc.integer({ min: 0, max: 9 }), (one, level) => {
        const [first, ...others] = FORMS.map(([, pack]) => pack(one));
        expect(new Set([first, ...others].map((cell) => cell?.[0])).size).toBe(4);
        expect([first, ...others].map((cell) => cell && kindOf(cell) === 3)).toEqual([
          true,
          true,
          true,
          false,
        ]);
        expect(kindOf(deflateRawSync(one, { level }))).not.toBe(3);
      }),
      { numRuns: 50 },
    );
  });

  it('return any text exactly', () => {
    fc.assert(
      fc.property(text, (one) => {
        expect(unpackText(packText(one))).toBe(one);
        expect(unpackText(packText(one.repeat(5)))).toBe(one.repeat(5));
        const line = one.replaceAll('\n', ' ');
        const cells = stored(line, `${line}!`);
        expect([...unpackReceived(['1', '2'], cells).values()]).toEqual([line, `${line}!`]);
      }),
      { numRuns: 50 },
    );
  });

  it('that earlier versions wrote are read: compressed without words, alone or as a group', () => {
    const [one, other] = [json(1, 1_000), json(2, 1_000)];
    expect(unpackText(deflateRawSync(one, { level: 1 }))).toBe(one);
    const group = deflateRawSync(`1 ${one}\n2 ${other}`, { level: 1 });
    const cells = new Map<string, unknown>([
      ['1', group],
      ['2', '@1'],
    ]);
    expect([...unpackReceived(['1', '2'], cells).values()]).toEqual([one, other]);
  });

  it.each([
    [
      'own',
      'Bu3WMQEAAADCoOCWXwlPSMHs2q7t2q7t2q7t2q7t2q7t+rTrAA==',
      'b231a1264d7ecbab41842630e603f02ab1a501e882f09cf3e8a3cb6b7f894596',
    ],
    [
      'record',
      'Du3XgQAAAADDIPDLD+Rl0VzABVzABVzABVzABVzABVzg8gIB',
      'e3cb57cef1511fb5899d30609ef14ea09bf46a92ae8a86921ccbc6a6239a369e',
    ],
    [
      'received',
      'Fu3WgQAAAADDIPDLD+RF0VzYhV3YhV3YhV3YhV3YhU8vHA==',
      'd5153bfd40b05b77c67509b898ce2be162febb38dca4dcf3248ae88b28a026d9',
    ],
  ])('refer to words that never change (%s)', (_name, cell, digest) => {
    // a stored text that has all words of its form in their places
    expect(sha256(unpackText(Buffer.from(cell, 'base64')) ?? '')).toBe(digest);
  });

  it('are no text if bytes are missing, and nothing is thrown whatever the bytes are', () => {
    for (const [, pack] of FORMS) {
      const bytes = pack(json(1, 1_000));
      for (const end of [0, 1, 2, 9, bytes.length - 1]) expect(unpackText(bytes.subarray(0, end))).toBeNull();
      for (let place = 0; place < bytes.length; place += 1) {
        const damaged = Uint8Array.from(bytes, (byte, n) => (n === place ? byte ^ 0x5a : byte));
        expect(() => unpackText(damaged)).not.toThrow();
      }
    }
    for (let byte = 0; byte < 256; byte += 1) expect(unpackText(Uint8Array.of(byte, 7, 7, 7))).toBeNull();
  });

  it('take less because of the words that all records of a kind have', () => {
    const threat = JSON.stringify(sampleThreat('1')).padEnd(2_000);
    for (const pack of [packText, received]) {
      expect((pack(threat) as Buffer).length).toBeLessThan(
        deflateRawSync(threat, { level: 9 }).length * 0.75,
      );
    }
  });
});
