import { Arg, Args, Ctx, ID, Int, Mutation, Query, Resolver } from 'type-graphql';
import { recordAudit, toAuditEntry } from '../../audit-trail.js';
import {
  isKeyName,
  KEY_NAME,
  type ApiKeyRecord as Key,
  type KeyRegistry,
  type KeyState,
  stateOf,
} from '../../callers/api-keys.js';
import type { Role } from '../../values/access.js';
import { DAY, type Instant, toMillis } from '../../values/instant.js';
import { badInput, queryError } from '../base/errors.js';
import { describedEnum, OutputType, outputType, showFields, Value } from '../base/fields.js';
import { ForwardArgs, foreignCursor, ListWalk } from '../lists/page.js';
import { Guard } from '../operation/guard.js';
import type { GatewayContext, RequestServices } from '../request/services.js';
import { AuditConnection, AuditEntry, RoleEnum } from './audit.type.js';

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
