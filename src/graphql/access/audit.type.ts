import { Ctx, Field } from 'type-graphql';
import {
  AUDIT_ACTIONS,
  AUDIT_OUTCOMES,
  type AuditAction,
  type AuditOutcome,
  type AuditChain as Chain,
  type AuditRecord as Entry,
  verifyAudit,
} from '../../audit-trail.js';
import { CALLER_KINDS, type Caller, type CallerKind, ROLES, type Role } from '../../values/access.js';
import { describedEnum, OutputType, outputType, showFields, Value } from '../base/fields.js';
import { connectionOf } from '../lists/connection.js';
import type { GatewayContext } from '../request/services.js';

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

export const RoleEnum = describedEnum<Role>(
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
export class AuditEntry {
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
export class AuditConnection extends connectionOf(() => AuditEntry, 'AuditEntry') {
  @Field(() => AuditChainReport, {
    nullable: true,
    description: 'Whether the trail is unaltered. Selecting this field reads the whole trail.',
  })
  chain(@Ctx() context: GatewayContext): Promise<Chain> {
    return verifyAudit(context.services.store);
  }
}
