import {
  type GraphQLInputType,
  type GraphQLObjectType,
  type GraphQLOutputType,
  type GraphQLSchema,
  getNamedType,
  isAbstractType,
  isEnumType,
  isInputObjectType,
  isInterfaceType,
  isListType,
  isNonNullType,
  isObjectType,
  isRequiredArgument,
  isRequiredInputField,
} from 'graphql';

/*
 * Operations written from a schema: what is added to the schema is in them.
 */

/** Values of arguments and input fields that make sense, by name; others are made up from the type. */
export type Sensible = Readonly<Record<string, string>>;

/** One argument of a field, or one field of an input object within it. */
export interface InputPlace {
  /** Such as `Query.cases(orderBy.direction)`. */
  readonly name: string;
  readonly type: GraphQLInputType;
  /** A valid operation that has `value` at this place; `variables` are its definitions, such as `$v: Int`. */
  operation(value: string, variables?: string): string;
}

/**
 * Every argument of every field that can be reached, and every field of every input object: once in all, or once for
 * each argument.
 */
export function inputPlaces(
  schema: GraphQLSchema,
  sensible: Sensible,
  once: 'IN_ALL' | 'PER_ARGUMENT' = 'IN_ALL',
): InputPlace[] {
  const seenInAll = new Set<string>();
  return [...reachable(schema, sensible)].flatMap(([type, wrap]) =>
    Object.values(type.getFields()).flatMap((field) =>
      field.args.flatMap((arg) => {
        const others = field.args
          .filter((other) => other !== arg && isRequiredArgument(other))
          .map((other) => `${other.name}: ${literal(other.name, other.type, sensible)}`);
        const write = (value: string, variables?: string) => {
          const args = [...others, `${arg.name}: ${value}`].join(', ');
          return wrap(`${field.name}(${args})${selection(field.type)}`, variables);
        };
        const name = `${type.name}.${field.name}(${arg.name}`;
        const seen = once === 'IN_ALL' ? seenInAll : new Set<string>();
        return [
          { name: `${name})`, type: arg.type, operation: write },
          ...placesWithin(arg.type, name, write, sensible, seen, once),
        ];
      }),
    ),
  );
}

function placesWithin(
  given: GraphQLInputType,
  name: string,
  write: InputPlace['operation'],
  sensible: Sensible,
  seen: Set<string>,
  once: 'IN_ALL' | 'PER_ARGUMENT',
): InputPlace[] {
  const type = getNamedType(given);
  if (!isInputObjectType(type) || seen.has(type.name)) return [];
  const within = once === 'IN_ALL' ? seen : new Set(seen);
  within.add(type.name);
  const isList = isListType(isNonNullType(given) ? given.ofType : given);
  const all = Object.values(type.getFields());
  return all.flatMap((field) => {
    const others = all
      .filter((other) => other !== field && isRequiredInputField(other))
      .map((other) => `${other.name}: ${literal(other.name, other.type, sensible)}`);
    const operation = (value: string, variables?: string) => {
      const object = `{ ${[...others, `${field.name}: ${value}`].join(', ')} }`;
      return write(isList ? `[${object}]` : object, variables);
    };
    const at = `${name}.${field.name}`;
    return [
      { name: `${at})`, type: field.type, operation },
      ...placesWithin(field.type, at, operation, sensible, within, once),
    ];
  });
}

type Wrap = (selection: string, variables?: string) => string;

/** The shortest way to each object type, through fields whose arguments can be given. */
function reachable(schema: GraphQLSchema, sensible: Sensible): Map<GraphQLObjectType, Wrap> {
  const found = new Map<GraphQLObjectType, Wrap>();
  for (const [type, keyword] of [
    [schema.getQueryType(), 'query'],
    [schema.getMutationType(), 'mutation'],
  ] as const) {
    if (type)
      found.set(type, (inner, variables) => `${keyword}${variables ? `(${variables})` : ''} { ${inner} }`);
  }
  // a map is walked on through what is added meanwhile
  for (const [type, wrap] of found) {
    if (type === schema.getMutationType()) continue;
    for (const field of Object.values(type.getFields())) {
      const given = getNamedType(field.type);
      // statistics have buckets only with an interval
      const args = field.args
        .filter((arg) => isRequiredArgument(arg) || arg.name === 'interval')
        .map((arg) => `${arg.name}: ${literal(arg.name, arg.type, sensible)}`);
      const text = `${field.name}${args.length > 0 ? `(${args.join(', ')})` : ''}`;
      const targets = isAbstractType(given)
        ? schema.getPossibleTypes(given)
        : isObjectType(given)
          ? [given]
          : [];
      for (const target of targets) {
        if (found.has(target)) continue;
        const on = isAbstractType(given)
          ? (inner: string) => `... on ${target.name} { ${inner} }`
          : undefined;
        found.set(target, (inner, variables) => wrap(`${text} { ${on ? on(inner) : inner} }`, variables));
      }
    }
  }
  return found;
}

function selection(type: GraphQLOutputType): string {
  const named = getNamedType(type);
  return isObjectType(named) || isAbstractType(named) ? ' { __typename }' : '';
}

/** A value of an input type, as a literal. */
export function literal(name: string, given: GraphQLInputType, sensible: Sensible): string {
  const known = sensible[name];
  if (known !== undefined) return known;
  const type = isNonNullType(given) ? given.ofType : given;
  if (isListType(type)) return `[${literal('', type.ofType, sensible)}]`;
  if (isEnumType(type)) return type.getValues()[0]?.name ?? '';
  if (isInputObjectType(type)) {
    const required = Object.values(type.getFields()).filter(isRequiredInputField);
    return `{ ${required.map((field) => `${field.name}: ${literal(field.name, field.type, sensible)}`).join(', ')} }`;
  }
  const scalars: Readonly<Record<string, string>> = {
    ...{ Int: '1', Float: '1', Boolean: 'true', DateTime: '"2026-01-01T00:00:00Z"' },
  };
  return scalars[getNamedType(type).name] ?? '"x"';
}

/** An operation for each root field, with every argument a variable of the argument’s own type. */
export function rootOperations(
  schema: GraphQLSchema,
): { text: string; types: Map<string, GraphQLInputType> }[] {
  return (['query', 'mutation'] as const).flatMap((keyword) => {
    const root = keyword === 'query' ? schema.getQueryType() : schema.getMutationType();
    return Object.values(root?.getFields() ?? {}).map((field) => {
      const variables = field.args.map((arg) => `$${arg.name}: ${arg.type}`).join(', ');
      const args = field.args.map((arg) => `${arg.name}: $${arg.name}`).join(', ');
      const head = variables ? `${keyword}(${variables})` : keyword;
      const text = `${head} { ${field.name}${args ? `(${args})` : ''} ${allLeaves(schema, field.type, 4)} }`;
      return { text, types: new Map(field.args.map((arg) => [arg.name, arg.type])) };
    });
  });
}

/** Every field without arguments, so deep. */
function allLeaves(schema: GraphQLSchema, given: GraphQLOutputType, depth: number): string {
  const type = getNamedType(given);
  const parts = ['__typename'];
  if (isObjectType(type) || isInterfaceType(type)) {
    for (const field of Object.values(type.getFields())) {
      const inner = getNamedType(field.type);
      if (field.args.some(isRequiredArgument) || field.name === 'edges') continue;
      if (!isObjectType(inner) && !isAbstractType(inner)) parts.push(field.name);
      else if (depth > 1 && field.args.length === 0)
        parts.push(`${field.name} ${allLeaves(schema, field.type, depth - 1)}`);
    }
    return `{ ${parts.join(' ')} }`;
  }
  return isAbstractType(type) ? '{ __typename }' : '';
}
