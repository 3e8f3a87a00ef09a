import { createHash } from 'node:crypto';
import { ArgsType, Field, Int } from 'type-graphql';
import type { HistoryStore } from '../../history/store.js';
import { badInput } from '../base/errors.js';
import type { Loaders } from '../request/loaders.js';

/** What the pages of a list are counted with. */
export interface PageServices {
  readonly store: HistoryStore;
  readonly loaders: Loaders;
}

/** What a reader found for one page of a list. */
interface PageFacts<T> {
  readonly nodes: readonly T[];
  /** The cursor of the node at an index; asked for only where cursors are. */
  readonly cursorAt: (index: number) => string;
  readonly hasNextPage: boolean;
  readonly hasPreviousPage: boolean;
  /** Counts the whole list; called only when `totalCount` is asked for. */
  readonly count: (services: PageServices) => Promise<number>;
}

/** A node of a page, with its place. */
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

/** One page of a list. */
export class Page<T> {
  private made: readonly PageEdge<T>[] | null = null;

  constructor(readonly facts: PageFacts<T>) {}

  get edges(): readonly PageEdge<T>[] {
    this.made ??= this.facts.nodes.map((node, index) => new PageEdge(this.facts, index, node));
    return this.made;
  }
}

export const DEFAULT_PAGE = 25;
export const LARGEST_PAGE = 100;

/** Arguments of lists that are read in one direction. */
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

/** Arguments of lists that are read in either direction. */
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

/** A page as asked for: so many from a cursor, or from the end that `backward` says. */
export interface PageRequest {
  readonly limit: number;
  readonly backward: boolean;
  readonly cursor: string | null;
}

/** Checks the paging arguments; what is wrong with them is the caller's error, with what is right. */
export function toPageRequest(args: PageArgs): PageRequest {
  const { first = null, last = null, after = null, before = null } = args;
  if (first !== null && last !== null) throw badInput('first and last cannot be combined. Pass one of them.');
  const backward = last !== null || (first === null && before !== null);
  if (backward && after !== null)
    throw badInput('"after" can only be combined with first. With last, pass "before".');
  if (!backward && before !== null)
    throw badInput('"before" can only be combined with last. With first, pass "after".');
  const limit = first ?? last ?? DEFAULT_PAGE;
  if (limit < 1 || limit > LARGEST_PAGE) {
    throw badInput(`${backward ? 'last' : 'first'} must be from 1 to ${LARGEST_PAGE}; it is ${limit}.`);
  }
  return { limit, backward, cursor: backward ? before : after };
}

export type CursorValue = string | number | boolean | null;

/** What a cursor remembers besides its place. */
interface CursorScope {
  /** Which list it belongs to. */
  readonly list: string;
  /** What must be asked again for the list to go on, by the argument's name. */
  readonly terms: Readonly<Record<string, CursorValue>>;
  /** The view that the first page pinned: every page after it is read there. */
  readonly pin: readonly CursorValue[];
}

export interface ReadCursor {
  readonly pin: readonly CursorValue[];
  readonly place: readonly CursorValue[];
}

/** Writes the cursors of one list; what they share is made once. */
export function cursorWriter(scope: CursorScope): (place: readonly CursorValue[]) => string {
  const head = JSON.stringify([scope.list, Object.values(scope.terms), scope.pin]).slice(0, -1);
  return (place) => Buffer.from(`${head},${JSON.stringify(place)}]`).toString('base64url');
}

/**
 * Reads a cursor for a list that is asked for with `terms`. A cursor of another list, or of this one with
 * other arguments, is the caller's error.
 */
export function readCursor(text: string, list: string, terms: CursorScope['terms']): ReadCursor {
  const [ofList, ofTerms, pin, place] = parse(text);
  if (ofList !== list) throw badInput(`This cursor belongs to ${ofList}, not to ${list}. ${ANEW}`);
  Object.entries(terms).forEach(([name, value], index) => {
    if (ofTerms[index] !== value) {
      throw badInput(`This cursor belongs to a list with another ${name}. Pass the same ${name}. ${ANEW}`);
    }
  });
  return { pin, place };
}

const ANEW = 'To start from the first page, omit the cursor.';

type Parsed = [string, CursorValue[], CursorValue[], CursorValue[]];

function parse(text: string): Parsed {
  try {
    const value: unknown = JSON.parse(Buffer.from(text, 'base64url').toString());
    if (isParsed(value)) return value;
  } catch {
    // not JSON: refused below
  }
  throw badInput(
    `${JSON.stringify(text)} is not a cursor of this graph. Pass a "cursor", "startCursor" or "endCursor" of an earlier page, unchanged.`,
  );
}

function isParsed(value: unknown): value is Parsed {
  if (!Array.isArray(value) || value.length !== 4 || typeof value[0] !== 'string') return false;
  return value.slice(1).every((part) => Array.isArray(part) && part.every(isCursorValue));
}

function isCursorValue(value: unknown): value is CursorValue {
  return value === null || ['string', 'number', 'boolean'].includes(typeof value);
}

/** A short fingerprint of arguments, equal for equal JSON. */
export function fingerprint(value: unknown): string {
  return createHash('sha256').update(JSON.stringify(value)).digest('base64url').slice(0, 11);
}
