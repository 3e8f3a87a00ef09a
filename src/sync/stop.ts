import { type UpstreamCode, UpstreamError } from '../abnormal/errors.js';
import type { StreamStatus } from '../model/stream.js';

/** Ends work before it is done; what was read until then is recorded. */
export type Stop = { readonly kind: 'INTERRUPTED' } | UpstreamRefusal | GivingUp;

/** Abnormal refuses the resource as a whole, or cannot be reached: the next poll tries again. */
export interface UpstreamRefusal {
  readonly kind: 'REFUSED';
  readonly status: StreamStatus;
  readonly error: UpstreamError;
}

/** Too many details failed in a row: this ends what is being read, and nothing else. */
export interface GivingUp {
  readonly kind: 'GIVEN_UP';
  readonly error: UpstreamError;
}

/** Carries a `Stop` out of the work it ends. */
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

/** The state that an answer puts the whole resource in; `null` when it concerns one request only. */
export function refusalOf(error: UpstreamError): StreamStatus | null {
  return REFUSALS[error.code] ?? null;
}

/** Throws an interruption when the signal has fired. */
export function checkInterrupted(signal: AbortSignal): void {
  if (signal.aborted) throw new StopError({ kind: 'INTERRUPTED' });
}

/** Throws what ends the pass, if the failure does: an interruption, or a refusal of the whole resource. */
export function throwIfStopping(error: UpstreamError, signal: AbortSignal): void {
  if (signal.aborted || error.code === 'CANCELLED') throw new StopError({ kind: 'INTERRUPTED' });
  const status = refusalOf(error);
  if (status) throw new StopError({ kind: 'REFUSED', status, error });
}

/** What ended the work early, or `null`; any other failure is thrown on. */
export async function stopOf(work: () => Promise<void>): Promise<Stop | null> {
  try {
    await work();
    return null;
  } catch (error) {
    if (error instanceof StopError) return error.stop;
    throw error;
  }
}

/** What a stop comes to for whoever waited for the work that it ended. */
export function errorOf(stop: Stop): UpstreamError {
  return stop.kind === 'INTERRUPTED'
    ? new UpstreamError('CANCELLED', 'The reading was stopped.')
    : stop.error;
}
