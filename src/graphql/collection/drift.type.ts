import { ID, Int, ObjectType } from 'type-graphql';
import { type DriftKind, type DriftName, type DriftTally, MOST_NAMES } from '../../model/drift.js';
import type { Instant } from '../../values/instant.js';
import { describedEnum, ValueField, valueFieldFrom } from '../base/fields.js';
import { DateTime } from '../base/scalars.js';

export const DriftKindEnum = describedEnum<DriftKind>('DriftKind', 'What it is that is not known.', {
  FIELD: 'A field of an unknown name. It is kept as received; the graph does not show it.',
  VALUE: 'A word that an open word list did not have. The graph shows it as OTHER, and as received beside.',
  UNREADABLE:
    'A value that cannot be read, such as an object instead of text or a whole number beyond 32 bits, or an element of a list that is not one. The graph shows null or leaves the element out; `received` keeps it.',
});

@ObjectType('DriftedName', {
  simpleResolvers: true,
  description: 'One field or word of Abnormal’s answers that this version of the gateway does not know.',
})
export class DriftedName implements DriftName {
  @ValueField(() => DriftKindEnum, {
    description: 'Whether it is a field, a word or a value that cannot be read.',
  })
  readonly kind!: DriftKind;

  @ValueField(() => String, {
    description:
      'Where it stands, by Abnormal’s own names, such as `threat.messages[].newField`; `cases[]` is a case’s item in the list. Cut at 200 characters.',
  })
  readonly path!: string;

  @ValueField(() => String, {
    personal: ['texts'],
    nullable: true,
    description:
      'The word, cut at 100 characters; for `UNREADABLE` what is wrong with the value; null for a field, of which no value is kept here.',
  })
  readonly value!: string | null;

  @ValueField(() => Int, { description: 'How many answers had it; a record read again counts again.' })
  readonly count!: number;

  @ValueField(() => DateTime, { description: 'When it was first seen (UTC).' })
  readonly firstSeenAt!: Instant;

  @ValueField(() => DateTime, { description: 'When it was last seen (UTC).' })
  readonly lastSeenAt!: Instant;
}

const TallyValue = valueFieldFrom('tally');

@ObjectType({
  simpleResolvers: true,
  description:
    'What Abnormal’s answers to one integration have that this version of the gateway does not know. Nothing is lost by it: what was received is kept whole.',
})
export class SchemaDrift {
  constructor(
    private readonly name: string,
    readonly tally: DriftTally,
  ) {}

  @ValueField(() => ID, { description: 'The integration, by name.' })
  get integration(): string {
    return this.name;
  }

  @TallyValue(() => [DriftedName], {
    description: `In the order in which they were first seen; at most ${MOST_NAMES}.`,
  })
  readonly names!: readonly DriftedName[];

  @ValueField(() => Boolean, {
    description: `Whether there were more than ${MOST_NAMES}: those that came after are only counted.`,
  })
  get isFull(): boolean {
    return this.tally.beyond > 0;
  }

  @TallyValue(() => Int, { description: 'How often something was seen that found no room among the names.' })
  readonly beyond!: number;
}
