import { ID, ObjectType } from 'type-graphql';
import type { Resource } from '../../resources/kind.js';
import { PlainField } from '../base/plain-field.js';
import { Reconciliation } from './reconciliation.type.js';
import { ResourceEnum, Run } from './run.type.js';

@ObjectType({ simpleResolvers: true, description: 'The poll of one resource of one integration.' })
export class PollOutcome {
  @PlainField(() => ID, { description: 'The integration, by name.' })
  readonly integration!: string;

  @PlainField(() => ResourceEnum, { description: 'What was polled.' })
  readonly resource!: Resource;

  @PlainField(() => Boolean, {
    description: 'Whether it has ended; else it goes on, and `run` is how far it has come.',
  })
  readonly finished!: boolean;

  @PlainField(() => Run, {
    nullable: true,
    description: 'Its run, with what it cost and brought; null where it has recorded nothing yet.',
  })
  readonly run!: Run | null;
}

@ObjectType({ simpleResolvers: true, description: 'What came of polling at somebody’s wish.' })
export class PollNowPayload {
  @PlainField(() => Boolean, { description: 'Whether all of it has ended.' })
  readonly finished!: boolean;

  @PlainField(() => [PollOutcome], { description: 'Each resource of each integration.' })
  readonly polls!: readonly PollOutcome[];
}

@ObjectType({ simpleResolvers: true, description: 'What came of reconciling at somebody’s wish.' })
export class ReconcileNowPayload {
  @PlainField(() => Boolean, { description: 'Whether all of it has ended; else it goes on.' })
  readonly finished!: boolean;

  @PlainField(() => [Reconciliation], { description: 'The windows compared so far.' })
  readonly reconciliations!: readonly Reconciliation[];
}
