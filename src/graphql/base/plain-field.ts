import { Field } from 'type-graphql';

interface PlainFieldOptions {
  readonly description: string;
  readonly nullable?: boolean;
}

/**
 * A field that is read off the object as it stands, a getter included. `@Field` on a getter would put a
 * resolver around it that is called once per value; on types with `simpleResolvers` this one has none.
 */
export function PlainField(type: () => object, options: PlainFieldOptions) {
  return (prototype: object, name: string, _descriptor?: PropertyDescriptor): void => {
    Field(type, options)(prototype, name);
  };
}
