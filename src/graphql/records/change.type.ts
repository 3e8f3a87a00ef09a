import { ArgsType, Ctx, Field, Int } from 'type-graphql';
import type { StreamState } from '../../model/stream.js';
import { type ListedKind, RESOURCE_OF } from '../../resources/registry.js';
import { type Instant, toInstant, toMillis } from '../../values/instant.js';
import { DateTime, describedEnum, OnlyIntegrations, OutputType, showFields, Value } from '../base/fields.js';
import { IntegrationStream } from '../integration/integration.type.js';
import { type ConnectionPage, ForwardArgs } from '../lists/page.js';
import type { GatewayContext, RequestServices } from '../request/services.js';
import { ChangeKind, RecordKind, type Revision, RevisionConnection } from './revision.type.js';

type ChangesStart = 'BEGINNING' | 'NOW';

const ChangesStart = describedEnum<ChangesStart>('ChangesStart', 'Where the list of changes starts.', {
  BEGINNING: 'At the first recording.',
  NOW: 'At the newest recording: only later changes.',
});

export interface ChangesFilter {
  readonly kinds: readonly ListedKind[];
  /** `null`: all. */
  readonly integrations: readonly string[] | null;
  /** `null`: all. */
  readonly change: readonly ChangeKind[] | null;
}

@ArgsType()
export class FollowArgs extends ForwardArgs {
  @Field(() => DateTime, {
    nullable: true,
    description:
      'Versions recorded after this instant of the gateway’s clock (UTC). The `asOf` of a list continues where that list ends. Pass this, `start` or `after`; with `after` it may be repeated.',
  })
  since?: Instant | null;

  @Field(() => ChangesStart, {
    nullable: true,
    description: 'Where to start without an instant or a cursor.',
  })
  start?: ChangesStart | null;

  @Field(() => [RecordKind], {
    nullable: true,
    description: 'Only records of these kinds. Default: all.',
  })
  kinds?: ListedKind[] | null;

  @OnlyIntegrations
  integrations?: string[] | null;

  @Field(() => [ChangeKind], {
    nullable: true,
    description: 'Only changes of these kinds, such as records that were added. Default: all.',
  })
  change?: ChangeKind[] | null;
}

@ArgsType()
export class ChangeArgs extends FollowArgs {
  @Field(() => DateTime, {
    nullable: true,
    description:
      'Versions recorded up to and including this instant (UTC). Default: all. Before the first recording the answer is the error `NOT_COLLECTED`, which names that instant.',
  })
  until?: Instant | null;

  @Field(() => Int, {
    nullable: true,
    description:
      'If there is no change, wait for one so many seconds, 1 to 25, but not longer than `REQUEST_TIMEOUT` permits. Cannot be combined with `until`.',
  })
  wait?: number | null;
}

@OutputType('Where a page of changes ends, and how to continue. Every page has one, also an empty page.')
export class ChangeTail {
  constructor(
    readonly cursor: string,
    readonly asOf: Instant,
    readonly caughtUp: boolean,
    private readonly filter: ChangesFilter,
  ) {}

  @Field(() => DateTime, {
    nullable: true,
    description:
      'When new data are expected (UTC): the last attempt to read one of the selected resources plus its polling interval. A queried record can be recorded earlier. Null if nothing is polled.',
  })
  async nextPollAt(@Ctx() { services }: GatewayContext): Promise<Instant | null> {
    const { pollEvery } = services;
    if (!pollEvery) return null;
    const lastAt = new Map<string, number>();
    for (const { integration, resource, lastAttemptAt } of await selectedStreams(services, this.filter)) {
      if (lastAttemptAt === null) continue;
      const due = toMillis(lastAttemptAt) + pollEvery[resource];
      const key = `${resource} ${integration}`;
      lastAt.set(key, Math.max(due, lastAt.get(key) ?? 0));
    }
    if (lastAt.size === 0) return null;
    return toInstant(Math.max(Math.min(...lastAt.values()), toMillis(services.now())));
  }

  @Field(() => [IntegrationStream], {
    nullable: true,
    description:
      'The streams of the selected records. If `lastSuccessAt` does not advance, no change means that nothing was collected.',
  })
  streams(@Ctx() { services }: GatewayContext): Promise<StreamState[]> {
    return selectedStreams(services, this.filter);
  }
}

showFields(ChangeTail, 'this', {
  cursor: Value.text(
    'Pass it as `after` to read what comes next, without an upper limit. It does not expire. If the history is another one, or was restored from a backup, the error is `CURSOR_GONE`.',
  ),
  asOf: Value.instant(
    'All selected changes recorded up to this instant (UTC) were returned. It advances with every recording, also if nothing matches. 1970-01-01 if nothing was recorded yet.',
  ),
  caughtUp: Value.boolean(
    'Whether all changes recorded so far were returned. If false, read the next page at once; if true, wait (`wait`, `nextPollAt` or the subscription).',
  ),
});

async function selectedStreams(
  services: RequestServices,
  { kinds, integrations }: ChangesFilter,
): Promise<StreamState[]> {
  const resources = kinds.map((kind) => RESOURCE_OF[kind]);
  const streams = await services.loaders.current.streams();
  return streams.filter(
    ({ integration, resource }) =>
      resources.includes(resource) && (integrations?.includes(integration) ?? true),
  );
}

@OutputType('A page of changes, with the place where it ends.')
export class ChangeConnection extends RevisionConnection {
  constructor(
    page: ConnectionPage<Revision>,
    readonly tail: ChangeTail,
  ) {
    super(page);
  }
}

showFields(ChangeConnection, 'this', {
  tail: Value.object(() => ChangeTail, 'Where this page ends, and how to continue.'),
});
