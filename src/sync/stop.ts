import { type UpstreamCode, UpstreamError } from '../abnormal/errors.js';
import type { StreamStatus } from '../model/stream.js';

/** Why work ended early; what was read before is recorded. */
export type Stop = { readonly kind: 'INTERRUPTED' } | UpstreamRefusal | GivingUp;

/** Abnormal refuses the whole resource or is unreachable; the next poll tries again. */
export interface UpstreamRefusal {
  readonly kind: 'REFUSED';
  readonly status: StreamStatus;
  readonly error: UpstreamError;
}

/** Too many details failed in a row; only the current window ends. */
export interface GivingUp {
  readonly kind: 'GIVEN_UP';
  readonly error: UpstreamError;
}

export class StopError extends Error {
  override readonly name = 'StopError';

  constructor(readonly stop: Stop) {
    super(stop.kind === 'INTERRUPTED' ? 'interrupted' : stop.error.message);
  }
}

const REFUSALS: Partial<Record<UpstreamCode, StreamStatus>> = {
  TOKEN_REJECTED: 'TOKEN_REJECTED',
  FORBIDDEN: 'FORBIDDEN',
  NOT_LICENSED: 'NOT_LICENSED',
  NOT_ENABLED: 'NOT_ENABLED',
};

/** The stream status that an error means; `null` if it concerns one request only. */
export function refusalOf(error: UpstreamError): StreamStatus | null {
  return REFUSALS[error.code] ?? null;
}

export function checkInterrupted(signal: AbortSignal): void {
  if (signal.aborted) throw new StopError({ kind: 'INTERRUPTED' });
}

/** Throws if the failure ends the pass: an interruption, or a refusal of the whole resource. */
export function throwIfStopping(error: UpstreamError, signal: AbortSignal): void {
  if (signal.aborted || error.code === 'CANCELLED') throw new StopError({ kind: 'INTERRUPTED' });
  const status = refusalOf(error);
  if (status) throw new StopError({ kind: 'REFUSED', status, error });
}

/** What ended the work early, or `null`; other failures are rethrown. */
export async function stopOf(work: () => Promise<void>): Promise<Stop | null> {
  try {
    await work();
    return null;
  } catch (error) {
    if (error instanceof StopError) return error.stop;
    throw error;
  }
}

export function errorOf(stop: Stop): UpstreamError {
  return stop.kind === 'INTERRUPTED'
    ? new UpstreamError('CANCELLED', 'The reading was stopped.')
    : stop.error;
}
