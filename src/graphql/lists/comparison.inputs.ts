import { Field, InputType, Int } from 'type-graphql';
import type { Instant } from '../../values/instant.js';
import { DateTime } from '../base/date-time.scalar.js';

const EQ_NULL = '`null` finds those of which it is not said.';
const ANY = 'Of a field with several values one that matches is enough.';

@InputType({ description: `Compares text. ${ANY}` })
export class TextFilter {
  @Field(() => String, { nullable: true, description: `Equal, upper and lower case apart. ${EQ_NULL}` })
  eq?: string | null;

  @Field(() => [String], { nullable: true, description: 'Equal to one of these, at most 500.' })
  in?: string[] | null;

  @Field(() => String, { nullable: true, description: 'Has this in it, in upper or lower case.' })
  contains?: string | null;
}

@InputType({ description: 'Compares instants.' })
export class DateTimeFilter {
  @Field(() => DateTime, { nullable: true, description: `Equal to the millisecond. ${EQ_NULL}` })
  eq?: Instant | null;

  @Field(() => DateTime, { nullable: true, description: 'At this instant or later.' })
  gte?: Instant | null;

  @Field(() => DateTime, { nullable: true, description: 'At this instant or earlier.' })
  lte?: Instant | null;
}

@InputType({ description: 'Compares whole numbers.' })
export class IntFilter {
  @Field(() => Int, { nullable: true, description: `Equal. ${EQ_NULL}` })
  eq?: number | null;

  @Field(() => [Int], { nullable: true, description: 'Equal to one of these, at most 500.' })
  in?: number[] | null;

  @Field(() => Int, { nullable: true, description: 'This or more.' })
  gte?: number | null;

  @Field(() => Int, { nullable: true, description: 'This or less.' })
  lte?: number | null;
}

@InputType({ description: 'Compares yes and no.' })
export class BooleanFilter {
  @Field(() => Boolean, { nullable: true, description: `Equal. ${EQ_NULL}` })
  eq?: boolean | null;
}

/** The input that compares values of one enum, `<name>Filter`. */
export function enumFilter(name: string, type: object): object {
  @InputType(`${name}Filter`, { description: `Compares a ${name}. ${ANY}` })
  class EnumFilter {
    @Field(() => type, { nullable: true, description: `Equal. ${EQ_NULL}` })
    eq?: string | null;

    @Field(() => [type], { nullable: true, description: 'Equal to one of these.' })
    in?: string[] | null;
  }
  return EnumFilter;
}
