import { ArgsType, Ctx, Field, ID, InputType, Int } from 'type-graphql';
import type { RevisionRecord } from '../../model/revision.js';
import {
  DEFAULT_ORDER,
  DEFINITION_OF,
  type FIELDS,
  ID_NAMES,
  type ListedKind,
} from '../../resources/registry.js';
import type { Instant } from '../../values/instant.js';
import { upstreamErrorCode } from '../base/errors.js';
import {
  DateTime,
  describedEnum,
  enumOf,
  graphName,
  OnlyIntegrations,
  OutputType,
  outputType,
  showFields,
  Value,
} from '../base/fields.js';
import { type CoverageFacts, CoverageReport, FreshnessReport } from '../collection/coverage.type.js';
import type { RecordNode } from '../records/record.type.js';
import type { GatewayContext, RequestServices } from '../request/services.js';
import { type FilterFields, type FilterInput, filterInputFor, type KindFilter } from './filter-input.js';
import { type ConnectionPage, PageArgs, type PageEdge } from './page.js';
import type { ReadArgs, View } from './view.js';

@OutputType('Position of a page in its list.')
class PageInfo {
  constructor(readonly page: ConnectionPage<unknown>) {}
}

showFields(PageInfo, 'page.facts', {
  hasNextPage: Value.boolean('Whether there are items after this page.'),
  hasPreviousPage: Value.boolean('Whether there are items before this page.'),
  startCursor: Value.textOrNull('Cursor for `before`; null if the page is empty.', {
    by: (_facts, { page }) => page.edges[0]?.cursor ?? null,
  }),
  endCursor: Value.textOrNull('Cursor for `after`; null if the page is empty.', {
    by: ({ endCursor }, { page }) => page.edges.at(-1)?.cursor ?? endCursor,
  }),
});

/** The edge and connection types of one node type. Every list of the graph is made of these. */
export function connectionOf<T extends object>(
  nodeType: () => abstract new (...args: never) => T,
  name: string,
) {
  const Edge = outputType<Pick<PageEdge<T>, 'cursor' | 'node'>>(
    `${name}Edge`,
    `One ${name} of a page, with its cursor.`,
    {
      cursor: Value.text('Position in the list, for `after` and `before`. Opaque.'),
      node: Value.object(nodeType, `The ${name}.`),
    },
  );

  @OutputType(`A page of a list of ${name}.`, { name: `${name}Connection` })
  class Connection {
    constructor(readonly page: ConnectionPage<T>) {}

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

  showFields(Connection, 'page', {
    edges: Value.list(() => Edge, 'The items of the page, each with its cursor.'),
    nodes: Value.list(nodeType, 'The items of the page without cursors.', { by: ({ facts }) => facts.nodes }),
    pageInfo: Value.object(() => PageInfo, 'Position of the page in the list.', {
      by: (page) => new PageInfo(page),
    }),
  });
  return Connection;
}

/** Computes the coverage of a list; `null` if the list is not of a window of time. */
export type ReadCoverage = (services: RequestServices) => Promise<CoverageFacts | null>;

export function recordConnectionOf<T extends object>(
  nodeType: () => abstract new (...args: never) => T,
  name: string,
  description: string,
) {
  @OutputType(description, { name: `${name}Connection` })
  class RecordConnection extends connectionOf<T>(nodeType, name) {
    constructor(
      page: ConnectionPage<T>,
      readonly view: View,
      private readonly readCoverage: ReadCoverage,
    ) {
      super(page);
    }

    @Field(() => CoverageReport, {
      nullable: true,
      description:
        'Whether the window of this list was collected completely. The window is the filter’s range of the time that the resource is collected by; without one, from the start of the collection until now (or `asOf`). Null for the threats of a case, of which `missingThreatIds` names those that are not stored, and for the messages of a threat.',
    })
    coverage(@Ctx() context: GatewayContext): Promise<CoverageFacts | null> {
      return this.readCoverage(context.trackedServices);
    }
  }

  showFields(RecordConnection, 'view', {
    asOf: Value.instant(
      'The snapshot that this page shows, in the gateway’s time (UTC): the last recording that it includes. All pages of one list have the same value. Pass it as `asOf` to see the same state again.',
    ),
    freshness: Value.objectOrNull(
      () => FreshnessReport,
      'How fresh the page is. Null with `asOf`, and on pages after the first, which repeat its snapshot.',
      { by: toReport },
    ),
  });
  return RecordConnection;
}

function toReport({ freshness }: View): InstanceType<typeof FreshnessReport> | null {
  if (freshness === null) return null;
  const { stale, verifiedAt } = freshness;
  if (!freshness.stale) return { stale, verifiedAt, live: freshness.live, code: null, reason: null };
  return { stale, verifiedAt, live: true, code: upstreamErrorCode(freshness.code), reason: freshness.reason };
}

const OrderDirection = describedEnum<'ASC' | 'DESC'>('OrderDirection', 'Direction of an order.', {
  ASC: 'Ascending: smallest or oldest first; records without a value come first.',
  DESC: 'Descending: largest or newest first; records without a value come last.',
});

interface OrderInput {
  readonly field: string;
  readonly direction?: 'ASC' | 'DESC' | null;
}

export interface Order {
  readonly field: string;
  readonly descending: boolean;
}

type Fields<K extends ListedKind> = (typeof FIELDS)[K];

type OrderFieldOf<K extends ListedKind> = {
  [F in keyof Fields<K>]: Fields<K>[F] extends { order: true } ? F : never;
}[keyof Fields<K>];

export interface KindOrder {
  readonly type: object;
  readonly fields: readonly string[];
  /** Default: the kind's own order, newest first. */
  readonly toOrder: (input: OrderInput | null | undefined) => Order;
}

/** Each field in words, with its name in the graph where that is not its own. */
type OrderFields<Name extends string> = Readonly<
  Record<Name, string | { readonly name: string; readonly description: string }>
>;

function orderOf<K extends ListedKind>(kind: K, fields: OrderFields<OrderFieldOf<K> & string>): KindOrder {
  const ties = 'integration, then by Abnormal’s id';
  return orderBy(DEFINITION_OF[kind].graphType, fields, DEFAULT_ORDER[kind], ties, ID_NAMES[kind]);
}

/** An order of anything; `ties` says by what equal values are ordered. */
export function orderBy(
  noun: string,
  fields: OrderFields<string>,
  byDefault: string,
  ties: string,
  idName = 'id',
): KindOrder {
  const names = enumOf(
    `${noun}OrderField`,
    `Fields that a list of ${noun} can be ordered by.`,
    Object.entries(fields).map(([field, shown]) => {
      const name = graphName(field === 'id' ? idName : field);
      return typeof shown === 'string' ? [name, field, shown] : [shown.name, field, shown.description];
    }),
  );

  @InputType(`${noun}Order`, {
    description: `The order of a list. Equal values are ordered by ${ties}, in the same direction.`,
  })
  class Input {
    @Field(() => names, { description: 'The field to order by.' })
    field!: string;

    @Field(() => OrderDirection, {
      nullable: true,
      defaultValue: 'DESC',
      description: 'The direction. `null` means the default.',
    })
    direction?: 'ASC' | 'DESC' | null;
  }

  const toOrder = (input: OrderInput | null | undefined): Order =>
    input
      ? { field: input.field, descending: input.direction !== 'ASC' }
      : { field: byDefault, descending: true };
  return { type: Input, fields: Object.keys(fields), toOrder };
}

const AsOf = Field(() => DateTime, {
  nullable: true,
  description:
    'Returns the graph as it was recorded at this instant (UTC), including everything below. Never asks Abnormal, so it cannot be combined with `maxAge`. Must not be in the future. Before the first recording the answer is the error `NOT_COLLECTED`, which names that instant.',
});
const MaxAge = Field(() => Int, {
  nullable: true,
  description:
    'Maximum age of the answer in seconds; 0 always asks Abnormal. If the stored answer is older, the gateway asks Abnormal first and records the response. Default: `DEFAULT_MAX_AGE`.',
});
const StaleIfError = Field(() => Boolean, {
  nullable: true,
  defaultValue: true,
  description:
    'If Abnormal cannot answer: return what is recorded and mark it as stale (true), or fail with the reason (false).',
});

@ArgsType()
export class NodeArgs implements ReadArgs {
  @AsOf asOf?: Instant | null;
  @MaxAge maxAge?: number | null;
  @StaleIfError staleIfError?: boolean | null;
}

@ArgsType()
export class RecordArgs extends NodeArgs {
  @Field(() => ID, {
    nullable: true,
    description: 'Name of the integration that the record belongs to. Optional if there is only one.',
  })
  integration?: string | null;
}

@ArgsType()
class ListArgs extends PageArgs implements ReadArgs {
  @OnlyIntegrations integrations?: string[] | null;
  @AsOf asOf?: Instant | null;
  @MaxAge maxAge?: number | null;
  @StaleIfError staleIfError?: boolean | null;
}

export function listArgsOf(
  filter: KindFilter,
  order: KindOrder,
  noun: string,
  byDefault: string,
): new () => FilteredListArgs {
  @ArgsType()
  class Args extends ListArgs {
    @Field(() => filter.type, { nullable: true, description: `Only ${noun} that match this filter.` })
    filter?: FilterInput | null;

    @Field(() => order.type, { nullable: true, description: `The order. Default: ${byDefault}.` })
    orderBy?: OrderInput | null;
  }
  return Args;
}

export type FilteredListArgs = ListArgs & {
  readonly filter?: FilterInput | null;
  readonly orderBy?: OrderInput | null;
};

interface ListTexts<K extends ListedKind> {
  readonly page: string;
  readonly filter: FilterFields<K>;
  readonly order: OrderFields<OrderFieldOf<K> & string>;
}

/** The list of a kind: its connection, its filter and its order, whose types have the name of the node. */
export function recordListOf<K extends ListedKind, T extends RecordNode<K>>(
  kind: K,
  Node: new (revision: RevisionRecord<K>, view: View) => T,
  { page, filter, order }: ListTexts<K>,
) {
  const Connection = recordConnectionOf<T>(() => Node, DEFINITION_OF[kind].graphType, page);
  return { kind, Node, Connection, filter: filterInputFor(kind, filter), order: orderOf(kind, order) };
}
