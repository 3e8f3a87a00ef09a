import { Ctx, Field, Int, ObjectType } from 'type-graphql';
import type { Instant } from '../../values/instant.js';
import { upstreamErrorCode } from '../base/errors.js';
import { ValueField, valueFieldFrom } from '../base/fields.js';
import { DateTime } from '../base/scalars.js';
import { CoverageReport, FreshnessReport } from '../collection/coverage.type.js';
import type { GatewayContext, RequestServices } from '../request/services.js';
import type { Page, PageEdge } from './page.js';
import type { View } from './view.js';

const PageValue = valueFieldFrom('page.facts');

@ObjectType({ simpleResolvers: true, description: 'Where a page lies in its list.' })
class PageInfo {
  constructor(readonly page: Page<unknown>) {}

  @PageValue(() => Boolean, { description: 'Whether there is more after this page.' })
  readonly hasNextPage!: boolean;

  @PageValue(() => Boolean, { description: 'Whether there is more before this page.' })
  readonly hasPreviousPage!: boolean;

  @ValueField(() => String, { nullable: true, description: 'For `before`; null when the page is empty.' })
  get startCursor(): string | null {
    return this.page.edges[0]?.cursor ?? null;
  }

  @ValueField(() => String, { nullable: true, description: 'For `after`; null when the page is empty.' })
  get endCursor(): string | null {
    return this.page.edges.at(-1)?.cursor ?? null;
  }
}

/** The edge and connection types of one node type. Every list of the graph is made of these. */
export function connectionOf<T extends object>(nodeType: () => object, name: string) {
  @ObjectType(`${name}Edge`, { simpleResolvers: true, description: `One ${name} of a page, with its place.` })
  class Edge {
    @ValueField(() => String, { description: 'Its place in the list, for `after` and `before`. Opaque.' })
    readonly cursor!: string;

    @ValueField(nodeType, { description: `The ${name}.` })
    readonly node!: T;
  }

  @ObjectType(`${name}Connection`, { simpleResolvers: true, description: `A page of a list of ${name}.` })
  class Connection {
    constructor(readonly page: Page<T>) {}

    @ValueField(() => [Edge], { description: 'The page, each with its cursor.' })
    get edges(): readonly PageEdge<T>[] {
      return this.page.edges;
    }

    @ValueField(() => [nodeType()], { description: 'The page without the cursors.' })
    get nodes(): readonly T[] {
      return this.page.facts.nodes;
    }

    @ValueField(() => PageInfo, { description: 'Where the page lies in the list.' })
    get pageInfo(): PageInfo {
      return new PageInfo(this.page);
    }

    @Field(() => Int, {
      nullable: true,
      description: 'How many the whole list has, in the same view as the page. Counted only when asked for.',
    })
    totalCount(@Ctx() context: GatewayContext): Promise<number> {
      // counted at the seq of the page, so it changes only if the page does
      return this.page.facts.count(context.trackedServices);
    }
  }

  return Connection;
}

/** Computes the coverage of a list; `null` if the list is not of a window of time. */
export type ReadCoverage = (services: RequestServices) => Promise<CoverageReport | null>;

/** The connection of a record type: a page with its view, coverage and freshness. */
export function recordConnectionOf<T extends object>(nodeType: () => object, name: string) {
  @ObjectType({ simpleResolvers: true, description: `A page of a list of ${name}.` })
  class RecordConnection extends connectionOf<T>(nodeType, name) {
    constructor(
      page: Page<T>,
      readonly view: View,
      private readonly readCoverage: ReadCoverage,
    ) {
      super(page);
    }

    @ValueField(() => DateTime, {
      description:
        'The instant whose state this page shows, in the gateway’s time (UTC): the last recording it includes. All pages of a walk have the same; asked for as `asOf`, the same is seen again.',
    })
    get asOf(): Instant {
      return this.view.asOf;
    }

    @Field(() => CoverageReport, {
      nullable: true,
      description:
        'Whether all there is in the window of this list was collected. The window is the filter’s on the time that the resource is collected by, else from where the collection begins until now (or `asOf`). Null for the threats of a case: `missingThreatIds` names what is not held.',
    })
    coverage(@Ctx() context: GatewayContext): Promise<CoverageReport | null> {
      return this.readCoverage(context.services);
    }

    @ValueField(() => FreshnessReport, {
      nullable: true,
      description: 'How fresh it is. Null with `asOf`, and on pages after the first, which repeat its view.',
    })
    get freshness(): FreshnessReport | null {
      return toReport(this.view);
    }
  }

  return RecordConnection;
}

function toReport({ freshness }: View): FreshnessReport | null {
  if (freshness === null) return null;
  const { stale, verifiedAt } = freshness;
  if (!freshness.stale) return { stale, verifiedAt, live: freshness.live, code: null, reason: null };
  return { stale, verifiedAt, live: true, code: upstreamErrorCode(freshness.code), reason: freshness.reason };
}
