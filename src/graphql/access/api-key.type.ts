import { type ApiKeyRecord as Key, type KeyState, stateOf } from '../../callers/api-keys.js';
import type { Instant } from '../../values/instant.js';
import { describedEnum, OutputType, outputType, showFields, Value } from '../base/fields.js';
import { RoleEnum } from './audit.type.js';

const KeyStateEnum = describedEnum<KeyState>('ApiKeyState', 'Whether a key is accepted.', {
  ACTIVE: 'The key is accepted.',
  EXPIRED: 'The key has expired.',
  REVOKED: 'The key was revoked.',
});

@OutputType('An API key. The gateway stores only its SHA-256, never the key.')
export class ApiKey {
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

export const CreatedApiKey = outputType('CreatedApiKey', 'A new API key.', {
  apiKey: Value.object(() => ApiKey, 'The stored data of the key.'),
  key: Value.text(
    'The key, returned only once. The caller sends it in the header `Authorization: Bearer <key>`.',
  ),
});
