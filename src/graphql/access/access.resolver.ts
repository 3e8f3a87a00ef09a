import { Arg, Args, Ctx, Field, ID, Int, Mutation, Query, Resolver } from 'type-graphql';
import {
  AUDIT_ACTIONS,
  AUDIT_OUTCOMES,
  type AuditAction,
  type AuditOutcome,
  type AuditChain as Chain,
  type AuditRecord as Entry,
  recordAudit,
  toAuditEntry,
  verifyAudit,
} from '../../audit-trail.js';
import {
  isKeyName,
  KEY_NAME,
  type ApiKeyRecord as Key,
  type KeyRegistry,
  type KeyState,
  stateOf,
} from '../../callers/api-keys.js';
import { CALLER_KINDS, type Caller, type CallerKind, ROLES, type Role } from '../../values/access.js';
import { DAY, type Instant, toMillis } from '../../values/instant.js';
import { badInput, queryError } from '../base/errors.js';
import { describedEnum, OutputType, outputType, showFields, Value } from '../base/fields.js';
import { connectionOf } from '../lists/connection.js';
import { ForwardArgs, foreignCursor, ListWalk } from '../lists/page.js';
import { Guard } from '../operation/guard.js';
import type { GatewayContext, RequestServices } from '../request/services.js';

const AuditActionEnum = describedEnum<AuditAction>(
  'AuditAction',
  'An action that is recorded in the audit trail.',
  {
    CONNECT_INTEGRATION: 'An integration was connected.',
    UPDATE_INTEGRATION: 'An integration’s address was changed, together with its token.',
    ROTATE_INTEGRATION_TOKEN: 'An integration’s token was replaced.',
    REMOVE_INTEGRATION: 'An integration was removed: its token was deleted, its history was not.',
    TEST_INTEGRATION: 'An integration’s connection was tested.',
    CREATE_API_KEY: 'An API key was created.',
    REVOKE_API_KEY: 'An API key was revoked.',
    ROTATE_ENCRYPTION_KEY: 'The stored tokens were re-encrypted with another key.',
    POLL: 'A poll was started on request.',
    BACKFILL: 'The collection was extended to an earlier date.',
    RECONCILE: 'Stored records were compared with Abnormal’s on request.',
    EXPORT: 'Records were exported.',
    REPORT: 'A report was created.',
    CHANGE_POLICY: 'A changed policy file came into use.',
    TEST_WEBHOOK: 'A test message was sent to a webhook.',
    REPLAY_WEBHOOK: 'The dead letters of a webhook were sent again.',
    CHANGE_WEBHOOK_SECRET: 'A secret that signs messages of webhooks was created, replaced or removed.',
  },
);

const AuditOutcomeEnum = describedEnum<AuditOutcome>('AuditOutcome', 'Outcome of an action.', {
  SUCCEEDED: 'The action succeeded.',
  FAILED: 'The action failed; `detail` gives the reason.',
});

const CallerKindEnum = describedEnum<CallerKind>('CallerKind', 'How a caller authenticated.', {
  LOCAL: 'No authentication: the gateway accepts connections from its own machine only.',
  ANONYMOUS: 'No authentication: the gateway is configured to accept every caller.',
  API_KEY: 'With an API key.',
  JWT: 'With a JSON Web Token.',
  COMMAND_LINE: 'As a user of the operating system who ran a command.',
  SCHEDULE: 'The scheduler polls; no caller is involved.',
});

const RoleEnum = describedEnum<Role>(
  'Role',
  'What a caller may do. Each role includes the permissions of the one before.',
  {
    reader: 'May read.',
    operator: 'May also poll, reconcile and test.',
    admin: 'May also change integrations and keys, and read the audit trail.',
  },
);

// an altered entry must not prevent the others from being read
const UNKNOWN =
  '; null if this version does not know the stored value, because another version wrote it or it was altered.';

function knownOf<T extends string>(words: readonly T[], word: string): T | null {
  return words.find((each) => each === word) ?? null;
}

@OutputType('The person or program that made a request.', { name: 'Caller' })
class CallerReport {
  constructor(readonly caller: Caller) {}
}

showFields(CallerReport, 'caller', {
  kind: Value.enumOrNull(() => CallerKindEnum, `How the caller authenticated${UNKNOWN}`, {
    by: (caller) => knownOf(CALLER_KINDS, caller.kind),
  }),
  id: Value.id('Unique among callers of the same kind: a key’s id, a token’s subject or a user name.'),
  name: Value.text('Display name.'),
  role: Value.enumOrNull(() => RoleEnum, `The caller’s role${UNKNOWN}`, {
    by: (caller) => knownOf(ROLES, caller.role),
  }),
});

@OutputType('One action: who did it, and with which outcome. Entries are only added, never changed.')
class AuditEntry {
  constructor(readonly entry: Entry) {}
}

showFields(AuditEntry, 'entry', {
  index: Value.int('Position in the trail, from 1, without gaps.'),
  at: Value.instant('When the entry was written (UTC).'),
  caller: Value.object(() => CallerReport, 'Who did it.', { by: (entry) => new CallerReport(entry.caller) }),
  action: Value.enumOrNull(() => AuditActionEnum, `The action${UNKNOWN}`, {
    by: (entry) => knownOf(AUDIT_ACTIONS, entry.action),
  }),
  target: Value.textOrNull(
    'What the action applied to, such as an integration’s name or a key’s id; null if it applied to everything.',
  ),
  outcome: Value.enumOrNull(() => AuditOutcomeEnum, `Outcome of the action${UNKNOWN}`, {
    by: (entry) => knownOf(AUDIT_OUTCOMES, entry.outcome),
  }),
  detail: Value.textOrNull('Details in words; null if there are none.'),
  previous: Value.textOrNull('The `digest` of the previous entry; null for the first entry.'),
  digest: Value.text(
    'SHA-256 of the stored entry as RFC 8785 canonical JSON, in hex. The next entry contains it.',
  ),
});

const AuditChainReport = outputType<Chain>(
  'AuditChain',
  'Whether each entry of the trail contains the digest of the previous entry. This does not detect that the newest entries were removed, or that the whole trail was rewritten: for that, keep a digest outside the gateway.',
  {
    length: Value.int('Number of entries checked.'),
    intact: Value.boolean('Whether every entry contains the digest of the previous entry.'),
    brokenAt: Value.intOrNull(
      '`index` of the first entry that is missing or does not fit the previous entry; null if there is none.',
    ),
  },
);

@OutputType('A page of the audit trail.')
class AuditConnection extends connectionOf(() => AuditEntry, 'AuditEntry') {
  @Field(() => AuditChainReport, {
    nullable: true,
    description: 'Whether the trail is unaltered. Selecting this field reads the whole trail.',
  })
  chain(@Ctx() context: GatewayContext): Promise<Chain> {
    return verifyAudit(context.services.store);
  }
}

const KeyStateEnum = describedEnum<KeyState>('ApiKeyState', 'Whether a key is accepted.', {
  ACTIVE: 'The key is accepted.',
  EXPIRED: 'The key has expired.',
  REVOKED: 'The key was revoked.',
});

@OutputType('An API key. The gateway stores only its SHA-256, never the key.')
class ApiKey {
  constructor(
    readonly key: Key,
    readonly now: Instant,
  ) {}
}

showFields(ApiKey, 'key', {
  id: Value.id('Id of the key: the part of the key after `agk_`.'),
  name: Value.text('The person or program that uses the key.'),
  role: Value.enum(() => RoleEnum, 'The role of callers that use the key.'),
  state: Value.enum(() => KeyStateEnum, 'Whether the key is accepted now.', {
    by: (key, { now }) => stateOf(key, now),
  }),
  createdAt: Value.instant('When the key was created (UTC).'),
  expiresAt: Value.instantOrNull('When the key expires (UTC); null if it does not expire.'),
  revokedAt: Value.instantOrNull('When the key was revoked (UTC); null if it was not revoked.'),
  lastUsedAt: Value.instantOrNull(
    'When the key was last used (UTC), accurate to about a minute; null if it was never used.',
  ),
});

const CreatedApiKey = outputType('CreatedApiKey', 'A new API key.', {
  apiKey: Value.object(() => ApiKey, 'The stored data of the key.'),
  key: Value.text(
    'The key, returned only once. The caller sends it in the header `Authorization: Bearer <key>`.',
  ),
});

const MOST_DAYS = 3650;

@Resolver(() => ApiKey)
export class AccessResolver {
  @Guard('admin')
  @Query(() => [ApiKey], {
    nullable: true,
    description:
      'All API keys in the history, including expired and revoked ones, oldest first. Keys from `API_KEYS` are not included.',
  })
  async apiKeys(@Ctx() { services }: GatewayContext): Promise<ApiKey[]> {
    return (await registryOf(services).list()).map((key) => new ApiKey(key, services.now()));
  }

  @Guard('admin')
  @Mutation(() => CreatedApiKey, {
    nullable: true,
    description:
      'Creates an API key and returns it once. After the first key is created, every caller must authenticate.',
  })
  async createApiKey(
    @Arg('name', () => String, {
      description: 'The person or program that uses the key: up to 60 characters.',
    })
    name: string,
    @Arg('role', () => RoleEnum, { description: 'The role of callers that use the key.' }) role: Role,
    @Arg('days', () => Int, {
      nullable: true,
      description: `Number of days after which the key expires: 1 to ${MOST_DAYS}. If omitted, the key does not expire.`,
    })
    days: number | null,
    @Ctx() { services }: GatewayContext,
  ): Promise<InstanceType<typeof CreatedApiKey>> {
    if (!isKeyName(name)) throw badInput(`name: ${KEY_NAME}`, 'name');
    if (days !== null && days !== undefined && (days < 1 || days > MOST_DAYS)) {
      throw badInput(`days must be from 1 to ${MOST_DAYS}; it is ${days}.`, 'days');
    }
    const { key, text } = await registryOf(services).create(name, role, days ? days * DAY : null);
    await note(services, 'CREATE_API_KEY', key.id, key);
    return { apiKey: new ApiKey(key, services.now()), key: text };
  }

  @Guard('admin')
  @Mutation(() => ApiKey, {
    nullable: true,
    description:
      'Revokes an API key permanently. This process rejects it immediately; other processes reject it within two seconds.',
  })
  async revokeApiKey(
    @Arg('id', () => ID, { description: 'Id of the key.' }) id: string,
    @Ctx() { services }: GatewayContext,
  ): Promise<ApiKey> {
    const key = await registryOf(services).revoke(id);
    await note(services, 'REVOKE_API_KEY', id, key);
    if (key === null)
      throw badInput(
        `There is no key with the id ${JSON.stringify(id)}. Use the query apiKeys to list the keys.`,
        'id',
      );
    return new ApiKey(key, services.now());
  }

  @Guard('admin')
  @Query(() => AuditConnection, {
    nullable: true,
    description:
      'The audit trail: changes to integrations and keys, polls, reconciliations, reports and exports, newest first.',
  })
  async auditTrail(
    @Args(() => ForwardArgs) args: ForwardArgs,
    @Ctx() { services: { store } }: GatewayContext,
  ): Promise<AuditConnection> {
    const walk = new ListWalk(args, 'auditTrail', {});
    const [from = null] = walk.cursor?.place ?? [];
    if (from !== null && typeof from !== 'number') throw foreignCursor();
    const found = await store.journal({ journal: 'audit', from, descending: true, limit: walk.limit + 1 });
    return new AuditConnection(
      // entries never change, so nothing is pinned
      walk.page(found, {
        toNode: (entry) => new AuditEntry(toAuditEntry(entry)),
        placeOf: ({ index }) => [index],
        count: (asking) => asking.store.journalLength('audit'),
      }),
    );
  }
}

function registryOf({ keys }: RequestServices): KeyRegistry {
  if (keys) return keys;
  throw queryError('NOT_POSSIBLE', 'This gateway stores no API keys.');
}

async function note(
  services: RequestServices,
  action: 'CREATE_API_KEY' | 'REVOKE_API_KEY',
  target: string,
  key: Key | null,
): Promise<void> {
  const { store, caller } = services;
  const outcome = key === null ? 'FAILED' : 'SUCCEEDED';
  const detail = key && `${key.id} (${key.name}), ${key.role}`;
  const trail = { store, clock: () => toMillis(services.now()) };
  await recordAudit(trail, { caller, action, target, outcome, detail });
}
