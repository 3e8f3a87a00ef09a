import { ArgsType, Field, ID } from 'type-graphql';
import type { Instant } from '../../values/instant.js';
import { DateTime } from '../base/date-time.scalar.js';
import { ForwardArgs } from '../lists/page-args.js';
import { Trend } from './evidence.enums.js';

@ArgsType()
export class EvidenceArgs {
  @Field(() => String, {
    description:
      'Which time, in UTC: a quarter (`2026-Q3`), a month (`2026-09`), an ISO week (`2026-W37`), a day (`2026-09-14`), or `FROM/TO`, each a day or a time with its zone; TO itself is not in it. Between the year 2000 and a year from now.',
  })
  period!: string;

  @Field(() => [ID], { nullable: true, description: 'Only these controls, by id; all when not given.' })
  controls?: string[] | null;

  @Field(() => DateTime, {
    nullable: true,
    description:
      'Judge what was recorded by this instant, in the gateway’s own time (UTC); not in the future. The newest when not given. The same period as of the same instant has the same evidence at any time.',
  })
  asOf?: Instant | null;

  @Field(() => [ID], {
    nullable: true,
    description: 'Only these integrations, by name, judged together; all that had been read when not given.',
  })
  integrations?: string[] | null;

  @Field(() => Trend, { nullable: true, description: 'Judge the period’s parts too, so that a trend shows.' })
  trend?: Trend | null;
}

@ArgsType()
export class PopulationArgs extends ForwardArgs {
  @Field(() => ID, { description: 'The control, by id: one whose members are records or messages.' })
  control!: string;

  @Field(() => String, { description: 'Which time, in UTC, as for `evidence`.' })
  period!: string;

  @Field(() => DateTime, {
    nullable: true,
    description:
      'What was recorded by this instant, in the gateway’s own time (UTC); not in the future. The newest when not given.',
  })
  asOf?: Instant | null;

  @Field(() => [ID], {
    nullable: true,
    description: 'Only these integrations, by name; all that had been read when not given.',
  })
  integrations?: string[] | null;
}
