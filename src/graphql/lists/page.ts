import { createHash } from 'node:crypto';
import type { GraphQLError } from 'graphql';
import { ArgsType, Field, Int } from 'type-graphql';
import type { HistoryStore } from '../../history/store.js';
import type { RecordKey } from '../../resources/registry.js';
import type { Instant } from '../../values/instant.js';
import { badInput } from '../base/errors.js';
import type { Loaders } from '../request/loaders.js';

interface PageServices {
  readonly store: HistoryStore;
  readonly loaders: Loaders;
}

interface PageFacts<T> {
  readonly nodes: readonly T[];
  /** The cursor of the node at an index; called only if cursors are selected. */
  readonly cursorAt: (index: number) => string;
  /** Where to continue after a page without nodes; `null` after all others. */
  readonly endCursor: string | null;
  readonly hasNextPage: boolean;
  readonly hasPreviousPage: boolean;
  /** Counts the whole list; called only if `totalCount` is selected. */
  readonly count: (services: PageServices) => Promise<number>;
}

export class PageEdge<T> {
  private place: string | null = null;

  constructor(
    private readonly facts: PageFacts<T>,
    private readonly index: number,
    readonly node: T,
  ) {}

  get cursor(): string {
    this.place ??= this.facts.cursorAt(this.index);
    return this.place;
  }
}

export class ConnectionPage<T> {
  private made: readonly PageEdge<T>[] | null = null;

  constructor(readonly facts: PageFacts<T>) {}

  get edges(): readonly PageEdge<T>[] {
    this.made ??= this.facts.nodes.map((node, index) => new PageEdge(this.facts, index, node));
    return this.made;
  }
}

export const DEFAULT_PAGE = 25;
export const LARGEST_PAGE = 100;

@ArgsType()
export class ForwardArgs {
  @Field(() => Int, {
    nullable: true,
    description: `Number of items, from the start or after \`after\`: 1 to ${LARGEST_PAGE}, default ${DEFAULT_PAGE}.`,
  })
  first?: number | null;

  @Field(() => String, {
    nullable: true,
    description:
      'Only items after this cursor, in the snapshot of the first page: later writes neither repeat nor skip items.',
  })
  after?: string | null;
}

@ArgsType()
export class PageArgs extends ForwardArgs {
  @Field(() => Int, {
    nullable: true,
    description: `Number of items, from the end or before \`before\`: 1 to ${LARGEST_PAGE}. Cannot be combined with \`first\`.`,
  })
  last?: number | null;

  @Field(() => String, {
    nullable: true,
    description: 'Only items before this cursor, in the snapshot of the cursor. Requires `last`.',
  })
  before?: string | null;
}

function toPageRequest(args: PageArgs) {
  const { first = null, last = null, after = null, before = null } = args;
  if (first !== null && last !== null)
    throw badInput('first and last cannot be combined. Pass one of them.', 'last');
  const backward = last !== null || (first === null && before !== null);
  if (backward && after !== null)
    throw badInput('"after" can only be combined with first. With last, pass "before".', 'after');
  if (!backward && before !== null)
    throw badInput('"before" can only be combined with last. With first, pass "after".', 'before');
  const limit = first ?? last ?? DEFAULT_PAGE;
  if (limit < 1 || limit > LARGEST_PAGE) {
    const name = backward ? 'last' : 'first';
    throw badInput(`${name} must be from 1 to ${LARGEST_PAGE}; it is ${limit}.`, name);
  }
  return { limit, backward, cursor: backward ? before : after };
}

export type CursorValue = string | number | boolean | null;

/** The arguments that must be the same on every page. */
type Terms = Readonly<Record<string, CursorValue>>;

export interface ReadCursor {
  /** The view of the first page, in which all pages are read. */
  readonly pin: readonly CursorValue[];
  readonly place: readonly CursorValue[];
}

/** Throws if the cursor is of another list, or of this list with other arguments. */
function readCursor(text: string, list: string, terms: Terms, argument: string): ReadCursor {
  const [ofList, ofTerms, pin, place] = parse(text, argument);
  if (ofList !== list)
    throw badInput(`This cursor belongs to ${ofList}, not to ${list}: ${FIRST_PAGE}`, argument);
  Object.entries(terms).forEach(([name, value], index) => {
    if (ofTerms[index] !== value) {
      const message = `This cursor belongs to a list with another ${name}. Pass the same ${name}; ${FIRST_PAGE}`;
      throw badInput(message, argument);
    }
  });
  return { pin, place };
}

/** For a valid cursor whose view or place is not in this history. */
export function foreignCursor(): GraphQLError {
  return badInput(
    'This cursor belongs to another history. To start from the first page, omit the cursor.',
    'after',
  );
}

const FIRST_PAGE = 'To start from the first page, omit the cursor.';

type Parsed = [string, CursorValue[], CursorValue[], CursorValue[]];

function parse(text: string, argument: string): Parsed {
  try {
    const value: unknown = JSON.parse(Buffer.from(text, 'base64url').toString());
    if (isParsed(value)) return value;
  } catch {
    // not JSON: refused below
  }
  throw badInput(
    `${JSON.stringify(text)} is not a cursor of this graph. Pass a "cursor", "startCursor" or "endCursor" of an earlier page, unchanged.`,
    argument,
  );
}

function isParsed(value: unknown): value is Parsed {
  if (!Array.isArray(value) || value.length !== 4 || typeof value[0] !== 'string') return false;
  return value.slice(1).every((part) => Array.isArray(part) && part.every(isCursorValue));
}

function isCursorValue(value: unknown): value is CursorValue {
  return value === null || ['string', 'number', 'boolean'].includes(typeof value);
}

export function fingerprint(value: unknown): string {
  return createHash('sha256').update(JSON.stringify(value)).digest('base64url').slice(0, 11);
}

interface FoundRows<Row, T> {
  readonly toNode: (row: Row) => T;
  /** The position of a row in the list. */
  readonly placeOf: (row: Row, index: number) => readonly CursorValue[];
  /** The view of the first page; missing for lists of the current state. */
  readonly pin?: readonly CursorValue[];
  /** Default: whether some rows do not fit on the page. */
  readonly hasMore?: boolean;
  /** Where to continue after a page without rows that is not the last. */
  readonly endCursor?: string | null;
  readonly count: PageFacts<T>['count'];
}

export class ListWalk {
  readonly limit: number;
  readonly backward: boolean;
  /** `null`: the page begins at the end where the walk begins. */
  readonly cursor: ReadCursor | null;

  constructor(
    args: PageArgs,
    private readonly list: string,
    private readonly terms: Terms,
  ) {
    const { limit, backward, cursor } = toPageRequest(args);
    this.limit = limit;
    this.backward = backward;
    this.cursor = cursor === null ? null : readCursor(cursor, list, terms, backward ? 'before' : 'after');
  }

  cursorTo(place: readonly CursorValue[], pin: readonly CursorValue[]): string {
    return this.writer(pin)(place);
  }

  private writer(pin: readonly CursorValue[]): (place: readonly CursorValue[]) => string {
    const head = JSON.stringify([this.list, Object.values(this.terms), pin]).slice(0, -1);
    return (place) => Buffer.from(`${head},${JSON.stringify(place)}]`).toString('base64url');
  }

  /** The page of the first `limit` rows from the cursor on, in the direction of the walk. */
  page<Row, T>(found: readonly Row[], options: FoundRows<Row, T>): ConnectionPage<T> {
    const { toNode, placeOf, pin = [], hasMore = found.length > this.limit, endCursor = null } = options;
    const rows = found.slice(0, this.limit);
    if (this.backward) rows.reverse();
    let write: ReturnType<typeof this.writer> | null = null;
    return new ConnectionPage({
      nodes: rows.map(toNode),
      cursorAt: (index) => {
        write ??= this.writer(pin);
        return write(placeOf(rows[index] as Row, index));
      },
      endCursor,
      hasNextPage: this.backward ? this.cursor !== null : hasMore,
      hasPreviousPage: this.backward ? hasMore : this.cursor !== null,
      count: options.count,
    });
  }
}

/** A list that is part of a record and is read as a whole. */
interface ArrayList<T, V> {
  /** The name in cursors, such as `Case.threats`. */
  readonly list: string;
  readonly owner: RecordKey;
  readonly view: V;
  /** The list in a view: the owner's, or the one that a cursor pins. */
  readonly read: (view: V) => T[] | Promise<T[]>;
  readonly idOf: (item: T) => string;
}

/** A page of it, with the view it was read in: that of the first page of the walk. */
export async function arrayPage<
  T,
  V extends { readonly seq: number; readonly asOf: Instant; readonly frozen: boolean },
>(within: ArrayList<T, V>, args: PageArgs): Promise<{ page: ConnectionPage<T>; view: V }> {
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
