import { Field, InputType, Int } from 'type-graphql';
import { DateTime, Duration } from '../base/fields.js';

const EQ_NULL = '`null` matches records without a value.';
const NE = 'The opposite of `eq`: it matches records without a value, and `null` matches those with one.';
const NONE = 'The opposite of `in`: it matches records without a value.';
const ANY = 'For a field with several values, one matching value is enough.';

export type Operator =
  | 'eq'
  | 'in'
  | 'ne'
  | 'notIn'
  | 'gt'
  | 'gte'
  | 'lt'
  | 'lte'
  | 'contains'
  | 'startsWith'
  | 'last';

/** The input type of the comparisons of one type of value, each with its description. */
function comparisonInput(
  name: string,
  type: object,
  description: string,
  operators: Readonly<Partial<Record<Operator, string>>>,
): object {
  class Input {}
  for (const [operator, text] of Object.entries(operators)) {
    const isList = operator === 'in' || operator === 'notIn';
    const ofOne = operator === 'last' ? Duration : type;
    Field(() => (isList ? [type] : ofOne), { nullable: true, description: text })(Input.prototype, operator);
  }
  InputType(name, { description })(Input);
  return Input;
}

export const TextFilter = comparisonInput('TextFilter', String, `Compares text. ${ANY}`, {
  eq: `Equal, case-sensitive. ${EQ_NULL}`,
  in: 'Equal to one of these values, case-sensitive; at most 500.',
  ne: `Not equal, case-sensitive. ${NE}`,
  notIn: `Equal to none of these values, case-sensitive; at most 500. ${NONE}`,
  contains: 'Contains this text, ignoring case.',
  startsWith: 'Starts with this text, ignoring case.',
});

export const DateTimeFilter = comparisonInput('DateTimeFilter', DateTime, 'Compares instants.', {
  eq: `Equal to the millisecond. ${EQ_NULL}`,
  ne: `Not equal, to the millisecond. ${NE}`,
  gt: 'Later than this instant.',
  gte: 'At this instant or later.',
  lt: 'Earlier than this instant.',
  lte: 'At this instant or earlier.',
  last: 'At most this long before the current second (with `asOf`: before that instant), or later: `P1D`. All pages of a list use the instant of the first page.',
});

export const IntFilter = comparisonInput('IntFilter', Int, 'Compares integers.', {
  eq: `Equal. ${EQ_NULL}`,
  in: 'Equal to one of these values; at most 500.',
  ne: `Not equal. ${NE}`,
  notIn: `Equal to none of these values; at most 500. ${NONE}`,
  gt: 'Greater than this value.',
  gte: 'Greater or equal.',
  lt: 'Less than this value.',
  lte: 'Less or equal.',
});

export const BooleanFilter = comparisonInput('BooleanFilter', Boolean, 'Compares booleans.', {
  eq: `Equal. ${EQ_NULL}`,
  ne: `Not equal. ${NE}`,
});

const enumFilters = new Map<string, object>();

/** The same input type for the same enum, whatever asks for it. */
export function enumFilter(name: string, type: object): object {
  const known = enumFilters.get(name) ?? enumFilterOf(name, type);
  enumFilters.set(name, known);
  return known;
}

function enumFilterOf(name: string, type: object): object {
  return comparisonInput(`${name}Filter`, type, `Compares values of ${name}. ${ANY}`, {
    eq: `Equal. ${EQ_NULL}`,
    in: 'Equal to one of these values; at most 500.',
    ne: `Not equal. ${NE}`,
    notIn: `Equal to none of these values; at most 500. ${NONE}`,
  });
}
