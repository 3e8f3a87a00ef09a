import { ArgsType, Field, ID, Int } from 'type-graphql';
import type { Instant } from '../../values/instant.js';
import { DateTime } from '../base/date-time.scalar.js';
import { PageArgs } from './page-args.js';

const AS_OF =
  'The graph as it was recorded at this instant, everything below included. Never asks Abnormal, so it goes without `maxAge`; not in the future. Before the first recording the answer is the error `NOT_COLLECTED`, which names that instant.';
const MAX_AGE =
  'How old the answer may be, in seconds; 0 asks Abnormal in any case. Older than this, Abnormal is asked first and what it says is recorded. The default is the gateway’s own (`DEFAULT_MAX_AGE`).';
const STALE_IF_ERROR =
  'What to do when Abnormal cannot answer: give what is recorded and say that it is stale (true), or fail with the reason (false).';

/** How fresh, or of when, an answer is to be. */
export interface ReadArgs {
  readonly asOf?: Instant | null;
  readonly maxAge?: number | null;
  readonly staleIfError?: boolean | null;
}

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
    description: 'The integration that it belongs to, by name; need not be said where there is only one.',
  })
  integration?: string | null;
}

@ArgsType()
export class ListArgs extends PageArgs implements ReadArgs {
  @Field(() => [ID], {
    nullable: true,
    description: 'Only these integrations, by name; all when nothing is said.',
  })
  integrations?: string[] | null;

  @Field(() => DateTime, { nullable: true, description: AS_OF })
  asOf?: Instant | null;

  @Field(() => Int, { nullable: true, description: MAX_AGE })
  maxAge?: number | null;

  @Field(() => Boolean, { nullable: true, defaultValue: true, description: STALE_IF_ERROR })
  staleIfError?: boolean | null;
}
