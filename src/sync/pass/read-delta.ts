import type { UpstreamError } from '../../abnormal/errors.js';
import { type StreamState, streamText } from '../../model/stream.js';
import { DAY, type Instant, latest } from '../../values/instant.js';
import { nowOf, type Pass } from '../pass.js';
import { statusMessage, updateStates } from '../stream-states.js';
import { type Fortune, type OnWindow, readSlice, type StreamWork } from './read-streams.js';

/** How far back what is read first reaches: a day into the unknown, more where a daily poll may have come late. */
export function reachMs(isKnown: boolean): number {
  return isKnown ? 2 * DAY : DAY;
}

/** How a reading of what is new went: what kept it from being whole, or `null`. */
export interface DeltaOutcome {
  readonly error: UpstreamError | null;
}

/** Reads the newest slice of every stream, and notes in their states how that went. */
export async function readDelta(
  pass: Pass,
  works: readonly StreamWork[],
  floor: Instant,
  fortune: Fortune,
  onWindow: OnWindow,
): Promise<DeltaOutcome> {
  const failed = new Set<string>();
  const noteWindow: OnWindow = (work, window, isListed) => {
    if (!isListed) failed.add(streamText(work.state));
    onWindow(work, window, isListed);
  };
  await readSlice(pass, works, { floor, deadline: null }, fortune, noteWindow);
  const message = statusMessage('UNAVAILABLE', pass, fortune.lastError?.message ?? '');
  await updateStates(
    pass,
    pass,
    (state) =>
      failed.has(streamText(state))
        ? { status: 'UNAVAILABLE', message }
        : { status: 'OK', message: null, lastSuccessAt: laterSuccess(pass, state) },
    (streams) => pass.recorder.record({ streams }),
  );
  return { error: failed.size > 0 ? fortune.lastError : null };
}

/** Another reading may have got further meanwhile, unless its date only shows that the clock was ahead. */
function laterSuccess(pass: Pass, { lastSuccessAt }: StreamState): Instant {
  const isBelievable = lastSuccessAt !== null && lastSuccessAt <= nowOf(pass);
  return isBelievable ? latest(lastSuccessAt, pass.asOf) : pass.asOf;
}
