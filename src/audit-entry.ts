import type { JournalEntry } from './model/documents.js';
import { canonicalJson, sha256 } from './model/revision.js';
import type { Caller, CallerKind, Role } from './values/caller.js';
import type { Instant } from './values/instant.js';

/** What is written down when somebody does it. */
export const AUDIT_ACTIONS = [
  'CONNECT_INTEGRATION',
  'UPDATE_INTEGRATION',
  'ROTATE_INTEGRATION_TOKEN',
  'REMOVE_INTEGRATION',
  'TEST_INTEGRATION',
  'CREATE_API_KEY',
  'REVOKE_API_KEY',
  'ROTATE_ENCRYPTION_KEY',
  'POLL',
  'BACKFILL',
  'RECONCILE',
  'EXPORT',
  'REPORT',
] as const;
export type AuditAction = (typeof AUDIT_ACTIONS)[number];

/** `FAILED`: it was tried and did not succeed. */
export const AUDIT_OUTCOMES = ['SUCCEEDED', 'FAILED'] as const;
export type AuditOutcome = (typeof AUDIT_OUTCOMES)[number];

/** Who did what, and what came of it. */
export interface AuditEvent {
  readonly caller: Caller;
  readonly action: AuditAction;
  /** What it was done to: an integration's name, a key's id; `null` where it is nothing in particular. */
  readonly target: string | null;
  readonly outcome: AuditOutcome;
  /** For a person; never holds a credential. */
  readonly detail: string | null;
}

/** An event as the trail has it. */
export interface AuditEntry extends AuditEvent {
  /** From 1, without holes. */
  readonly index: number;
  /** When it was written down (UTC). */
  readonly at: Instant;
  /** The `digest` of the entry before; `null` for the first. */
  readonly previous: string | null;
  /** SHA-256 of the RFC 8785 canonical JSON of the entry as stored, in hex: its place, its instant, all it says. */
  readonly digest: string;
}

/** What an event becomes in the journal, after the entry `previous`. */
export function auditBody({ caller, action, target, outcome, detail }: AuditEvent, previous: string | null) {
  const { kind, id, name, role } = caller;
  return { previous, caller: { kind, id, name, role }, action, target, outcome, detail };
}

/** SHA-256 of an entry as stored, in hex. */
export function auditDigest({ index, at, body }: JournalEntry): string {
  return sha256(canonicalJson({ index, at, body }));
}

/** Reads an entry of the journal. What somebody altered is read as far as it can be: the digests tell of it. */
export function toAuditEntry(entry: JournalEntry): AuditEntry {
  const { index, at, body } = entry;
  const caller = (body.caller ?? {}) as Readonly<Record<string, unknown>>;
  return {
    index,
    at,
    caller: {
      kind: String(caller.kind) as CallerKind,
      id: String(caller.id),
      name: String(caller.name),
      role: String(caller.role) as Role,
    },
    action: String(body.action) as AuditAction,
    target: textOf(body.target),
    outcome: String(body.outcome) as AuditOutcome,
    detail: textOf(body.detail),
    previous: textOf(body.previous),
    digest: auditDigest(entry),
  };
}

function textOf(value: unknown): string | null {
  return value === null || value === undefined ? null : String(value);
}
