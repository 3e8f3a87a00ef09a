import { Arg, Args, ArgsType, Ctx, Field, Int, Mutation, Resolver } from 'type-graphql';
import type { Resource } from '../../resources/registry.js';
import { EARLIEST_ASKED, type Instant } from '../../values/instant.js';
import { badInput } from '../base/errors.js';
import { DateTime, OnlyIntegrations, outputType, Value } from '../base/fields.js';
import { Guard } from '../operation/guard.js';
import type { Patience, Wanted } from '../request/operations.js';
import {
  checkIntegrations,
  type GatewayContext,
  type RequestServices,
  runAudited,
} from '../request/services.js';
import { Reconciliation, type ReconcilingRun, ResourceEnum, Run } from './run.type.js';

const DEFAULT_WAIT = 15;
const LONGEST_WAIT = 25;

@ArgsType()
class CollectingArgs {
  @OnlyIntegrations
  integrations?: string[] | null;

  @Field(() => [ResourceEnum], { nullable: true, description: 'Only these resources. Default: all.' })
  resources?: Resource[] | null;

  @Field(() => Int, {
    nullable: true,
    description: `How many seconds to wait for the end: 0 to ${LONGEST_WAIT}, default ${DEFAULT_WAIT}. The work continues in any case.`,
  })
  wait?: number | null;
}

/** Work that an operator starts. It continues when the caller disconnects. */
@Resolver()
export class CollectingMutations {
  @Guard('operator')
  @Mutation(() => PollNowPayload, {
    nullable: true,
    description:
      'Polls now, without waiting for the interval: new records first, then older gaps, then records that may have changed. If a poll is running, this call joins it.',
  })
  async pollNow(
    @Args(() => CollectingArgs) args: CollectingArgs,
    @Ctx() { services }: GatewayContext,
  ): Promise<InstanceType<typeof PollNowPayload>> {
    const { wanted, patience, target } = await asked(services, args);
    const polled = await runAudited(services, {
      ...{ action: 'POLL', target },
      work: (operations) => operations.poll(wanted, patience),
      detailOf: (polls) =>
        polls.map(({ integration, resource, runId }) => `${integration}/${resource} run ${runId}`).join('; '),
    });
    const polls = await Promise.all(
      polled.map(async ({ runId, isFinished: finished, ...source }) => {
        const run = runId === null ? null : await services.store.run(runId);
        return { ...source, finished, run: run && new Run(run) };
      }),
    );
    return { finished: polls.every(({ finished }) => finished), polls };
  }

  @Guard('operator')
  @Mutation(() => ReconcileNowPayload, {
    nullable: true,
    description:
      'Compares stored records with Abnormal’s now. A missing record becomes a gap, which the next poll fills.',
  })
  async reconcileNow(
    @Args(() => CollectingArgs) args: CollectingArgs,
    @Arg('from', () => DateTime, {
      nullable: true,
      description: 'Start of the period (UTC), inclusive. Default: 14 days before `to`.',
    })
    from: Instant | null,
    @Arg('to', () => DateTime, {
      nullable: true,
      description: 'End of the period (UTC), exclusive. Default: now.',
    })
    to: Instant | null,
    @Ctx() { services }: GatewayContext,
  ): Promise<InstanceType<typeof ReconcileNowPayload>> {
    if (from && from >= (to ?? services.now())) throw badInput(`from (${from}) must be before to.`, 'from');
    if (from && from < EARLIEST_ASKED)
      throw badInput(`from is ${from}. Pass ${EARLIEST_ASKED} or later.`, 'from');
    const { wanted, patience, target } = await asked(services, args);
    const { isFinished: finished, runIds } = await runAudited(services, {
      ...{ action: 'RECONCILE', target },
      work: (operations) => operations.reconcile({ ...wanted, from, to }, patience),
      detailOf: (done) => `${done.runIds.length} windows compared${done.isFinished ? '' : ' so far'}`,
    });
    const runs = await Promise.all(runIds.map((id) => services.store.run(id)));
    const isOne = (run: (typeof runs)[number]): run is ReconcilingRun => run?.reconciliation !== undefined;
    return { finished, reconciliations: runs.filter(isOne).map((run) => new Reconciliation(run)) };
  }
}

interface Asked {
  readonly wanted: Wanted;
  readonly patience: Patience;
  readonly target: string | null;
}

async function asked(
  services: RequestServices,
  { integrations: names, resources = null, wait }: CollectingArgs,
): Promise<Asked> {
  const seconds = wait ?? DEFAULT_WAIT;
  if (seconds < 0 || seconds > LONGEST_WAIT) {
    throw badInput(`wait must be from 0 to ${LONGEST_WAIT} seconds; it is ${seconds}.`, 'wait');
  }
  const integrations = await checkIntegrations(services, names);
  return {
    wanted: { integrations, resources },
    patience: { waitMs: seconds * 1000, signal: services.signal },
    target: integrations?.join(', ') ?? null,
  };
}

const PollOutcome = outputType('PollOutcome', 'The poll of one resource of one integration.', {
  integration: Value.id('Name of the integration.'),
  resource: Value.enum(() => ResourceEnum, 'The polled resource.'),
  finished: Value.boolean(
    'Whether the poll has ended. If false, it continues, and `run` shows its progress.',
  ),
  run: Value.objectOrNull(() => Run, 'The run with its cost and results; null if nothing is recorded yet.'),
});

const PollNowPayload = outputType('PollNowPayload', 'Result of a poll on request.', {
  finished: Value.boolean('Whether all polls have ended.'),
  polls: Value.list(() => PollOutcome, 'One entry for each resource of each integration.'),
});

const ReconcileNowPayload = outputType('ReconcileNowPayload', 'Result of a reconciliation on request.', {
  finished: Value.boolean('Whether the reconciliation has ended. If false, it continues.'),
  reconciliations: Value.list(() => Reconciliation, 'The windows compared so far.'),
});
