import { type GraphQLObjectType, type GraphQLSchema, isObjectType } from 'graphql';
import { Extensions } from 'type-graphql';
import { ROLES, type Role, roleFor } from '../../values/access.js';

/**
 * Says which role a caller must have at least. Every query and every mutation needs one, or the schema is not
 * built; it goes beside the `@Query` or `@Mutation`, and the field gets its row in the table of roles of
 * docs/security.md:
 *
 *     @Guard('admin')
 *     @Mutation(() => Integration, { … })
 *     connectIntegration(…)
 *
 * On a field of any other type, or on a type as a whole, it asks for more than the root did. An operation that
 * asks for something its caller may not have is refused before any of it is run, so resolvers need not look; and
 * since it is seen to once an operation, nothing is added to a resolver's call. What a resolver finds by id, such
 * as a `node`, it has to judge by `means.caller` itself.
 */
export function Guard(role: Role) {
  return Extensions({ role });
}

/** Throws where a query or a mutation has no rule, or anything has one that is not known. */
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

/** Says in the description of each query and mutation that is not for readers whom it is for. */
export function describeGuards(schema: GraphQLSchema): void {
  for (const field of rootsOf(schema).flatMap((type) => Object.values(type.getFields()))) {
    const role = roleFor(field);
    if (role !== null && role !== ROLES[0])
      field.description = `${field.description} Requires the role ${role}.`;
  }
}

/** The types that operations begin with. */
export function rootsOf(schema: GraphQLSchema): GraphQLObjectType[] {
  const roots = [schema.getQueryType(), schema.getMutationType(), schema.getSubscriptionType()];
  return roots.filter((type) => type !== null && type !== undefined);
}
