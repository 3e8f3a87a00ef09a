import { ArgsType, Field, ID, Int } from 'type-graphql';
import type { Instant } from '../../values/instant.js';
import { DateTime } from '../base/fields.js';
import type { FilterInput, KindFilter, KindOrder, OrderInput } from './list-args.js';
import { PageArgs } from './page.js';
import type { ReadArgs } from './view.js';

const AS_OF =
  'Returns the graph as it was recorded at this instant (UTC), including everything below. Never asks Abnormal, so it cannot be combined with `maxAge`. Must not be in the future. Before the first recording the answer is the error `NOT_COLLECTED`, which names that instant.';
const MAX_AGE =
  'Maximum age of the answer in seconds; 0 always asks Abnormal. If the stored answer is older, the gateway asks Abnormal first and records the response. Default: `DEFAULT_MAX_AGE`.';
const STALE_IF_ERROR =
  'If Abnormal cannot answer: return what is recorded and mark it as stale (true), or fail with the reason (false).';

@ArgsType()
export class NodeArgs implements ReadArgs {
  @Field(() => DateTime, { nullable: true, description: AS_OF })
  asOf?: Instant | null;

  @Field(() => Int, { nullable: true, description: MAX_AGE })
  maxAge?: number | null;

  @Field(() => Boolean, { nullable: true, defaultValue: true, description: STALE_IF_ERROR })
  staleIfError?: boolean | null;
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
export class ListArgs extends PageArgs implements ReadArgs {
  @Field(() => [ID], {
    nullable: true,
    description: 'Only these integrations, by name. Default: all.',
  })
  integrations?: string[] | null;

  @Field(() => DateTime, { nullable: true, description: AS_OF })
  asOf?: Instant | null;

  @Field(() => Int, { nullable: true, description: MAX_AGE })
  maxAge?: number | null;

  @Field(() => Boolean, { nullable: true, defaultValue: true, description: STALE_IF_ERROR })
  staleIfError?: boolean | null;
}

/** The arguments of a list with its own filter and order. */
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
