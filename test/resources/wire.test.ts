import fc from 'fast-check';
import addressparser from 'nodemailer/lib/addressparser';
import { describe, expect, it } from 'vitest';
import * as wire from '../../src/resources/wire.js';

const isWrong = (value: unknown) =>
  typeof value === 'object' && value !== null && (Array.isArray(value) || Object.keys(value).length > 0);
const isWrongIn = (value: unknown) => (Array.isArray(value) ? value.some(isWrong) : isWrong(value));

describe('a field of a response', () => {
  it.each([
    ['text', wire.text, isWrong],
    ['a word', wire.word, isWrong],
    ['a term', wire.term, isWrong],
    ['texts', wire.texts, isWrongIn],
    ['addresses', wire.addresses, isWrongIn],
  ])('that holds %s is named as unread exactly if it has something else', (_, schema, isUnread) => {
    const anything = fc.oneof(fc.jsonValue({ maxDepth: 1 }), fc.array(fc.jsonValue({ maxDepth: 1 })));
    fc.assert(
      fc.property(anything, (value) => {
        const unread = wire.unreadParts({ field: schema }, { field: value });
        expect(unread.map(({ path }) => path)).toEqual(isUnread(value) ? ['field'] : []);
      }),
    );
  });

  it('that holds plain addresses is read as a parser of addresses reads it', () => {
    const part = fc.stringMatching(/^[\w.+-]{1,8}$/);
    const address = fc.oneof(
      fc.emailAddress(),
      fc.tuple(part, part).map(([name, domain]) => `${name}@${domain}`),
    );
    fc.assert(
      fc.property(
        fc.array(address, { minLength: 1, maxLength: 3 }),
        fc.constantFrom(',', ', '),
        (all, comma) => {
          const text = all.join(comma);
          const parsed = addressparser(text, { flatten: true }).map((one) => one.address || one.name);
          expect(wire.addresses.parse(text)).toEqual(parsed);
        },
      ),
      { numRuns: 2_000 },
    );
  });
});
