import { ArgsType, Field, ID } from 'type-graphql';
import type { Resource } from '../../resources/kind.js';
import type { Instant } from '../../values/instant.js';
import { DateTime } from '../base/date-time.scalar.js';
import { ResourceEnum } from './run.type.js';

@ArgsType()
export class CoverageArgs {
  @Field(() => ResourceEnum, { description: 'What was collected.' })
  resource!: Resource;

  @Field(() => DateTime, {
    nullable: true,
    description: 'Where the window begins (UTC), inclusive; where the collection does when not given.',
  })
  from?: Instant | null;

  @Field(() => DateTime, {
    nullable: true,
    description:
      'Where the window ends (UTC), exclusive, at most now (or `asOf`), which it is when not given.',
  })
  to?: Instant | null;

  @Field(() => [ID], { nullable: true, description: 'Only these integrations, by name; all when not given.' })
  integrations?: string[] | null;

  @Field(() => DateTime, {
    nullable: true,
    description: 'What was covered at this instant, in the gateway’s own time (UTC); not in the future.',
  })
  asOf?: Instant | null;
}
