import { type GraphQLObjectType, type GraphQLSchema, isObjectType } from 'graphql';
import { Extensions } from 'type-graphql';
import { ROLES, type Role, roleFor } from '../../values/access.js';

/**
 * The role that a caller needs at least. The schema is not built if a query or mutation has none; docs/security.md
 * has a table of all:
 *
 *     @Guard('admin')
 *     @Mutation(() => Integration, { … })
 *     connectIntegration(…)
 *
 * On a type or another field it requires more than the root. An operation is refused before it runs, so resolvers do
 * not check roles; only what a resolver finds by id, such as a `node`, it must check itself by `caller`.
 */
export function Guard(role: Role) {
  return Extensions({ role });
}

/** Throws for a query or mutation without a rule, and for an unknown role. */
export function assertGuarded(schema: GraphQLSchema): void {
  for (const type of rootsOf(schema)) {
    for (const [name, field] of Object.entries(type.getFields())) {
      if (roleFor(field) === null) throw new Error(`${type.name}.${name} has no rule: give it a @Guard(…).`);
    }
  }
  for (const type of Object.values(schema.getTypeMap())) {
    const fields = isObjectType(type) ? Object.values(type.getFields()) : [];
    for (const each of [type, ...fields]) {
      if ('role' in each.extensions && roleFor(each) === null) {
        throw new Error(`${type.name} or its field ${each.name} asks for a role that there is not.`);
      }
    }
  }
}

/** Adds the role to the description of each query and mutation that readers may not run. */
export function describeGuards(schema: GraphQLSchema): void {
  for (const field of rootsOf(schema).flatMap((type) => Object.values(type.getFields()))) {
    const role = roleFor(field);
    if (role !== null && role !== ROLES[0])
      field.description = `${field.description} Requires the role ${role}.`;
  }
}

export function rootsOf(schema: GraphQLSchema): GraphQLObjectType[] {
  const roots = [schema.getQueryType(), schema.getMutationType(), schema.getSubscriptionType()];
  return roots.filter((type) => type !== null && type !== undefined);
}
