import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { JsonError, type JsonFault, parseJson } from '../../src/abnormal/lossless-json.js';

function faultOf(text: string): JsonFault | null {
  try {
    parseJson(text);
    return null;
  } catch (error) {
    if (error instanceof JsonError) return error.fault;
    throw error;
  }
}

describe('numbers in JSON', () => {
  test.each([
    ['2260288475997441028', '2260288475997441028'],
    ['-1234567891234567891', '-1234567891234567891'],
    ['9007199254740992', '9007199254740992'],
    ['-9223372036854775808', '-9223372036854775808'],
    ['123456789012345678901234567890', '123456789012345678901234567890'],
    ['1e400', '1e400'],
    ['9007199254740991', 9007199254740991],
    ['-9007199254740991', -9007199254740991],
    ['0', 0],
    ['1.5', 1.5],
    ['1e3', 1000],
    ['-2.5E-2', -0.025],
  ])('include %s, which is read as %j', (text, value) => {
    expect(parseJson(`{"id":${text},"list":[${text} , ${text}]}`)).toEqual({
      id: value,
      list: [value, value],
    });
    expect(parseJson(text)).toEqual(value);
  });

  test('within text stay as they are', () => {
    const text =
      '{"a":"id 12345678901234567890, \\"12345678901234567890\\": [12345678901234567890]","b\\\\":"\\\\"}';
    expect(parseJson(text)).toEqual(JSON.parse(text));
  });

  test.each([
    '0123456789012345678901',
    '12345678901234567890.',
    '1234567890123456789-0',
    '[12345678901234567890 1]',
  ])('that are large do not make %s valid JSON by being quoted', (text) =>
    expect(faultOf(text)).toBe('NOT_JSON'),
  );

  test('are not accepted as keys', () => {
    expect(faultOf('{12345678901234567890:1}')).toBe('NOT_JSON');
  });
});

test('all other JSON is read as JSON.parse reads it', () => {
  fc.assert(
    fc.property(
      fc.jsonValue({ noUnicodeString: false }),
      fc.constantFrom(undefined, 1, '\t'),
      (value, indent) => {
        const text = JSON.stringify(value, null, indent);
        fc.pre(!/\d{16}|\\u0000/.test(text));
        expect(parseJson(text)).toEqual(JSON.parse(text));
      },
    ),
    { numRuns: 300 },
  );
});

describe('invalid JSON', () => {
  test.each<[string, JsonFault]>([
    ['', 'TRUNCATED'],
    ['  \n', 'TRUNCATED'],
    ['{"threats":[{"threatId":"a"},', 'TRUNCATED'],
    ['{"threats":[{"threatId":"a', 'TRUNCATED'],
    ['{"a":1', 'TRUNCATED'],
    ['<html></html>', 'NOT_JSON'],
    ['{"a":1}}', 'NOT_JSON'],
    ['{"a":1]', 'NOT_JSON'],
    ['nul', 'NOT_JSON'],
    ["{'a':1}", 'NOT_JSON'],
    ['{"a":"\\x"}', 'NOT_JSON'],
    ['{"caseId":1,"caseId":2}', 'UNSOUND'],
    // also when both say the same, and when one is spelt with an escape: readers differ over such objects
    ['{"caseId":1,"caseId":1}', 'UNSOUND'],
    ['{"caseId":1,"case\\u0049d":2}', 'UNSOUND'],
    ['{"a\\u0000b":1}', 'UNSOUND'],
  ])('(%s) is refused: %s', (text, fault) => expect(faultOf(text)).toBe(fault));

  test('does not include one key in several objects', () => {
    expect(parseJson('[{"a":{"a":[{"a":1},{"a":2}]}},{"a":3}]')).toEqual([
      { a: { a: [{ a: 1 }, { a: 2 }] } },
      { a: 3 },
    ]);
  });

  test('includes too deep nesting, which is refused before it exhausts the stack', () => {
    expect(faultOf(`${'['.repeat(100)}${']'.repeat(100)}`)).toBeNull();
    expect(faultOf(`${'['.repeat(101)}${']'.repeat(101)}`)).toBe('UNSOUND');
    expect(faultOf('{"a":'.repeat(1_000_000))).toBe('UNSOUND');
  });

  test('does not include names of prototypes, which are keys like any other', () => {
    const value = parseJson('{"__proto__":{"polluted":true},"constructor":1}') as Record<string, unknown>;
    expect(Object.keys(value)).toEqual(['__proto__', 'constructor']);
    expect(({} as Record<string, unknown>).polluted).toBeUndefined();
  });
});
