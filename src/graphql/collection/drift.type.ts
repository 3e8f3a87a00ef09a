import { type DriftKind, type DriftName, type DriftTally, MOST_NAMES } from '../../model/drift.js';
import { describedEnum, OutputType, outputType, showFields, Value } from '../base/fields.js';

const DriftKindEnum = describedEnum<DriftKind>('DriftKind', 'Kind of an unknown item.', {
  FIELD: 'A field with an unknown name. It is stored as received; the graph does not show it.',
  VALUE:
    'An unknown value of an open list of values. The graph shows it as OTHER, and as received in the `…Raw` field.',
  UNREADABLE:
    'A value that cannot be read, such as an object instead of text, an integer beyond 32 bits, or an element of a list with the wrong type. The graph shows null or leaves the element out; `received` contains it.',
});

const DriftedName = outputType<DriftName>(
  'DriftedName',
  'A field or value in Abnormal’s responses that this version of the gateway does not know.',
  {
    kind: Value.enum(
      () => DriftKindEnum,
      'Whether it is a field, a value of a list of values, or a value that cannot be read.',
    ),
    path: Value.text(
      'Path in Abnormal’s names, such as `threat.messages[].newField`; `cases[]` is a case’s item in the list. Cut at 200 characters.',
    ),
    value: Value.textOrNull(
      'The value, cut at 100 characters; for `UNREADABLE` what is wrong with the value; null for a field, for which no value is stored here.',
      { personal: ['texts'] },
    ),
    count: Value.int('Number of responses that contain it. A record that is read again is counted again.'),
    firstSeenAt: Value.instant('When it was first seen (UTC).'),
    lastSeenAt: Value.instant('When it was last seen (UTC).'),
  },
);

@OutputType(
  'Unknown fields and values in Abnormal’s responses to one integration. Nothing is lost: responses are stored as received.',
)
export class SchemaDrift {
  constructor(
    readonly integration: string,
    readonly tally: DriftTally,
  ) {}
}

showFields(SchemaDrift, 'this', {
  integration: Value.id('Name of the integration.'),
});

showFields(SchemaDrift, 'tally', {
  names: Value.list(() => DriftedName, `In the order in which they were first seen; at most ${MOST_NAMES}.`),
  isFull: Value.boolean(`Whether there were more than ${MOST_NAMES}. Later ones are only counted.`, {
    by: (tally) => tally.beyond > 0,
  }),
  beyond: Value.int('How often an item was seen that is not in the list because the list was full.'),
});
