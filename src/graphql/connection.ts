import { type ClassType, Field, Int, ObjectType } from 'type-graphql';
import { PlainField } from './plain-field.js';

/** One page of a list, as its reader made it. */
export interface Slice<T> {
  readonly nodes: readonly T[];
  /** The cursor of the node at an index; asked for only where cursors are. */
  readonly cursorAt: (index: number) => string;
  readonly hasNextPage: boolean;
  readonly hasPreviousPage: boolean;
  /** Counts the whole list; called only when `totalCount` is asked for. */
  readonly count: () => Promise<number>;
}

@ObjectType({ simpleResolvers: true, description: 'Where a page lies in its list.' })
export class PageInfo {
  constructor(private readonly slice: Slice<unknown>) {}

  @PlainField(() => Boolean, { description: 'Whether there is more after this page.' })
  get hasNextPage(): boolean {
    return this.slice.hasNextPage;
  }

  @PlainField(() => Boolean, { description: 'Whether there is more before this page.' })
  get hasPreviousPage(): boolean {
    return this.slice.hasPreviousPage;
  }

  @PlainField(() => String, { nullable: true, description: 'For `before`; null when the page is empty.' })
  get startCursor(): string | null {
    return this.slice.nodes.length > 0 ? this.slice.cursorAt(0) : null;
  }

  @PlainField(() => String, { nullable: true, description: 'For `after`; null when the page is empty.' })
  get endCursor(): string | null {
    const { length } = this.slice.nodes;
    return length > 0 ? this.slice.cursorAt(length - 1) : null;
  }
}

/** The edge and connection types of one node type: the only way to page through anything. */
export function connectionOf<T extends object>(nodeType: () => ClassType<T> | object, name: string) {
  @ObjectType(`${name}Edge`, { simpleResolvers: true, description: `One ${name} of a page, with its place.` })
  class Edge {
    constructor(
      private readonly slice: Slice<T>,
      private readonly index: number,
    ) {}

    @PlainField(() => String, { description: 'Its place in the list, for `after` and `before`. Opaque.' })
    get cursor(): string {
      return this.slice.cursorAt(this.index);
    }

    @PlainField(nodeType, { description: `The ${name}.` })
    get node(): T {
      return this.slice.nodes[this.index] as T;
    }
  }

  @ObjectType(`${name}Connection`, { simpleResolvers: true, description: `A page of a list of ${name}.` })
  class Connection {
    constructor(readonly slice: Slice<T>) {}

    @PlainField(() => [Edge], { description: 'The page, each with its cursor.' })
    get edges(): Edge[] {
      return this.slice.nodes.map((_, index) => new Edge(this.slice, index));
    }

    @PlainField(() => [nodeType()], { description: 'The page without the cursors.' })
    get nodes(): readonly T[] {
      return this.slice.nodes;
    }

    @PlainField(() => PageInfo, { description: 'Where the page lies in the list.' })
    get pageInfo(): PageInfo {
      return new PageInfo(this.slice);
    }

    @Field(() => Int, {
      nullable: true,
      description: 'How many the whole list has, in the same view as the page. Counted only when asked for.',
    })
    totalCount(): Promise<number> {
      return this.slice.count();
    }
  }

  return Connection;
}
