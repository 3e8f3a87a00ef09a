import type { HistoryStore } from './history/store.js';
import { limitedPage, walkPages } from './history/store-access.js';
import type { JournalEntry } from './model/documents.js';
import type { Caller, CallerKind, Role } from './values/access.js';
import { canonicalJson, sha256 } from './values/canonical-json.js';
import { type Instant, latest, toInstant } from './values/instant.js';

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
  'CHANGE_POLICY',
  'TEST_WEBHOOK',
  'REPLAY_WEBHOOK',
  'CHANGE_WEBHOOK_SECRET',
] as const;
export type AuditAction = (typeof AUDIT_ACTIONS)[number];

/** `FAILED`: it was tried without success. */
export const AUDIT_OUTCOMES = ['SUCCEEDED', 'FAILED'] as const;
export type AuditOutcome = (typeof AUDIT_OUTCOMES)[number];

export interface AuditEvent {
  readonly caller: Caller;
  readonly action: AuditAction;
  /** An integration's name or a key's id; `null` if the action has no target. */
  readonly target: string | null;
  readonly outcome: AuditOutcome;
  /** For people; contains no credential. */
  readonly detail: string | null;
}

export interface AuditRecord extends AuditEvent {
  /** From 1, without gaps. */
  readonly index: number;
  readonly at: Instant;
  /** The `digest` of the previous entry; `null` for the first. */
  readonly previous: string | null;
  /** SHA-256 of the RFC 8785 canonical JSON of the entry as stored, in hex. */
  readonly digest: string;
}

function auditBody({ caller, action, target, outcome, detail }: AuditEvent, previous: string | null) {
  const { kind, id, name, role } = caller;
  return { previous, caller: { kind, id, name, role }, action, target, outcome, detail };
}

function auditDigest({ index, at, body }: JournalEntry): string {
  return sha256(canonicalJson({ index, at, body }));
}

/** An altered entry is read as far as possible: the digests show the alteration. */
export function toAuditEntry(entry: JournalEntry): AuditRecord {
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

interface AuditServices {
  readonly store: Pick<HistoryStore, 'append' | 'journal'>;
  readonly clock: () => number;
}

/** Each attempt is lost to another writer; more of them mean that the store does not work as it must. */
const MOST_TRIES = 1000;

/** Throws if the history cannot be written: then the action must not succeed. */
export async function recordAudit({ store, clock }: AuditServices, event: AuditEvent): Promise<AuditRecord> {
  for (let tries = 0; tries < MOST_TRIES; tries += 1) {
    const [last] = await store.journal({ journal: 'audit', from: null, descending: true, limit: 1 });
    const index = (last?.index ?? 0) + 1;
    const now = toInstant(clock());
    // a clock that was set back must not make the trail look out of order
    const at = last ? latest(now, last.at) : now;
    const body = auditBody(event, last ? auditDigest(last) : null);
    if (await store.append('audit', index, at, body)) return toAuditEntry({ index, at, body });
  }
  throw new Error(`an entry could not be added to the audit trail in ${MOST_TRIES} attempts`);
}

/** Does `work` and records its outcome, also if it fails; an error is rethrown. */
export async function audited<T>(
  services: AuditServices,
  done: Omit<AuditEvent, 'outcome' | 'detail'>,
  work: () => Promise<T>,
  detailOf: (result: T) => string | null = () => null,
): Promise<T> {
  let result: T;
  try {
    result = await work();
  } catch (error) {
    const detail = error instanceof Error ? error.message : String(error);
    await recordAudit(services, { ...done, outcome: 'FAILED', detail });
    throw error;
  }
  await recordAudit(services, { ...done, outcome: 'SUCCEEDED', detail: detailOf(result) });
  return result;
}

export interface AuditChain {
  readonly length: number;
  readonly intact: boolean;
  /** The entry that does not fit the previous one, or is missing; `null` if all fit. */
  readonly brokenAt: number | null;
}

const PAGE = 500;

/**
 * Checks that each entry has the digest of the previous one. Removed or completely rewritten newest entries
 * are not detected here: the seals contain the end of the trail.
 */
export async function verifyAudit(store: Pick<HistoryStore, 'journal'>): Promise<AuditChain> {
  let last: JournalEntry | null = null;
  const query = { journal: 'audit', descending: false, limit: PAGE } as const;
  const read = async (from: number | null) => limitedPage(await store.journal({ ...query, from }), PAGE);
  for await (const entries of walkPages(read, ({ index }) => index)) {
    for (const entry of entries) {
      if (!follows(entry, last))
        return { length: entry.index, intact: false, brokenAt: (last?.index ?? 0) + 1 };
      last = entry;
    }
  }
  return { length: last?.index ?? 0, intact: true, brokenAt: null };
}

function follows(entry: JournalEntry, last: JournalEntry | null): boolean {
  if (entry.index !== (last?.index ?? 0) + 1) return false;
  return entry.body.previous === (last ? auditDigest(last) : null);
}
