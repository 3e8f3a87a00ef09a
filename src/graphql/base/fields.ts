import { type GraphQLSchema, isObjectType } from 'graphql';
import { Extensions, Field, registerEnumType } from 'type-graphql';
import type { RedactionGroup } from '../../values/access.js';
import type { GatewayContext } from '../request/services.js';

interface ValueFieldOptions {
  readonly description: string;
  readonly nullable?: boolean;
  /** The groups of personal data that the field shows, if any: see `Personal`. */
  readonly personal?: readonly RedactionGroup[];
}

/**
 * A field whose value is read off the object, a getter included. `@Field` on a getter would put a resolver around it
 * that is called once per value; on types with `simpleResolvers` this one has none.
 */
export function ValueField(type: () => object, { personal, ...options }: ValueFieldOptions) {
  return (prototype: object, name: string, _descriptor?: PropertyDescriptor): void => {
    Field(type, options)(prototype, name);
    if (personal) Personal(...personal)(prototype, name);
  };
}

/**
 * Makes the decorator of the fields that show what another object, the `holder`, has under the same name (or under
 * the name `from`). Such a field is only declared; its getter is put on the prototype:
 *
 *     const RecordValue = valueFieldFrom('record');
 *
 *     @RecordValue(() => String, { description: '…' })
 *     readonly subject!: string;
 */
export function valueFieldFrom<Holder extends string>(holder: Holder) {
  return <From extends string = never>(
    type: () => object,
    { from, ...options }: ValueFieldOptions & { readonly from?: From },
  ) =>
    <T extends object, Name extends string>(
      prototype: T & Shows<T, Name, `${Holder}.${[From] extends [never] ? Name : From}`>,
      name: Name,
    ): void => {
      ValueField(type, options)(prototype, name);
      // code of its own for each: one getter for all, with the names in variables, is ten times slower to read
      const get = new Function(`return this.${holder}.${from ?? name}`) as () => unknown;
      Object.defineProperty(prototype, name, { get, configurable: true });
    };
}

/** `never` unless what `T` has at a path is what it declares under a name. */
type Shows<T, Name extends string, Path extends string> = [ValueAt<T, Path>] extends [never]
  ? never
  : ValueAt<T, Path> extends T[Name & keyof T]
    ? unknown
    : never;

type ValueAt<T, Path extends string> = Path extends `${infer Head}.${infer Rest}`
  ? Head extends keyof T
    ? ValueAt<T[Head], Rest>
    : never
  : Path extends keyof T
    ? T[Path]
    : never;

/** Marks a field that shows personal data of these groups: `REDACT` with any of them masks it. */
export function Personal(...groups: readonly RedactionGroup[]) {
  return Extensions({ personal: groups });
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
