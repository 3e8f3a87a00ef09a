import type { LedgerEntry, RecordedEntry, Window } from '../../model/ledger.js';
import type { StreamState } from '../../model/stream.js';
import { earliest, type Instant, latest, shift } from '../../values/instant.js';
import { floorToSecond } from '../../values/window.js';
import type { Pass } from '../pass.js';
import { unreadEntry } from '../window/read-window.js';

const FAR_FUTURE: Instant = '9999-01-01T00:00:00.000Z';

/**
 * Takes back what was vouched for while the clock stood ahead of what it says now: such a reading covers
 * time that had not come when it was made.
 */
export async function repairClock(pass: Pass, states: readonly StreamState[]): Promise<void> {
  const { seq } = await pass.store.head();
  for (const state of states) {
    // windows end at the time of their reading, so that as a rule there are none to come
    const toCome = await pass.store.ledger(state, pass.asOf, FAR_FUTURE, seq);
    if (toCome.length === 0) continue;
    const since = shift(pass.asOf, -2 * pass.settings.maxWindowMs);
    const entries = await pass.store.ledger(state, since, FAR_FUTURE, seq);
    const doubtful = spanInDoubt(entries, pass.asOf, pass.settings.ingestionLagMs);
    if (!doubtful) continue;
    pass.log.warn({ stream: state.filterKey, ...doubtful }, 'the clock was ahead: read again');
    await pass.recorder.record({ ledger: [doubtEntry(pass, state, doubtful)] });
  }
}

function doubtEntry(pass: Pass, state: StreamState, span: Window): LedgerEntry {
  const reason = 'read while the clock stood ahead; read again';
  return unreadEntry(pass, state, span, pass.asOf, 'PARTIAL', reason);
}

/**
 * The span that readings dated after `now` vouch for wrongly: all they read since the last reading with a
 * date to be trusted. `null` when there are none, or when it was taken back already.
 */
export function spanInDoubt(entries: readonly RecordedEntry[], now: Instant, lagMs: number): Window | null {
  const ahead = entries.filter((entry) => entry.readAt > now && entry.status === 'COMPLETE');
  if (ahead.length === 0) return null;
  const firstSeq = Math.min(...ahead.map((entry) => entry.seq));
  const lastSeq = Math.max(...ahead.map((entry) => entry.seq));
  const to = ahead.map((entry) => entry.to).reduce(latest);
  const sound = entries.filter((entry) => entry.seq < firstSeq && entry.readAt <= now);
  const begin = ahead.map((entry) => entry.from).reduce(earliest);
  const from = floorToSecond(sound.map((entry) => shift(entry.readAt, -lagMs)).reduce(latest, begin));
  const isTakenBack = entries.some(
    (entry) => entry.seq > lastSeq && entry.status === 'PARTIAL' && entry.from <= from && entry.to >= to,
  );
  return from < to && !isTakenBack ? { from, to } : null;
}
