import 'reflect-metadata';
import { Field, ObjectType } from 'type-graphql';
import { expect, test } from 'vitest';
import { valueFieldFrom } from '../../../src/graphql/base/fields.js';

const RecordValue = valueFieldFrom('record');

@ObjectType()
class Letter {
  constructor(
    readonly record: { readonly subject: string | null; readonly sender: { readonly name: string } },
  ) {}

  @RecordValue.textOrNull('The subject.')
  readonly subject!: string | null;

  @RecordValue.text('The sender.', { from: 'sender.name' })
  readonly from!: string;

  // @ts-expect-error the record has nothing of this name
  @RecordValue(() => String, { description: 'A misspelled name.' })
  readonly sbject!: string;

  // @ts-expect-error the record may have null here
  @RecordValue(() => String, { from: 'subject', description: 'A wrong type.' })
  readonly title!: string;

  // @ts-expect-error the short form checks the same
  @RecordValue.text('A wrong type.', { from: 'subject' })
  readonly heading!: string;

  @Field(() => String)
  readonly own!: string;
}

test('a field declared with a holder shows the holder’s current value', () => {
  const letter = new Letter({ subject: 'Hello', sender: { name: 'Ada' } });
  expect([letter.subject, letter.from]).toEqual(['Hello', 'Ada']);
  Object.assign(letter.record, { subject: null });
  expect(letter.subject).toBeNull();
});

test('a declared field does not become a property of the object, which would hide the getter', () => {
  expect(Object.keys(new Letter({ subject: null, sender: { name: '' } }))).toEqual(['record']);
});

const BoxValue = valueFieldFrom('box?');

@ObjectType()
class Shelf {
  constructor(readonly box: { readonly letters: readonly { readonly subject: string }[] } | null) {}

  @BoxValue.textOrNull('The first subject.', { from: 'letters[0]?.subject' })
  readonly subject!: string | null;

  // @ts-expect-error the box may be missing
  @BoxValue(() => String, { from: 'letters[0]?.subject', description: 'A wrong type.' })
  readonly title!: string;
}

test('a declared field is null if an object on its path is missing', () => {
  const letters = [{ subject: 'Hello' }];
  const shelves = [new Shelf({ letters }), new Shelf({ letters: [] }), new Shelf(null)];
  expect(shelves.map(({ subject }) => subject)).toEqual(['Hello', null, null]);
});
