import type { BudgetSnapshot } from '../../abnormal/budget.js';
import { type Account, ENVIRONMENT_ACCOUNT } from '../../integrations/accounts.js';
import type { IntegrationTest, Tested, TestedPart, TestOutcome } from '../../integrations/connection-test.js';
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
import { byResource } from '../../resources/registry.js';
import type { Instant } from '../../values/instant.js';
import { describedEnum, OutputType, outputType, showFields, Value } from '../base/fields.js';
import { toGlobalId } from '../base/global-id.js';
import { ResourceEnum } from '../collection/run.type.js';
import { Node } from '../records/record.type.js';
import type { IntegrationDetails } from '../request/operations.js';
import { type RequestServices, runAudited } from '../request/services.js';

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

export const IntegrationStream = outputType<StreamState>(
  'Stream',
  'One way to list a resource of an integration. Windows and gaps belong to a stream.',
  {
    integration: Value.id('Name of the integration.'),
    resource: Value.enum(() => ResourceEnum, 'The resource.'),
    filterKey: Value.text('Abnormal’s filter key, such as `receivedTime`.'),
    status: Value.enum(() => StreamStatusEnum, 'Whether the stream can be read.'),
    message: Value.textOrNull(
      'What happened, the likely causes and what to do, in words; null if nothing is wrong.',
    ),
    collectFrom: Value.instant('Start of the collection (UTC); earlier records are not requested.'),
    lastAttemptAt: Value.instantOrNull('When it was last tried (UTC).'),
    lastSuccessAt: Value.instantOrNull(
      'When the stream was last read to its end (UTC); null if it never was.',
    ),
  },
);

@OutputType('An Abnormal account that the gateway reads or has read.', { implements: Node })
export class Integration extends Node {
  constructor(
    readonly name: string,
    readonly account: Pick<Account, 'origin' | 'baseUrl'> | null,
    readonly streams: readonly StreamState[],
    readonly notes: {
      readonly details: IntegrationDetails | null;
      /** What to do if Abnormal answers, but has listed nothing. */
      readonly empty: string | null;
    },
    /** `null` if the account is not read or has no token. */
    readonly token: TokenSituation | null,
    readonly now: Instant,
  ) {
    super();
  }
}

showFields(Integration, 'this', {
  id: Value.id('Global id, unique over all types. It does not change. Opaque; `name` has the name.', {
    by: ({ name }) => toGlobalId('Integration', name, name),
  }),
  name: Value.id('Name of the integration, for every `integration` argument.'),
  origin: Value.enumOrNull(() => OriginEnum, 'Kind of account; null if this gateway no longer reads it.', {
    by: ({ account }) => account?.origin ?? null,
  }),
  baseUrl: Value.textOrNull('Base URL; null if this gateway no longer reads it.', {
    by: ({ account }) => account?.baseUrl ?? null,
  }),
  status: Value.enum(() => IntegrationStatusEnum, 'Whether the stream can be read.', {
    by: ({ streams }) => integrationHealth(streams).status,
  }),
  message: Value.textOrNull(
    'What happened, the likely causes and what to do, in words; also set if Abnormal responds but has listed nothing for longer than `INGESTION_LAG`. Null if nothing is wrong.',
    { by: ({ notes, streams }) => integrationHealth(streams).message ?? notes.empty },
  ),
  streams: Value.list(
    () => IntegrationStream,
    'The streams with their states; empty before the first attempt.',
  ),
  createdAt: Value.instantOrNull(
    'When the account was connected (UTC); null for the account of the environment.',
    { by: ({ notes }) => notes.details?.createdAt ?? null },
  ),
  tokenHint: Value.textOrNull(
    'Last four characters of the token, to distinguish tokens. The token itself is never returned. Null if there is no token.',
    { by: ({ notes }) => notes.details?.tokenHint ?? null },
  ),
  tokenStoredAt: Value.instantOrNull(
    'Since when the gateway has the token (UTC): when it was stored, or first seen in the environment. Null if there is no token.',
    { by: ({ token }) => token?.storedAt ?? null },
  ),
  expiresAt: Value.instantOrNull(
    'When the token expires (UTC; `/soar/tokens`); null if Abnormal does not return it.',
    { by: ({ token }) => token?.expiresAt ?? null },
  ),
  tokenPermissions: Value.textsOrNull(
    'Permissions of the token, such as `soar_v1_read_threats` (`permissions` of `/soar/tokens`); null if Abnormal does not return them.',
    { by: ({ token }) => token?.permissions ?? null },
  ),
  tokenMayAct: Value.booleanOrNull(
    'Whether the token has write permissions, which the gateway does not need; null if Abnormal does not return the permissions.',
    { by: ({ token }) => (token?.permissions ? permissionsToAct(token.permissions).length > 0 : null) },
  ),
  tokenState: Value.enumOrNull(
    () => TokenStateEnum,
    'State of the token; null if there is no token, as for the simulated tenant, or if the account is no longer read.',
    { by: ({ now, token }) => token && tokenState(token, now) },
  ),
  tokenMessage: Value.textOrNull('State of the token in words, with what to do; null as for `tokenState`.', {
    by: ({ name, token, now }) => {
      const how =
        name === ENVIRONMENT_ACCOUNT
          ? 'Create a new one in Abnormal, set it in ABNORMAL_TOKEN and restart the gateway.'
          : `Create a new one in Abnormal and pass it to the mutation rotateIntegrationToken or the command "integrations rotate ${name}".`;
      return token && describeTokenState(token, now, how);
    },
  }),
});

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

const BudgetQueue = outputType(
  'BudgetQueue',
  'Number of requests that are waiting for the rate budget, by their purpose.',
  {
    interactive: Value.int('For queries, which are sent first.'),
    poll: Value.int('For polls.'),
    backfill: Value.int('For the backfill.'),
  },
);

export const UpstreamBudget = outputType<BudgetSnapshot>(
  'UpstreamBudget',
  'How many requests may be sent to an Abnormal account (`UPSTREAM_RPM`), and how many were sent.',
  {
    limit: Value.int('Requests allowed in any 60 seconds.'),
    used: Value.int('Requests that count against the limit now: in flight, or answered in the last minute.'),
    resetsAt: Value.instantOrNull(
      'Earliest time of the next request (UTC); null if a request can be sent now.',
    ),
    waiting: Value.object(() => BudgetQueue, 'The waiting requests.'),
  },
);

const TestedPartEnum = describedEnum<Tested>('TestedPart', 'What a connection test requests from Abnormal.', {
  ...byResource(({ texts }) => texts.list),
  tokens: 'Information about the account’s tokens (`/soar/tokens`).',
});

const TestOutcomeEnum = describedEnum<TestOutcome>(
  'TestOutcome',
  'Result of one request of a connection test.',
  {
    WORKS: 'The request succeeded.',
    EMPTY: 'The request succeeded and returned no records.',
    NOT_LICENSED: 'The account has no licence for it.',
    NOT_ENABLED: 'It is not enabled for the account.',
    NOT_ANSWERED: 'Abnormal does not return it for this account.',
    FAILED: 'The request failed; the message says what to do.',
    SKIPPED: 'Not requested, because it would have failed for the same reason as an earlier request.',
  },
);

const TestedPartReport = outputType<TestedPart>(
  'TestedPartReport',
  'One request of a connection test, with its result.',
  {
    part: Value.enum(() => TestedPartEnum, 'What was requested.'),
    outcome: Value.enum(() => TestOutcomeEnum, 'Result of the request.'),
    seen: Value.intOrNull(
      'Number of records of the last seven days; a lower bound if `isAll` is false. Null if they were not counted.',
    ),
    isAll: Value.boolean('Whether `seen` counts all of them.'),
    code: Value.textOrNull('Error code; null if nothing is wrong.'),
    message: Value.text('The result in words: what works, or what is wrong and what to do.'),
  },
);

export const IntegrationTestReport = outputType<
  Pick<IntegrationTest, 'testedAt' | 'works' | 'parts' | 'calls'>
>(
  'IntegrationTest',
  'Whether Abnormal allows an integration to be read: one request per resource, with the result in words.',
  {
    testedAt: Value.instant('When the test was made (UTC).'),
    works: Value.boolean(
      'Whether the integration can be read: no request failed, and at least one succeeded.',
    ),
    parts: Value.list(() => TestedPartReport, 'The requests, in order.'),
    calls: Value.int('Number of requests sent to Abnormal.'),
  },
);

export function runTest(services: RequestServices, name: string): Promise<IntegrationTest> {
  return runAudited(services, {
    ...{ action: 'TEST_INTEGRATION', target: name },
    work: (operations) => operations.test(name, services.signal),
    detailOf: ({ works, parts }) =>
      `${works ? 'works' : 'does not work'}: ${parts.map(({ part, outcome }) => `${part} ${outcome}`).join(', ')}`,
  });
}
