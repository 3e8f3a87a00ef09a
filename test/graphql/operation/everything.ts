import {
  type GraphQLField,
  type GraphQLObjectType,
  type GraphQLSchema,
  getNamedType,
  isAbstractType,
  isLeafType,
  isObjectType,
  isRequiredArgument,
} from 'graphql';

/**
 * A query for all that these fields of the root can show, written from the schema: a field that is added there is
 * in it. Each field has its type's name before its own, so that types may have fields of one name.
 */
export function everythingOf(schema: GraphQLSchema, roots: Readonly<Record<string, string>>): string {
  const query = schema.getQueryType();
  const fields = Object.entries(roots).map(([name, args]) => {
    const field = query?.getFields()[name];
    return field ? `${name}${args} ${inside(schema, field, [])}` : '';
  });
  return `{ ${fields.join('\n')} }`;
}

function inside(
  schema: GraphQLSchema,
  field: GraphQLField<unknown, unknown>,
  path: readonly string[],
): string {
  const type = getNamedType(field.type);
  if (isAbstractType(type)) {
    const parts = schema.getPossibleTypes(type).map((possible) => {
      const all = allOf(schema, possible, path);
      return all === '' ? '' : `... on ${possible.name} { ${all} }`;
    });
    return `{ __typename ${parts.join(' ')} }`;
  }
  return isObjectType(type) ? `{ __typename ${allOf(schema, type, path)} }` : '';
}

function allOf(schema: GraphQLSchema, type: GraphQLObjectType, path: readonly string[]): string {
  // what is within itself is the same again
  if (path.includes(type.name)) return '';
  return Object.values(type.getFields())
    .filter(({ name, args }) => !args.some(isRequiredArgument) && name !== 'edges' && name !== 'totalCount')
    .map((field) => {
      const isLeaf = isLeafType(getNamedType(field.type));
      const below = isLeaf ? '' : inside(schema, field, [...path, type.name]);
      return `${type.name}_${field.name}: ${field.name} ${below}`;
    })
    .join(' ');
}
