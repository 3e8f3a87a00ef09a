import { ArgsType, Field, Int } from 'type-graphql';
import { badInput } from '../base/errors.js';

export const DEFAULT_PAGE = 25;
export const LARGEST_PAGE = 100;

/** Arguments of lists that are read in one direction. */
@ArgsType()
export class ForwardArgs {
  @Field(() => Int, {
    nullable: true,
    description: `How many, from the start or after \`after\`: 1 to ${LARGEST_PAGE}, ${DEFAULT_PAGE} when nothing is said.`,
  })
  first?: number | null;

  @Field(() => String, {
    nullable: true,
    description:
      'Only what comes after this cursor, in the view that the first page pinned: later writes neither repeat nor skip anything.',
  })
  after?: string | null;
}

/** Arguments of lists that are read in either direction. */
@ArgsType()
export class PageArgs extends ForwardArgs {
  @Field(() => Int, {
    nullable: true,
    description: `How many, from the end or before \`before\`: 1 to ${LARGEST_PAGE}. Not together with \`first\`.`,
  })
  last?: number | null;

  @Field(() => String, {
    nullable: true,
    description: 'Only what comes before this cursor, in the view that it pins. Goes with `last`.',
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
  if (first !== null && last !== null) throw badInput('Give either first or last, not both.');
  const backward = last !== null || (first === null && before !== null);
  if (backward && after !== null) throw badInput('"after" goes with first; with last give "before".');
  if (!backward && before !== null) throw badInput('"before" goes with last; with first give "after".');
  const limit = first ?? last ?? DEFAULT_PAGE;
  if (limit < 1 || limit > LARGEST_PAGE) {
    throw badInput(`${backward ? 'last' : 'first'} must be from 1 to ${LARGEST_PAGE}; it is ${limit}.`);
  }
  return { limit, backward, cursor: backward ? before : after };
}
