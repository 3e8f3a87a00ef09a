import {
  type GraphQLInputType,
  getNullableType,
  isEnumType,
  isInputObjectType,
  isListType,
  isNonNullType,
} from 'graphql';
import type { Random } from './hostile-requests.js';

const TEXTS = [
  ...['', ' ', 'null', 'x', 'default', 'simulated', '0', '-1', 'ä€🎉', '\u0000', '\ud83d', 'a'.repeat(3_000)],
  ...[
    '%',
    '_',
    '\\',
    "'",
    '"',
    '$where',
    '__proto__',
    'constructor',
    '{}',
    '[]',
    '../..',
    '2026-Q1',
    '0000-Q1',
  ],
  ...[
    '9999-W53',
    '2026-01-01/2026-02-01',
    'Q2FzZTpkZWZhdWx0OjE=',
    'eyJzZXEiOjF9',
    'AAAA',
    'READER',
    'http://127.0.0.1',
  ],
];
const INSTANTS = [
  ...['0000-01-01T00:00:00Z', '9999-12-31T23:59:59.999Z', '2026-01-01T00:00:00Z', '2026-02-30T00:00:00Z'],
  ...['1970-01-01T00:00:00+14:00', '9999-12-31T23:59:59-14:00', '2026-06-01', 'now'],
];
const NUMBERS = [
  0,
  -0,
  1,
  -1,
  2,
  25,
  100,
  101,
  3650,
  2 ** 31 - 1,
  -(2 ** 31),
  2 ** 31,
  2 ** 53,
  1e300,
  1.5,
  -1e-9,
];

/** Values for variables, from numbers in [0, 1): of any kind, or of about the kind that the type wants. */
export function randomJson(random: Random) {
  const pick = <T>(items: readonly T[]): T => items[Math.floor(random() * items.length)] as T;
  const some = <T>(most: number, make: () => T): T[] =>
    Array.from({ length: Math.floor(random() * (most + 1)) }, make);

  const any = (left = 3): unknown => {
    const kind = Math.floor(random() * (left > 0 ? 8 : 5));
    if (kind === 0) return null;
    if (kind === 1) return random() < 0.5;
    if (kind === 2) return pick(NUMBERS);
    if (kind === 3) return pick(TEXTS);
    if (kind === 4) return pick(INSTANTS);
    if (kind === 5) return some(4, () => any(left - 1));
    return Object.fromEntries(
      some(4, () => [pick([...TEXTS, 'and', 'or', 'not', 'eq', 'in', 'field']), any(left - 1)]),
    );
  };

  const like = (given: GraphQLInputType, left = 4): unknown => {
    // now and then a value that is of no use for the type
    if (random() < 0.04) return any();
    if (!isNonNullType(given) && random() < 0.25) return null;
    const type = getNullableType(given);
    if (isListType(type)) return some(left > 0 ? 4 : 0, () => like(type.ofType, left - 1));
    if (isEnumType(type)) return pick(type.getValues()).name;
    if (isInputObjectType(type)) {
      const fields = Object.values(type.getFields()).filter(
        (field) => isNonNullType(field.type) || (left > 0 && random() < 0.2),
      );
      return Object.fromEntries(fields.map((field) => [field.name, like(field.type, left - 1)]));
    }
    if (type.name === 'Int' || type.name === 'Float')
      return pick(NUMBERS.slice(0, random() < 0.8 ? 11 : undefined));
    if (type.name === 'Boolean') return random() < 0.5;
    return type.name === 'DateTime' ? pick(INSTANTS) : pick(TEXTS);
  };

  return { any, like };
}
