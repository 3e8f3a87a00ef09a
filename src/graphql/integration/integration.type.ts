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
import { describedEnum, OutputType, ValueField, valueFieldFrom } from '../base/fields.js';
import { toGlobalId } from '../base/global-id.js';
import { ResourceEnum } from '../collection/run.type.js';
import { Node } from '../records/record.type.js';
import type { IntegrationDetails } from '../request/operations.js';

const OriginEnum = describedEnum<Origin>('Origin', 'Kind of an integration.', {
  ABNORMAL: 'An Abnormal account.',
  SIMULATED: 'The built-in simulated tenant: no real data.',
});

const StreamStatusEnum = describedEnum<StreamStatus>(
  'StreamStatus',
  'Whether Abnormal allowed a stream to be read at the last attempt.',
  {
    NEVER_READ: 'Not tried yet.',
    OK: 'The stream can be read.',
    NOT_LICENSED: 'The account has no licence for it.',
    NOT_ENABLED: 'It is not enabled for the account.',
    FORBIDDEN:
      'The gateway’s address is not on the account’s allowlist, or the account’s API is switched off.',
    TOKEN_REJECTED: 'The token is invalid, expired or revoked.',
    UNAVAILABLE: 'Abnormal cannot be reached or responds with errors.',
    HISTORY_UNAVAILABLE:
      'The history cannot be written, so nothing is recorded; `message` gives the reason and the time.',
  },
);

const IntegrationStatusEnum = describedEnum<IntegrationStatus>(
  'IntegrationStatus',
  'Whether Abnormal allowed an integration to be read at the last attempts.',
  {
    NEVER_READ: 'Not tried yet.',
    OK: 'All streams can be read.',
    LIMITED: 'Some streams can be read; each of the others gives the reason.',
    TOKEN_REJECTED: 'The token is invalid, expired or revoked.',
    FORBIDDEN:
      'The gateway’s address is not on the account’s allowlist, or the account’s API is switched off.',
    UNAVAILABLE: 'Abnormal cannot be reached or responds with errors.',
    HISTORY_UNAVAILABLE:
      'The history cannot be written, so nothing is recorded; `message` gives the reason and the time.',
  },
);

@OutputType('One way to list a resource of an integration. Windows and gaps belong to a stream.', {
  name: 'Stream',
})
export class IntegrationStream implements StreamState {
  @ValueField.id('Name of the integration.')
  readonly integration!: string;

  @ValueField(() => ResourceEnum, { description: 'The resource.' })
  readonly resource!: Resource;

  @ValueField.text('Abnormal’s filter key, such as `receivedTime`.')
  readonly filterKey!: FilterKey;

  @ValueField(() => StreamStatusEnum, { description: 'Whether the stream can be read.' })
  readonly status!: StreamStatus;

  @ValueField.textOrNull(
    'What happened, the likely causes and what to do, in words; null if nothing is wrong.',
  )
  readonly message!: string | null;

  @ValueField.instant('Start of the collection (UTC); earlier records are not requested.')
  readonly collectFrom!: Instant;

  @ValueField.instantOrNull('When it was last tried (UTC).')
  readonly lastAttemptAt!: Instant | null;

  @ValueField.instantOrNull('When the stream was last read to its end (UTC); null if it never was.')
  readonly lastSuccessAt!: Instant | null;
}

const AccountValue = valueFieldFrom('account?');
const DetailsValue = valueFieldFrom('notes.details?');
const TokenValue = valueFieldFrom('token?');

@OutputType('An Abnormal account that the gateway reads or has read.', { implements: Node })
export class Integration extends Node {
  constructor(
    private readonly integration: string,
    readonly account: Pick<Account, 'origin' | 'baseUrl'> | null,
    private readonly states: readonly StreamState[],
    readonly notes: {
      readonly details: IntegrationDetails | null;
      /** What to do if Abnormal answers, but has listed nothing. */
      readonly empty: string | null;
    },
    /** `null` if the account is not read or has no token. */
    readonly token: TokenSituation | null,
    private readonly now: Instant,
  ) {
    super();
  }

  @ValueField.id('Global id, unique over all types. It does not change. Opaque; `name` has the name.')
  get id(): string {
    return toGlobalId('Integration', this.integration, this.integration);
  }

  @ValueField.id('Name of the integration, for every `integration` argument.')
  get name(): string {
    return this.integration;
  }

  @AccountValue(() => OriginEnum, {
    nullable: true,
    description: 'Kind of account; null if this gateway no longer reads it.',
  })
  readonly origin!: Origin | null;

  @AccountValue.textOrNull('Base URL; null if this gateway no longer reads it.')
  readonly baseUrl!: string | null;

  @ValueField(() => IntegrationStatusEnum, { description: 'Whether the stream can be read.' })
  get status(): IntegrationStatus {
    return integrationHealth(this.states).status;
  }

  @ValueField.textOrNull(
    'What happened, the likely causes and what to do, in words; also set if Abnormal responds but has listed nothing for longer than `INGESTION_LAG`. Null if nothing is wrong.',
  )
  get message(): string | null {
    return integrationHealth(this.states).message ?? this.notes.empty;
  }

  @ValueField(() => [IntegrationStream], {
    description: 'The streams with their states; empty before the first attempt.',
  })
  get streams(): readonly IntegrationStream[] {
    return this.states;
  }

  @DetailsValue.instantOrNull(
    'When the account was connected (UTC); null for the account of the environment.',
  )
  readonly createdAt!: Instant | null;

  @DetailsValue.textOrNull(
    'Last four characters of the token, to distinguish tokens. The token itself is never returned. Null if there is no token.',
  )
  readonly tokenHint!: string | null;

  @TokenValue.instantOrNull(
    'Since when the gateway has the token (UTC): when it was stored, or first seen in the environment. Null if there is no token.',
    { from: 'storedAt' },
  )
  readonly tokenStoredAt!: Instant | null;

  @TokenValue.instantOrNull(
    'When the token expires (UTC; `/soar/tokens`); null if Abnormal does not return it.',
  )
  readonly expiresAt!: Instant | null;

  @TokenValue(() => [String], {
    from: 'permissions',
    nullable: true,
    description:
      'Permissions of the token, such as `soar_v1_read_threats` (`permissions` of `/soar/tokens`); null if Abnormal does not return them.',
  })
  readonly tokenPermissions!: readonly string[] | null;

  @ValueField.booleanOrNull(
    'Whether the token has write permissions, which the gateway does not need; null if Abnormal does not return the permissions.',
  )
  get tokenMayAct(): boolean | null {
    const { permissions } = this.token ?? {};
    return permissions ? permissionsToAct(permissions).length > 0 : null;
  }

  @ValueField(() => TokenStateEnum, {
    nullable: true,
    description:
      'State of the token; null if there is no token, as for the simulated tenant, or if the account is no longer read.',
  })
  get tokenState(): TokenState | null {
    return this.token && tokenState(this.token, this.now);
  }

  @ValueField.textOrNull('State of the token in words, with what to do; null as for `tokenState`.')
  get tokenMessage(): string | null {
    const how =
      this.name === ENVIRONMENT_ACCOUNT
        ? 'Create a new one in Abnormal, set it in ABNORMAL_TOKEN and restart the gateway.'
        : `Create a new one in Abnormal and pass it to the mutation rotateIntegrationToken or the command "integrations rotate ${this.name}".`;
    return this.token && describeTokenState(this.token, this.now, how);
  }
}

const TokenStateEnum = describedEnum<TokenState>(
  'TokenState',
  'State of an integration’s token. Abnormal’s tokens must be replaced every 90 days.',
  {
    OK: 'The token is valid and not close to its end.',
    EXPIRING: 'The token expires within 14 days, or is more than 76 days old: replace it soon.',
    ROTATION_DUE: 'The token has expired, or is 90 days old: replace it now.',
    REJECTED:
      'Abnormal rejected the token at the last request: it is mistyped, expired, revoked or of another region.',
    UNKNOWN: 'Neither the age nor the end of the token is known.',
  },
);

@OutputType('Number of requests that are waiting for the rate budget, by their purpose.')
class BudgetQueue {
  @ValueField.int('For queries, which are sent first.')
  readonly interactive!: number;

  @ValueField.int('For polls.')
  readonly poll!: number;

  @ValueField.int('For the backfill.')
  readonly backfill!: number;
}

@OutputType('How many requests may be sent to an Abnormal account (`UPSTREAM_RPM`), and how many were sent.')
export class UpstreamBudget implements BudgetSnapshot {
  @ValueField.int('Requests allowed in any 60 seconds.')
  readonly limit!: number;

  @ValueField.int('Requests that count against the limit now: in flight, or answered in the last minute.')
  readonly used!: number;

  @ValueField.instantOrNull('Earliest time of the next request (UTC); null if a request can be sent now.')
  readonly resetsAt!: Instant | null;

  @ValueField(() => BudgetQueue, { description: 'The waiting requests.' })
  readonly waiting!: BudgetQueue;
}
