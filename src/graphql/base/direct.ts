import { type GraphQLSchema, isObjectType } from 'graphql';
import { Extensions } from 'type-graphql';
import type { GatewayContext } from '../request/services.js';

type DirectResolver = (root: never, args: never, context: GatewayContext) => unknown;

/**
 * Marks a field resolver that is called once per record of a page. It is called straight with (root, args,
 * context), which its parameters must be in that order: the library's own call converts and validates each
 * argument through promises, which costs more than what such a field does.
 */
export function Direct<T extends DirectResolver>(
  prototype: object,
  name: string,
  descriptor: TypedPropertyDescriptor<T>,
) {
  Extensions({ direct: descriptor.value })(prototype, name, descriptor);
}

/** Puts the marked resolvers in place. */
export function installDirectResolvers(schema: GraphQLSchema): void {
  for (const type of Object.values(schema.getTypeMap())) {
    if (!isObjectType(type)) continue;
    for (const field of Object.values(type.getFields())) {
      const direct = field.extensions.direct as DirectResolver | undefined;
      if (direct) field.resolve = (root, args, context) => direct(root as never, args as never, context);
    }
  }
}
