import { type ApiKeyRecord as Key, type KeyState, stateOf } from '../../callers/api-keys.js';
import type { Role } from '../../values/access.js';
import type { Instant } from '../../values/instant.js';
import { describedEnum, OutputType, ValueField, valueFieldFrom } from '../base/fields.js';
import { RoleEnum } from './audit.type.js';

const KeyStateEnum = describedEnum<KeyState>('ApiKeyState', 'Whether a key is accepted.', {
  ACTIVE: 'The key is accepted.',
  EXPIRED: 'The key has expired.',
  REVOKED: 'The key was revoked.',
});

const KeyValue = valueFieldFrom('key');

@OutputType('An API key. The gateway stores only its SHA-256, never the key.')
export class ApiKey {
  constructor(
    readonly key: Key,
    private readonly now: Instant,
  ) {}

  @KeyValue.id('Id of the key: the part of the key after `agk_`.')
  readonly id!: string;

  @KeyValue.text('The person or program that uses the key.')
  readonly name!: string;

  @KeyValue(() => RoleEnum, { description: 'The role of callers that use the key.' })
  readonly role!: Role;

  @ValueField(() => KeyStateEnum, { description: 'Whether the key is accepted now.' })
  get state(): KeyState {
    return stateOf(this.key, this.now);
  }

  @KeyValue.instant('When the key was created (UTC).')
  readonly createdAt!: Instant;

  @KeyValue.instantOrNull('When the key expires (UTC); null if it does not expire.')
  readonly expiresAt!: Instant | null;

  @KeyValue.instantOrNull('When the key was revoked (UTC); null if it was not revoked.')
  readonly revokedAt!: Instant | null;

  @KeyValue.instantOrNull(
    'When the key was last used (UTC), accurate to about a minute; null if it was never used.',
  )
  readonly lastUsedAt!: Instant | null;
}

@OutputType('A new API key.')
export class CreatedApiKey {
  constructor(apiKey: ApiKey, key: string) {
    this.apiKey = apiKey;
    this.key = key;
  }

  @ValueField(() => ApiKey, { description: 'The stored data of the key.' })
  readonly apiKey: ApiKey;

  @ValueField.text(
    'The key, returned only once. The caller sends it in the header `Authorization: Bearer <key>`.',
  )
  readonly key: string;
}
