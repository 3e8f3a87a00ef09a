import { type DriftKind, type DriftName, type DriftTally, MOST_NAMES } from '../../model/drift.js';
import type { Instant } from '../../values/instant.js';
import { describedEnum, OutputType, ValueField, valueFieldFrom } from '../base/fields.js';

const DriftKindEnum = describedEnum<DriftKind>('DriftKind', 'Kind of an unknown item.', {
  FIELD: 'A field with an unknown name. It is stored as received; the graph does not show it.',
  VALUE:
    'An unknown value of an open list of values. The graph shows it as OTHER, and as received in the `…Raw` field.',
  UNREADABLE:
    'A value that cannot be read, such as an object instead of text, an integer beyond 32 bits, or an element of a list with the wrong type. The graph shows null or leaves the element out; `received` contains it.',
});

@OutputType('A field or value in Abnormal’s responses that this version of the gateway does not know.', {
  name: 'DriftedName',
})
class DriftedName implements DriftName {
  @ValueField(() => DriftKindEnum, {
    description: 'Whether it is a field, a value of a list of values, or a value that cannot be read.',
  })
  readonly kind!: DriftKind;

  @ValueField.text(
    'Path in Abnormal’s names, such as `threat.messages[].newField`; `cases[]` is a case’s item in the list. Cut at 200 characters.',
  )
  readonly path!: string;

  @ValueField.textOrNull(
    'The value, cut at 100 characters; for `UNREADABLE` what is wrong with the value; null for a field, for which no value is stored here.',
    { personal: ['texts'] },
  )
  readonly value!: string | null;

  @ValueField.int('Number of responses that contain it. A record that is read again is counted again.')
  readonly count!: number;

  @ValueField.instant('When it was first seen (UTC).')
  readonly firstSeenAt!: Instant;

  @ValueField.instant('When it was last seen (UTC).')
  readonly lastSeenAt!: Instant;
}

const TallyValue = valueFieldFrom('tally');

@OutputType(
  'Unknown fields and values in Abnormal’s responses to one integration. Nothing is lost: responses are stored as received.',
)
export class SchemaDrift {
  constructor(
    private readonly name: string,
    readonly tally: DriftTally,
  ) {}

  @ValueField.id('Name of the integration.')
  get integration(): string {
    return this.name;
  }

  @TallyValue(() => [DriftedName], {
    description: `In the order in which they were first seen; at most ${MOST_NAMES}.`,
  })
  readonly names!: readonly DriftedName[];

  @ValueField.boolean(`Whether there were more than ${MOST_NAMES}. Later ones are only counted.`)
  get isFull(): boolean {
    return this.tally.beyond > 0;
  }

  @TallyValue.int('How often an item was seen that is not in the list because the list was full.')
  readonly beyond!: number;
}
