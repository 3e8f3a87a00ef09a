import { ID, Int, ObjectType } from 'type-graphql';
import type { BudgetSnapshot } from '../../abnormal/budget.js';
import { type Account, ENVIRONMENT_ACCOUNT } from '../../integrations/accounts.js';
import type { Origin } from '../../model/revision.js';
import {
  type IntegrationStatus,
  integrationHealth,
  type StreamState,
  type StreamStatus,
} from '../../model/stream.js';
import {
  describeTokenState,
  permissionsToAct,
  type TokenSituation,
  type TokenState,
  tokenState,
} from '../../model/token.js';
import type { FilterKey, Resource } from '../../resources/registry.js';
import type { Instant } from '../../values/instant.js';
import { describedEnum, ValueField } from '../base/fields.js';
import { toGlobalId } from '../base/global-id.js';
import { DateTime } from '../base/scalars.js';
import { ResourceEnum } from '../collection/run.type.js';
import { Node } from '../records/record.type.js';
import type { KeptIntegration } from '../request/operations.js';

const OriginEnum = describedEnum<Origin>('Origin', 'What kind of account an integration is.', {
  ABNORMAL: 'An Abnormal account.',
  SIMULATED: 'The built-in simulated tenant: no real data.',
});

const StreamStatusEnum = describedEnum<StreamStatus>(
  'StreamStatus',
  'Whether Abnormal lets a stream be read, as of the last attempt.',
  {
    NEVER_READ: 'Not tried yet.',
    OK: 'It can be read.',
    NOT_LICENSED: 'The account lacks the licence for it.',
    NOT_ENABLED: 'The account does not have it enabled.',
    FORBIDDEN: 'This address is not on the account’s allowlist, or its API is off.',
    TOKEN_REJECTED: 'The token is invalid, expired or revoked.',
    UNAVAILABLE: 'Abnormal cannot be reached, or answers with errors.',
    HISTORY_UNAVAILABLE:
      'The history cannot be written, so nothing is recorded; `message` says why and since when.',
  },
);

const IntegrationStatusEnum = describedEnum<IntegrationStatus>(
  'IntegrationStatus',
  'Whether Abnormal lets an integration be read, as of the last attempts.',
  {
    NEVER_READ: 'Not tried yet.',
    OK: 'All of it can be read.',
    LIMITED: 'Some of it can be read; each stream that cannot says why.',
    TOKEN_REJECTED: 'The token is invalid, expired or revoked.',
    FORBIDDEN: 'This address is not on the account’s allowlist, or its API is off.',
    UNAVAILABLE: 'Abnormal cannot be reached, or answers with errors.',
    HISTORY_UNAVAILABLE:
      'The history cannot be written, so nothing is recorded; `message` says why and since when.',
  },
);

@ObjectType('Stream', {
  simpleResolvers: true,
  description: 'One way of listing one resource of one integration: what windows and gaps belong to.',
})
class StreamReport implements Omit<StreamState, 'integration'> {
  @ValueField(() => ResourceEnum, { description: 'What it lists.' })
  readonly resource!: Resource;

  @ValueField(() => String, { description: 'By which of Abnormal’s filter keys, such as `receivedTime`.' })
  readonly filterKey!: FilterKey;

  @ValueField(() => StreamStatusEnum, { description: 'Whether it can be read.' })
  readonly status!: StreamStatus;

  @ValueField(() => String, {
    nullable: true,
    description: 'For a person: what happened, the likely causes, what to do. Null when all is well.',
  })
  readonly message!: string | null;

  @ValueField(() => DateTime, {
    description: 'Where its collection begins (UTC); nothing earlier is wanted.',
  })
  readonly collectFrom!: Instant;

  @ValueField(() => DateTime, { nullable: true, description: 'When it was last tried (UTC).' })
  readonly lastAttemptAt!: Instant | null;

  @ValueField(() => DateTime, { nullable: true, description: 'When it was last read to its end (UTC).' })
  readonly lastSuccessAt!: Instant | null;
}

@ObjectType({
  implements: Node,
  simpleResolvers: true,
  description: 'An Abnormal account that the gateway reads, or has read.',
})
export class Integration extends Node {
  constructor(
    private readonly integration: string,
    private readonly account: Pick<Account, 'origin' | 'baseUrl'> | null,
    private readonly states: readonly StreamState[],
    private readonly notes: {
      readonly kept: KeptIntegration | null;
      /** What to do if Abnormal answers, but has listed nothing. */
      readonly empty: string | null;
    },
    /** Of the account that is read, if that has one. */
    private readonly token: TokenSituation | null,
    private readonly now: Instant,
  ) {
    super();
  }

  @ValueField(() => ID, {
    description: 'Unique over all types, and lasting. Opaque: the name stands beside it.',
  })
  get id(): string {
    return toGlobalId('Integration', this.integration, this.integration);
  }

  @ValueField(() => ID, { description: 'Its name, as every `integration` argument takes it.' })
  get name(): string {
    return this.integration;
  }

  @ValueField(() => OriginEnum, {
    nullable: true,
    description: 'What kind of account it is; null when this gateway no longer reads it.',
  })
  get origin(): Origin | null {
    return this.account?.origin ?? null;
  }

  @ValueField(() => String, {
    nullable: true,
    description: 'Where it is read from; null when this gateway no longer reads it.',
  })
  get baseUrl(): string | null {
    return this.account?.baseUrl ?? null;
  }

  @ValueField(() => IntegrationStatusEnum, { description: 'Whether it can be read.' })
  get status(): IntegrationStatus {
    return integrationHealth(this.states).status;
  }

  @ValueField(() => String, {
    nullable: true,
    description:
      'For a person: what happened, the likely causes, what to do; also if Abnormal answers but has listed nothing for longer than `INGESTION_LAG`. Null when all is well.',
  })
  get message(): string | null {
    return integrationHealth(this.states).message ?? this.notes.empty;
  }

  @ValueField(() => [StreamReport], {
    description: 'How its streams stand; none before they are first tried.',
  })
  get streams(): readonly StreamReport[] {
    return this.states;
  }

  @ValueField(() => DateTime, {
    nullable: true,
    description: 'When it was connected (UTC); null for the account of the environment.',
  })
  get createdAt(): Instant | null {
    return this.notes.kept?.createdAt ?? null;
  }

  @ValueField(() => String, {
    nullable: true,
    description:
      'The last four characters of its token, to tell tokens apart. Nothing gives the token itself.',
  })
  get tokenHint(): string | null {
    return this.notes.kept?.tokenHint ?? null;
  }

  @ValueField(() => DateTime, {
    nullable: true,
    description:
      'Since when the gateway has had its token (UTC): when it was given, or first seen in the environment.',
  })
  get tokenStoredAt(): Instant | null {
    return this.token?.storedAt ?? null;
  }

  @ValueField(() => DateTime, {
    nullable: true,
    description:
      'When its token ends (UTC), as far as Abnormal says (`/soar/tokens`); null where it does not.',
  })
  get expiresAt(): Instant | null {
    return this.token?.expiresAt ?? null;
  }

  @ValueField(() => [String], {
    nullable: true,
    description:
      'What its token may do, as names such as `soar_v1_read_threats` (`permissions` of `/soar/tokens`); null where Abnormal does not say.',
  })
  get tokenPermissions(): readonly string[] | null {
    return this.token?.permissions ?? null;
  }

  @ValueField(() => Boolean, {
    nullable: true,
    description:
      'Whether its token may do more than read, which the gateway does not need; null where Abnormal does not say what it may do.',
  })
  get tokenMayAct(): boolean | null {
    const { permissions } = this.token ?? {};
    return permissions ? permissionsToAct(permissions).length > 0 : null;
  }

  @ValueField(() => TokenStateEnum, {
    nullable: true,
    description:
      'How its token stands; null where it has none, as the simulated tenant, or is no longer read.',
  })
  get tokenState(): TokenState | null {
    return this.token && tokenState(this.token, this.now);
  }

  @ValueField(() => String, {
    nullable: true,
    description: 'How its token stands, in words, with what to do.',
  })
  get tokenMessage(): string | null {
    const how =
      this.name === ENVIRONMENT_ACCOUNT
        ? 'Make a new one in Abnormal, put it into ABNORMAL_TOKEN and restart the gateway.'
        : `Make a new one in Abnormal and give it to the mutation rotateIntegrationToken or the command "integrations rotate ${this.name}".`;
    return this.token && describeTokenState(this.token, this.now, how);
  }
}

const TokenStateEnum = describedEnum<TokenState>(
  'TokenState',
  'How the token of an integration stands. Abnormal’s tokens are to be replaced every 90 days.',
  {
    OK: 'It serves, and will for a while.',
    EXPIRING: 'It ends within 14 days, or is over 76 days old: replace it soon.',
    ROTATION_DUE: 'It has ended, or is 90 days old: replace it now.',
    REJECTED:
      'Abnormal refused it when it was last used: it is mistyped, expired, revoked or of another region.',
    UNKNOWN: 'Neither its age nor its end is known.',
  },
);

@ObjectType({
  simpleResolvers: true,
  description: 'Requests that wait for leave to be sent, by who waits for them.',
})
class BudgetQueue {
  @ValueField(() => Int, { description: 'For queries: they go first.' })
  readonly interactive!: number;

  @ValueField(() => Int, { description: 'For polls.' })
  readonly poll!: number;

  @ValueField(() => Int, { description: 'For the backfill.' })
  readonly backfill!: number;
}

@ObjectType({
  simpleResolvers: true,
  description: 'How many requests an Abnormal account may be sent (`UPSTREAM_RPM`), and how many were.',
})
export class UpstreamBudget implements BudgetSnapshot {
  @ValueField(() => Int, { description: 'Requests allowed in any 60 seconds.' })
  readonly limit!: number;

  @ValueField(() => Int, {
    description: 'Requests that count against it now: in flight, or answered in the last minute.',
  })
  readonly used!: number;

  @ValueField(() => DateTime, {
    nullable: true,
    description: 'When the next can be sent at the soonest (UTC); null when one can be sent now.',
  })
  readonly resetsAt!: Instant | null;

  @ValueField(() => BudgetQueue, { description: 'Who waits.' })
  readonly waiting!: BudgetQueue;
}
