import {
  type GraphQLArgument,
  type GraphQLField,
  type GraphQLInputType,
  type GraphQLOutputType,
  type GraphQLSchema,
  getNamedType,
  getNullableType,
  isAbstractType,
  isEnumType,
  isInputObjectType,
  isInterfaceType,
  isListType,
  isObjectType,
  isRequiredArgument,
} from 'graphql';
import { minutesAfterStart } from '../support/records.js';

/** Values that make sense for some arguments, by name; what is not here is made up from the type. */
const SENSIBLE: Readonly<Record<string, readonly string[]>> = {
  caseId: ['"c1"', '"c2"', '"nobody"'],
  threatId: ['"t1"', '"t2"', '"t3"'],
  campaignId: ['"k1"'],
  integration: ['"default"', '"other"'],
  integrations: ['["default"]', 'null'],
  first: ['1', '2', '30', '0'],
  last: ['2'],
  after: ['"nonsense"', 'null'],
  before: ['null'],
  maxAge: ['60'],
  wait: ['null'],
  asOf: [`"${minutesAfterStart(1)}"`, `"${minutesAfterStart(2)}"`],
  since: [`"${minutesAfterStart(0)}"`],
};

/**
 * A valid query made up by chance: fields, aliases, arguments, and fragments on whatever an interface may be.
 * `random` gives numbers in [0, 1).
 */
export function randomQuery(schema: GraphQLSchema, random: () => number, depth = 6): string {
  const pick = <T>(items: readonly T[]): T => items[Math.floor(random() * items.length)] as T;
  const chance = (p: number) => random() < p;

  const selectionOn = (type: GraphQLOutputType, left: number): string => {
    const named = getNamedType(type);
    if (!isObjectType(named) && !isAbstractType(named)) return '';
    const parts = ['__typename'];
    if (isObjectType(named) || isInterfaceType(named)) {
      for (const field of Object.values(named.getFields()))
        if (chance(0.3)) parts.push(fieldText(field, left));
    }
    if (isAbstractType(named)) {
      for (const possible of schema.getPossibleTypes(named)) {
        if (chance(0.6)) parts.push(`... on ${possible.name} ${selectionOn(possible, left)}`);
      }
    }
    return `{ ${parts.join(' ')} }`;
  };

  let aliases = 0;
  const fieldText = (field: GraphQLField<unknown, unknown>, left: number): string => {
    const named = getNamedType(field.type);
    const isComposite = isObjectType(named) || isAbstractType(named);
    if (isComposite && left === 0) return '__typename';
    aliases += 1;
    // every field has a name of its own, so that no two with other arguments meet
    return `f${aliases}: ${field.name}${argsText(field.args)} ${isComposite ? selectionOn(field.type, left - 1) : ''}`;
  };

  const argsText = (args: readonly GraphQLArgument[]): string => {
    const given = args.filter((arg) => isRequiredArgument(arg) || chance(0.25));
    if (given.length === 0) return '';
    return `(${given.map((arg) => `${arg.name}: ${valueText(arg.name, arg.type, 3)}`).join(', ')})`;
  };

  const valueText = (name: string, type: GraphQLInputType, left: number): string => {
    const sensible = SENSIBLE[name];
    const inner = getNullableType(type);
    if (sensible && left === 3) return pick(sensible.filter((value) => inner === type || value !== 'null'));
    if (isListType(inner)) return left === 0 ? '[]' : `[${valueText('', inner.ofType, left - 1)}]`;
    if (isEnumType(inner)) return pick(inner.getValues()).name;
    if (isInputObjectType(inner)) {
      const fields = Object.values(inner.getFields());
      const chosen = fields.filter(
        (field) => isRequiredArgument(field as never) || (left > 0 && chance(0.2)),
      );
      return `{ ${chosen.map((field) => `${field.name}: ${valueText('', field.type, left - 1)}`).join(', ')} }`;
    }
    const scalars: Record<string, string> = {
      Int: '3',
      Boolean: pick(['true', 'false']),
      DateTime: `"${minutesAfterStart(-60)}"`,
      ISO8601Duration: '"P30D"',
    };
    return scalars[getNamedType(inner).name] ?? '"c1"';
  };

  const root = schema.getQueryType();
  const fields = Object.values(root?.getFields() ?? {}).filter(({ name }) => !SLOW.has(name));
  return `{ ${Array.from({ length: 1 + Math.floor(random() * 2) }, () => fieldText(pick(fields), depth)).join(' ')} }`;
}

/** Roots that work through whole histories for each answer. */
const SLOW = new Set(['evidence', 'population', 'controls']);
