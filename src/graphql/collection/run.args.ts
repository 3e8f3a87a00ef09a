import { ArgsType, Field, ID } from 'type-graphql';
import { ForwardArgs } from '../lists/page-args.js';

@ArgsType()
export class RunListArgs extends ForwardArgs {
  @Field(() => [ID], { nullable: true, description: 'Only these integrations, by name; all when not given.' })
  integrations?: string[] | null;
}
