import { ID, InterfaceType } from 'type-graphql';
import { PlainField } from '../base/plain-field.js';

@InterfaceType({ description: 'Anything that `node(id)` finds.' })
export abstract class Node {
  abstract readonly id: string;
}

// not above the property: some compilers leave out the decorators of abstract members
PlainField(() => ID, {
  description:
    'Unique over all types and integrations, and lasting. Opaque: Abnormal’s own id stands beside it.',
})(Node.prototype, 'id');
