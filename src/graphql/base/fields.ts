import { type GraphQLSchema, isObjectType } from 'graphql';
import { Extensions, Field, registerEnumType } from 'type-graphql';
import type { GatewayContext } from '../request/services.js';

interface ValueFieldOptions {
  readonly description: string;
  readonly nullable?: boolean;
}

/**
 * A field that is read off the object as it stands, a getter included. `@Field` on a getter would put a
 * resolver around it that is called once per value; on types with `simpleResolvers` this one has none.
 */
export function ValueField(type: () => object, options: ValueFieldOptions) {
  return (prototype: object, name: string, _descriptor?: PropertyDescriptor): void => {
    Field(type, options)(prototype, name);
  };
}

type SyncResolverFn = (root: never, args: never, context: GatewayContext) => unknown;

/**
 * Marks a field resolver that is called once per record of a page. It is called straight with (root, args,
 * context), which its parameters must be in that order: the library's own call converts and validates each
 * argument through promises, which costs more than what such a field does.
 */
export function SyncResolver<T extends SyncResolverFn>(
  prototype: object,
  name: string,
  descriptor: TypedPropertyDescriptor<T>,
) {
  Extensions({ direct: descriptor.value })(prototype, name, descriptor);
}

/** Puts the marked resolvers in place. */
export function installSyncResolvers(schema: GraphQLSchema): void {
  for (const type of Object.values(schema.getTypeMap())) {
    if (!isObjectType(type)) continue;
    for (const field of Object.values(type.getFields())) {
      const direct = field.extensions.direct as SyncResolverFn | undefined;
      if (direct) field.resolve = (root, args, context) => direct(root as never, args as never, context);
    }
  }
}

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
