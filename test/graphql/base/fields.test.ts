import 'reflect-metadata';
import { ObjectType } from 'type-graphql';
import { expect, test } from 'vitest';
import { describedEnum, outputType, showFields, Value } from '../../../src/graphql/base/fields.js';

type Colour = 'RED' | 'BLUE';
const ColourEnum = describedEnum<Colour>('Colour', 'A colour.', { RED: 'Red.', BLUE: 'Blue.' });

interface Stamp {
  readonly price: number;
  readonly colour: Colour;
}

const StampType = outputType<Stamp>('Stamp', 'A stamp.', {
  price: Value.int('The price.'),
  colour: Value.enum(() => ColourEnum, 'The colour.'),
});

interface LetterRecord {
  readonly subject: string | null;
  readonly sender: { readonly name: string };
  readonly stamps: readonly Stamp[];
}

@ObjectType()
class Letter {
  constructor(
    readonly record: LetterRecord,
    readonly place = 1,
  ) {}
}

showFields(Letter, 'record', {
  subject: Value.textOrNull('The subject.'),
  from: Value.text('The sender.', { by: ({ sender }) => sender.name }),
  number: Value.int('The number.', { by: ({ stamps }, { place }) => place + stamps.length }),
  stamps: Value.list(() => StampType, 'The stamps.'),
  costly: Value.list(() => StampType, 'Those above 1.', {
    by: ({ stamps }) => stamps.filter(({ price }) => price > 1),
  }),
});

class Wrong extends Letter {}

// @ts-expect-error the record has nothing of this name
showFields(Wrong, 'record', { sbject: Value.textOrNull('A misspelled name.') });
// @ts-expect-error the record may have null here
showFields(Wrong, 'record', { subject: Value.text('A wrong type.') });
// @ts-expect-error the function may return null
showFields(Wrong, 'record', { title: Value.text('A wrong type.', { by: ({ subject }) => subject }) });
// @ts-expect-error the record has a list here
showFields(Wrong, 'record', { stamps: Value.object(() => StampType, 'A wrong type.') });
// @ts-expect-error a stamp has nothing of this name
outputType<Stamp>('Label', 'A label.', { prize: Value.int('A misspelled name.') });
// @ts-expect-error a price is a number
outputType<Stamp>('Label', 'A label.', { price: Value.text('A wrong type.') });

const stamps: Stamp[] = [
  { price: 1, colour: 'RED' },
  { price: 2, colour: 'BLUE' },
];

test('a declared field shows the holder’s current value', () => {
  const letter = new Letter({ subject: 'Hello', sender: { name: 'Ada' }, stamps });
  const shown = letter as unknown as Record<string, unknown>;
  expect([shown.subject, shown.from, shown.number, shown.stamps]).toEqual(['Hello', 'Ada', 3, stamps]);
  Object.assign(letter.record, { subject: null });
  expect(shown.subject).toBeNull();
});

test('a derived list is computed once for each object', () => {
  const shown = new Letter({ subject: null, sender: { name: '' }, stamps }) as unknown as { costly: Stamp[] };
  expect(shown.costly).toEqual([stamps[1]]);
  expect(shown.costly).toBe(shown.costly);
});
