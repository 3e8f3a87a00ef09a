import { Ctx, Field, Int, ObjectType } from 'type-graphql';
import { PlainField } from '../base/plain-field.js';
import type { GatewayContext } from '../request/services.js';
import type { Page, PageEdge } from './page.js';

@ObjectType({ simpleResolvers: true, description: 'Where a page lies in its list.' })
export class PageInfo {
  constructor(private readonly page: Page<unknown>) {}

  @PlainField(() => Boolean, { description: 'Whether there is more after this page.' })
  get hasNextPage(): boolean {
    return this.page.facts.hasNextPage;
  }

  @PlainField(() => Boolean, { description: 'Whether there is more before this page.' })
  get hasPreviousPage(): boolean {
    return this.page.facts.hasPreviousPage;
  }

  @PlainField(() => String, { nullable: true, description: 'For `before`; null when the page is empty.' })
  get startCursor(): string | null {
    return this.page.edges[0]?.cursor ?? null;
  }

  @PlainField(() => String, { nullable: true, description: 'For `after`; null when the page is empty.' })
  get endCursor(): string | null {
    return this.page.edges.at(-1)?.cursor ?? null;
  }
}

/** The edge and connection types of one node type: the only way to page through anything. */
export function connectionOf<T extends object>(nodeType: () => object, name: string) {
  @ObjectType(`${name}Edge`, { simpleResolvers: true, description: `One ${name} of a page, with its place.` })
  class Edge {
    @PlainField(() => String, { description: 'Its place in the list, for `after` and `before`. Opaque.' })
    readonly cursor!: string;

    @PlainField(nodeType, { description: `The ${name}.` })
    readonly node!: T;
  }

  @ObjectType(`${name}Connection`, { simpleResolvers: true, description: `A page of a list of ${name}.` })
  class Connection {
    constructor(readonly page: Page<T>) {}

    @PlainField(() => [Edge], { description: 'The page, each with its cursor.' })
    get edges(): readonly PageEdge<T>[] {
      return this.page.edges;
    }

    @PlainField(() => [nodeType()], { description: 'The page without the cursors.' })
    get nodes(): readonly T[] {
      return this.page.facts.nodes;
    }

    @PlainField(() => PageInfo, { description: 'Where the page lies in the list.' })
    get pageInfo(): PageInfo {
      return new PageInfo(this.page);
    }

    @Field(() => Int, {
      nullable: true,
      description: 'How many the whole list has, in the same view as the page. Counted only when asked for.',
    })
    totalCount(@Ctx() context: GatewayContext): Promise<number> {
      // at the seq of the page, so it changes only if the page does
      return this.page.facts.count(context.meansOfNotedRead);
    }
  }

  return Connection;
}
