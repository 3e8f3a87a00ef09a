import { registerEnumType } from 'type-graphql';

/**
 * Registers an enum from its values' descriptions; a value's name in the graph is the value in capitals, its
 * words apart (`caseAnalysis` is `CASE_ANALYSIS`).
 * Typed by the union it stands for, so that a word added to the model cannot be forgotten here.
 */
export function describedEnum<T extends string>(
  name: string,
  description: string,
  descriptions: Readonly<Record<T, string>>,
): Readonly<Record<string, T>> {
  const values = Object.keys(descriptions) as T[];
  const type = Object.fromEntries(values.map((value) => [graphName(value), value]));
  const valuesConfig = Object.fromEntries(
    values.map((value) => [graphName(value), { description: descriptions[value] }]),
  );
  registerEnumType(type, { name, description, valuesConfig });
  return type;
}

function graphName(value: string): string {
  return value.replace(/(?<=[a-z])(?=[A-Z])/g, '_').toUpperCase();
}
