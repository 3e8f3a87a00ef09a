import { type AuditAction, audited } from '../../audit-trail.js';
import { VaultError, type VaultErrorCode } from '../../integrations/vault.js';
import { toMillis } from '../../values/instant.js';
import { type ErrorCode, queryError } from '../base/errors.js';
import { NotPossibleError, type Operations } from './operations.js';
import type { RequestServices } from './services.js';

/** What somebody asks the gateway to do. */
export interface Deed<T> {
  readonly action: AuditAction;
  /** What it is done to, for the audit trail. */
  readonly target: string | null;
  readonly work: (operations: Operations) => Promise<T>;
  /** What came of it, for the audit trail. */
  readonly detailOf?: (result: T) => string | null;
}

/** Does it and writes down who did, and what came of it. What is refused is an error for the caller. */
export async function runAudited<T>(
  services: RequestServices,
  { action, target, work, detailOf }: Deed<T>,
): Promise<T> {
  const { operations, store, caller } = services;
  if (!operations)
    throw queryError('NOT_POSSIBLE', 'This gateway serves a history and is not connected to any account.');
  const trail = { store, clock: () => toMillis(services.now()) };
  try {
    return await audited(trail, { caller, action, target }, () => work(operations), detailOf);
  } catch (error) {
    if (error instanceof NotPossibleError) throw queryError('NOT_POSSIBLE', error.message);
    if (error instanceof VaultError) throw queryError(CODES[error.code] ?? 'BAD_USER_INPUT', error.message);
    throw error;
  }
}

const CODES: Partial<Record<VaultErrorCode, ErrorCode>> = {
  NO_KEY: 'NOT_POSSIBLE',
  NOT_OPENED: 'NOT_POSSIBLE',
  BUSY: 'NOT_POSSIBLE',
};
