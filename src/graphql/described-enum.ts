import { registerEnumType } from 'type-graphql';

/**
 * Registers an enum from its values' descriptions; a value's name in the graph is the value in capitals.
 * Typed by the union it stands for, so that a word added to the model cannot be forgotten here.
 */
export function describedEnum<T extends string>(
  name: string,
  description: string,
  descriptions: Readonly<Record<T, string>>,
): Readonly<Record<string, T>> {
  const values = Object.keys(descriptions) as T[];
  const type = Object.fromEntries(values.map((value) => [value.toUpperCase(), value]));
  const valuesConfig = Object.fromEntries(
    values.map((value) => [value.toUpperCase(), { description: descriptions[value] }]),
  );
  registerEnumType(type, { name, description, valuesConfig });
  return type;
}
