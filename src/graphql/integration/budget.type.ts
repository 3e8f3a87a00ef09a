import { Int, ObjectType } from 'type-graphql';
import type { BudgetSnapshot } from '../../abnormal/budget.js';
import type { Instant } from '../../values/instant.js';
import { DateTime } from '../base/date-time.scalar.js';
import { PlainField } from '../base/plain-field.js';

@ObjectType({
  simpleResolvers: true,
  description: 'Requests that wait for leave to be sent, by who waits for them.',
})
export class BudgetQueue {
  @PlainField(() => Int, { description: 'For queries: they go first.' })
  readonly interactive!: number;

  @PlainField(() => Int, { description: 'For polls.' })
  readonly poll!: number;

  @PlainField(() => Int, { description: 'For the backfill.' })
  readonly backfill!: number;
}

@ObjectType({
  simpleResolvers: true,
  description: 'How many requests an Abnormal account may be sent (`UPSTREAM_RPM`), and how many were.',
})
export class UpstreamBudget implements BudgetSnapshot {
  @PlainField(() => Int, { description: 'Requests allowed in any 60 seconds.' })
  readonly limit!: number;

  @PlainField(() => Int, {
    description: 'Requests that count against it now: in flight, or answered in the last minute.',
  })
  readonly used!: number;

  @PlainField(() => DateTime, {
    nullable: true,
    description: 'When the next can be sent at the soonest (UTC); null when one can be sent now.',
  })
  readonly resetsAt!: Instant | null;

  @PlainField(() => BudgetQueue, { description: 'Who waits.' })
  readonly waiting!: BudgetQueue;
}
