import { ID, ObjectType } from 'type-graphql';
import { type ApiKeyRecord as Key, type KeyState, stateOf } from '../../callers/api-keys.js';
import type { Role } from '../../values/access.js';
import type { Instant } from '../../values/instant.js';
import { describedEnum, ValueField } from '../base/fields.js';
import { DateTime } from '../base/scalars.js';
import { RoleEnum } from './audit.type.js';

export const KeyStateEnum = describedEnum<KeyState>('ApiKeyState', 'Whether a key lets anybody in.', {
  ACTIVE: 'It does.',
  EXPIRED: 'Its end has come.',
  REVOKED: 'It was revoked.',
});

@ObjectType({
  simpleResolvers: true,
  description: 'A key that a caller can show. The key itself is kept nowhere: only its SHA-256 is.',
})
export class ApiKey {
  constructor(
    private readonly key: Key,
    private readonly now: Instant,
  ) {}

  @ValueField(() => ID, { description: 'Its id, which is the part of the key after `agk_`.' })
  get id(): string {
    return this.key.id;
  }

  @ValueField(() => String, { description: 'Who or what it is for.' })
  get name(): string {
    return this.key.name;
  }

  @ValueField(() => RoleEnum, { description: 'What who shows it may do.' })
  get role(): Role {
    return this.key.role;
  }

  @ValueField(() => KeyStateEnum, { description: 'Whether it lets anybody in now.' })
  get state(): KeyState {
    return stateOf(this.key, this.now);
  }

  @ValueField(() => DateTime, { description: 'When it was made (UTC).' })
  get createdAt(): Instant {
    return this.key.createdAt;
  }

  @ValueField(() => DateTime, { nullable: true, description: 'When it ends (UTC); null: never.' })
  get expiresAt(): Instant | null {
    return this.key.expiresAt;
  }

  @ValueField(() => DateTime, { nullable: true, description: 'When it was revoked (UTC), if it was.' })
  get revokedAt(): Instant | null {
    return this.key.revokedAt;
  }

  @ValueField(() => DateTime, {
    nullable: true,
    description: 'When it was last shown (UTC), to about a minute.',
  })
  get lastUsedAt(): Instant | null {
    return this.key.lastUsedAt;
  }
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
