import { ArgsType, Field, ID } from 'type-graphql';
import type { Kind } from '../../resources/kind.js';
import { ForwardArgs } from '../lists/page-args.js';
import { QuarantinedKindEnum } from './quarantine.type.js';

@ArgsType()
export class QuarantineArgs extends ForwardArgs {
  @Field(() => [ID], { nullable: true, description: 'Only these integrations, by name; all when not given.' })
  integrations?: string[] | null;

  @Field(() => [QuarantinedKindEnum], {
    nullable: true,
    description: 'Only what is of these kinds; all when not given.',
  })
  kinds?: Kind[] | null;
}
