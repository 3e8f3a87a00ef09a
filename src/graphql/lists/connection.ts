import { Ctx, Field, Int } from 'type-graphql';
import type { RecordKey } from '../../resources/registry.js';
import type { Instant } from '../../values/instant.js';
import { badInput, upstreamErrorCode } from '../base/errors.js';
import { OutputType, ValueField, valueFieldFrom } from '../base/fields.js';
import { CoverageReport, FreshnessReport } from '../collection/coverage.type.js';
import type { GatewayContext, RequestServices } from '../request/services.js';
import { type ConnectionPage, foreignCursor, ListWalk, type PageArgs, type PageEdge } from './page.js';
import type { View } from './view.js';

const PageValue = valueFieldFrom('page.facts');

@OutputType('Position of a page in its list.')
class PageInfo {
  constructor(readonly page: ConnectionPage<unknown>) {}

  @PageValue.boolean('Whether there are items after this page.')
  readonly hasNextPage!: boolean;

  @PageValue.boolean('Whether there are items before this page.')
  readonly hasPreviousPage!: boolean;

  @ValueField.textOrNull('Cursor for `before`; null if the page is empty.')
  get startCursor(): string | null {
    return this.page.edges[0]?.cursor ?? null;
  }

  @ValueField.textOrNull('Cursor for `after`; null if the page is empty.')
  get endCursor(): string | null {
    return this.page.edges.at(-1)?.cursor ?? this.page.facts.endCursor;
  }
}

/** The edge and connection types of one node type. Every list of the graph is made of these. */
export function connectionOf<T extends object>(nodeType: () => object, name: string) {
  @OutputType(`One ${name} of a page, with its cursor.`, { name: `${name}Edge` })
  class Edge {
    @ValueField.text('Position in the list, for `after` and `before`. Opaque.')
    readonly cursor!: string;

    @ValueField(nodeType, { description: `The ${name}.` })
    readonly node!: T;
  }

  @OutputType(`A page of a list of ${name}.`, { name: `${name}Connection` })
  class Connection {
    constructor(readonly page: ConnectionPage<T>) {}

    @ValueField(() => [Edge], { description: 'The items of the page, each with its cursor.' })
    get edges(): readonly PageEdge<T>[] {
      return this.page.edges;
    }

    @ValueField(() => [nodeType()], { description: 'The items of the page without cursors.' })
    get nodes(): readonly T[] {
      return this.page.facts.nodes;
    }

    @ValueField(() => PageInfo, { description: 'Position of the page in the list.' })
    get pageInfo(): PageInfo {
      return new PageInfo(this.page);
    }

    @Field(() => Int, {
      nullable: true,
      description:
        'Number of items in the whole list, in the same view as the page. Counted only if selected.',
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
  @OutputType(`A page of a list of ${name}.`)
  class RecordConnection extends connectionOf<T>(nodeType, name) {
    constructor(
      page: ConnectionPage<T>,
      readonly view: View,
      private readonly readCoverage: ReadCoverage,
    ) {
      super(page);
    }

    @ValueField.instant(
      'The snapshot that this page shows, in the gateway’s time (UTC): the last recording that it includes. All pages of one list have the same value. Pass it as `asOf` to see the same state again.',
    )
    get asOf(): Instant {
      return this.view.asOf;
    }

    @Field(() => CoverageReport, {
      nullable: true,
      description:
        'Whether the window of this list was collected completely. The window is the filter’s range of the time that the resource is collected by; without one, from the start of the collection until now (or `asOf`). Null for the threats of a case, of which `missingThreatIds` names those that are not stored, and for the messages of a threat.',
    })
    coverage(@Ctx() context: GatewayContext): Promise<CoverageReport | null> {
      return this.readCoverage(context.trackedServices);
    }

    @ValueField(() => FreshnessReport, {
      nullable: true,
      description:
        'How fresh the page is. Null with `asOf`, and on pages after the first, which repeat its snapshot.',
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

/** A list that is part of a record and is read as a whole. */
interface ArrayList<T> {
  /** The name in cursors, such as `Case.threats`. */
  readonly list: string;
  readonly owner: RecordKey;
  readonly view: View;
  /** The list in a view: the owner's, or the one that a cursor pins. */
  readonly read: (view: View) => T[] | Promise<T[]>;
  readonly idOf: (item: T) => string;
}

/** A page of it, with the view it was read in: that of the first page of the walk. */
interface PageWithin<T> {
  readonly page: ConnectionPage<T>;
  readonly view: View;
}

export async function arrayPage<T>(within: ArrayList<T>, args: PageArgs): Promise<PageWithin<T>> {
  const { owner, idOf } = within;
  const terms = {
    [owner.kind]: `${owner.integration} ${owner.id}`,
    asOf: within.view.frozen ? within.view.asOf : null,
  };
  const walk = new ListWalk(args, within.list, terms);
  const [seq, asOf] = walk.cursor?.pin ?? [within.view.seq, within.view.asOf];
  if (typeof seq !== 'number' || typeof asOf !== 'string') throw foreignCursor();
  const view = { ...within.view, seq, asOf };
  const list = await within.read(view);
  const page = walk.page(rowsFrom(list, walk, idOf), {
    toNode: (item) => item,
    placeOf: (item) => [idOf(item)],
    pin: [view.seq, view.asOf],
    count: async () => list.length,
  });
  return { page, view };
}

/** What comes after the cursor in the direction of the walk. */
function rowsFrom<T>(list: readonly T[], { cursor, backward }: ListWalk, idOf: (item: T) => string): T[] {
  if (cursor === null) return backward ? list.toReversed() : list.slice();
  const [id] = cursor.place;
  if (typeof id !== 'string') throw foreignCursor();
  const place = list.findIndex((item) => idOf(item) === id);
  if (place === -1)
    throw badInput('The item of this cursor is no longer in the list. Omit the cursor.', 'after');
  return backward ? list.slice(0, place).reverse() : list.slice(place + 1);
}
