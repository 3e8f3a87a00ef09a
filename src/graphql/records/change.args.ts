import { ArgsType, Field, ID } from 'type-graphql';
import type { ListedKind } from '../../resources/kind.js';
import type { Instant } from '../../values/instant.js';
import { DateTime } from '../base/date-time.scalar.js';
import { ForwardArgs } from '../lists/page-args.js';
import { RecordKind } from './revision.type.js';

@ArgsType()
export class ChangeArgs extends ForwardArgs {
  @Field(() => DateTime, {
    description: 'What was recorded after this instant, in the gateway’s own time (UTC).',
  })
  since!: Instant;

  @Field(() => DateTime, {
    nullable: true,
    description:
      'What was recorded up to and including this instant; all there is when not given. Before the first recording the answer is the error `NOT_COLLECTED`, which names that instant.',
  })
  until?: Instant | null;

  @Field(() => [RecordKind], {
    nullable: true,
    description: 'Only records of these kinds; all when not given.',
  })
  kinds?: ListedKind[] | null;

  @Field(() => [ID], { nullable: true, description: 'Only these integrations, by name; all when not given.' })
  integrations?: string[] | null;
}
