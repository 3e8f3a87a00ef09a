import { ID, ObjectType } from 'type-graphql';
import { type ApiKeyRecord as Key, type KeyState, stateOf } from '../../callers/api-keys.js';
import type { Role } from '../../values/access.js';
import type { Instant } from '../../values/instant.js';
import { describedEnum, ValueField, valueFieldFrom } from '../base/fields.js';
import { DateTime } from '../base/scalars.js';
import { RoleEnum } from './audit.type.js';

export const KeyStateEnum = describedEnum<KeyState>('ApiKeyState', 'Whether a key lets anybody in.', {
  ACTIVE: 'It does.',
  EXPIRED: 'Its end has come.',
  REVOKED: 'It was revoked.',
});

const KeyValue = valueFieldFrom('key');

@ObjectType({
  simpleResolvers: true,
  description: 'A key that a caller can show. The key itself is kept nowhere: only its SHA-256 is.',
})
export class ApiKey {
  constructor(
    readonly key: Key,
    private readonly now: Instant,
  ) {}

  @KeyValue(() => ID, { description: 'Its id, which is the part of the key after `agk_`.' })
  readonly id!: string;

  @KeyValue(() => String, { description: 'Who or what it is for.' })
  readonly name!: string;

  @KeyValue(() => RoleEnum, { description: 'What who shows it may do.' })
  readonly role!: Role;

  @ValueField(() => KeyStateEnum, { description: 'Whether it lets anybody in now.' })
  get state(): KeyState {
    return stateOf(this.key, this.now);
  }

  @KeyValue(() => DateTime, { description: 'When it was made (UTC).' })
  readonly createdAt!: Instant;

  @KeyValue(() => DateTime, { nullable: true, description: 'When it ends (UTC); null: never.' })
  readonly expiresAt!: Instant | null;

  @KeyValue(() => DateTime, { nullable: true, description: 'When it was revoked (UTC), if it was.' })
  readonly revokedAt!: Instant | null;

  @KeyValue(() => DateTime, {
    nullable: true,
    description: 'When it was last shown (UTC), to about a minute.',
  })
  readonly lastUsedAt!: Instant | null;
}

@ObjectType({ simpleResolvers: true, description: 'A key that was just made.' })
export class CreatedApiKey {
  constructor(apiKey: ApiKey, key: string) {
    this.apiKey = apiKey;
    this.key = key;
  }

  @ValueField(() => ApiKey, { description: 'What is kept of it.' })
  readonly apiKey: ApiKey;

  @ValueField(() => String, {
    description: 'The key, this once: `Authorization: Bearer` and this is what its caller sends.',
  })
  readonly key: string;
}
