import { Ctx, Field, ID, Int, ObjectType } from 'type-graphql';
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
import type { Instant } from '../../values/instant.js';
import { describedEnum, ValueField, valueFieldFrom } from '../base/fields.js';
import { DateTime } from '../base/scalars.js';
import { connectionOf } from '../lists/connection.js';
import type { GatewayContext } from '../request/services.js';

export const AuditActionEnum = describedEnum<AuditAction>(
  'AuditAction',
  'What is written down when somebody does it.',
  {
    CONNECT_INTEGRATION: 'An integration was connected.',
    UPDATE_INTEGRATION: 'It was given another address, with a token for it.',
    ROTATE_INTEGRATION_TOKEN: 'Its token was replaced.',
    REMOVE_INTEGRATION: 'Its token was forgotten; its history stays.',
    TEST_INTEGRATION: 'It was tested.',
    CREATE_API_KEY: 'A key for callers was made.',
    REVOKE_API_KEY: 'A key for callers was revoked.',
    ROTATE_ENCRYPTION_KEY: 'The stored tokens were encrypted anew under another key.',
    POLL: 'A poll was set off by hand.',
    BACKFILL: 'The collection was taken further back.',
    RECONCILE: 'What is held was compared with what Abnormal has, at somebody’s wish.',
    EXPORT: 'Records were given out.',
    REPORT: 'A report was made.',
  },
);

export const AuditOutcomeEnum = describedEnum<AuditOutcome>('AuditOutcome', 'What came of it.', {
  SUCCEEDED: 'It was done.',
  FAILED: 'It was tried and did not succeed; the detail says why.',
});

export const CallerKindEnum = describedEnum<CallerKind>('CallerKind', 'How a caller showed who it is.', {
  LOCAL: 'Not at all, on a gateway that only its own machine can reach.',
  ANONYMOUS: 'Not at all, on a gateway that was told to let anybody in.',
  API_KEY: 'By an API key.',
  JWT: 'By a JSON Web Token.',
  COMMAND_LINE: 'By being a user of the machine that the command ran on.',
  SCHEDULE: 'Nobody: it was due.',
});

export const RoleEnum = describedEnum<Role>('Role', 'What a caller may do; each includes the one before.', {
  reader: 'Read.',
  operator: 'Poll, reconcile and test too.',
  admin: 'Change integrations and keys too, and read the audit trail.',
});

// an altered entry must not prevent the others from being read
const UNKNOWN = '; null where the word is not known here: another version wrote it, or somebody altered it.';

function knownOf<T extends string>(words: readonly T[], word: string): T | null {
  return words.find((each) => each === word) ?? null;
}

const CallerValue = valueFieldFrom('caller');
const EntryValue = valueFieldFrom('entry');

@ObjectType('Caller', { simpleResolvers: true, description: 'Somebody who asked the gateway for something.' })
export class CallerReport {
  constructor(readonly caller: Caller) {}

  @ValueField(() => CallerKindEnum, { nullable: true, description: `How it showed who it is${UNKNOWN}` })
  get kind(): CallerKind | null {
    return knownOf(CALLER_KINDS, this.caller.kind);
  }

  @CallerValue(() => ID, {
    description: 'Unique among callers of its kind: a key’s id, a token’s subject, a user’s name.',
  })
  readonly id!: string;

  @CallerValue(() => String, { description: 'For a person.' })
  readonly name!: string;

  @ValueField(() => RoleEnum, { nullable: true, description: `What it was allowed${UNKNOWN}` })
  get role(): Role | null {
    return knownOf(ROLES, this.caller.role);
  }
}

@ObjectType({
  simpleResolvers: true,
  description: 'Who did what, and what came of it. Entries are added and never changed.',
})
export class AuditEntry {
  constructor(readonly entry: Entry) {}

  @EntryValue(() => Int, { description: 'Its place, from 1, without holes.' })
  readonly index!: number;

  @EntryValue(() => DateTime, { description: 'When it was written down (UTC).' })
  readonly at!: Instant;

  @ValueField(() => CallerReport, { description: 'Who did it.' })
  get caller(): CallerReport {
    return new CallerReport(this.entry.caller);
  }

  @ValueField(() => AuditActionEnum, { nullable: true, description: `What was done${UNKNOWN}` })
  get action(): AuditAction | null {
    return knownOf(AUDIT_ACTIONS, this.entry.action);
  }

  @EntryValue(() => String, {
    nullable: true,
    description:
      'What it was done to, such as an integration’s name or a key’s id; null where that is everything.',
  })
  readonly target!: string | null;

  @ValueField(() => AuditOutcomeEnum, { nullable: true, description: `What came of it${UNKNOWN}` })
  get outcome(): AuditOutcome | null {
    return knownOf(AUDIT_OUTCOMES, this.entry.outcome);
  }

  @EntryValue(() => String, { nullable: true, description: 'More of it, for a person.' })
  readonly detail!: string | null;

  @EntryValue(() => String, {
    nullable: true,
    description: 'The `digest` of the entry before; null for the first.',
  })
  readonly previous!: string | null;

  @EntryValue(() => String, {
    description:
      'SHA-256 of the RFC 8785 canonical JSON of the entry as stored, in hex. The next entry carries it.',
  })
  readonly digest!: string;
}

@ObjectType('AuditChain', {
  simpleResolvers: true,
  description:
    'Whether each entry of the trail carries the digest of the one before. That the newest entries are gone, or that all was written anew, it cannot show: for that keep a digest elsewhere.',
})
export class AuditChainReport implements Chain {
  @ValueField(() => Int, { description: 'How many entries were looked at.' })
  readonly length!: number;

  @ValueField(() => Boolean, { description: 'Whether all fit.' })
  readonly intact!: boolean;

  @ValueField(() => Int, {
    nullable: true,
    description: 'The first entry that does not fit the one before it, or is missing; null where all fit.',
  })
  readonly brokenAt!: number | null;
}

@ObjectType({ simpleResolvers: true, description: 'A page of the audit trail.' })
export class AuditConnection extends connectionOf(() => AuditEntry, 'AuditEntry') {
  @Field(() => AuditChainReport, {
    nullable: true,
    description: 'Whether the whole trail is as it was written. All of it is read when this is asked for.',
  })
  chain(@Ctx() context: GatewayContext): Promise<AuditChainReport> {
    return verifyAudit(context.services.store);
  }
}
