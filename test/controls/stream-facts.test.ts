import { describe, expect, test } from 'vitest';
import { requiredUntil } from '../../src/controls/stream-facts.js';
import type { Stream } from '../../src/model/stream.js';
import { shift } from '../../src/values/instant.js';
import { type ScopeChanges, scopeOf } from '../support/control-facts.js';
import { ledgerEntry } from '../support/records.js';

const H = 3_600_000;
const RECEIVED: Stream = { integration: 'default', resource: 'threats', filterKey: 'receivedTime' };
const isReceived = (stream: Stream) => stream.filterKey === 'receivedTime';

function received(changes: ScopeChanges) {
  const found = scopeOf(changes).streams.find(({ stream }) => isReceived(stream));
  if (!found) throw new Error('no stream');
  return found;
}

const outage = (from: string, to: string, caughtUp: boolean, failure?: string) => ({
  outages: () => [{ from, to, caughtUp, ...(failure === undefined ? {} : { failure }) }],
});

describe('gaps of a stream', () => {
  test('do not exist with regular polls', () => {
    expect(received({}).gaps).toEqual([]);
  });

  test('include an outage that was not caught up', () => {
    const { gaps } = received(outage('2026-09-10T00:00:00.000Z', '2026-09-11T00:00:00.000Z', false));
    const span = { from: '2026-09-09T19:45:00.000Z', to: '2026-09-11T00:00:00.000Z' };
    expect(gaps).toEqual([{ class: 'HOLE', reason: 'NOT_COLLECTED', detail: null, ...span }]);
  });

  test('do not include an outage that was caught up', () => {
    expect(received(outage('2026-09-10T00:00:00.000Z', '2026-09-11T00:00:00.000Z', true)).gaps).toEqual([]);
  });

  test('before the first reading are reported as not reached', () => {
    const { gaps } = received({ polledFrom: '2026-09-05T00:00:00.000Z' });
    expect(gaps).toMatchObject([{ class: 'UNREACHED', from: '2026-09-01T00:00:00.000Z' }]);
  });

  test('do not include time that could not be complete yet', () => {
    const { gaps } = received({ period: '2026-09-14', now: '2026-09-15T00:00:00.000Z' });
    expect(gaps).toMatchObject([{ class: 'NOT_DUE', from: '2026-09-14T23:45:00.000Z' }]);
  });

  test('include the whole time since a stream stopped long before the view ends', () => {
    const now = '2026-09-15T00:00:00.000Z';
    const { gaps } = received({
      ...{ period: '2026-09-14', now },
      ...outage('2026-09-14T04:00:00.000Z', '2026-09-16T00:00:00.000Z', true),
    });
    expect(gaps).toMatchObject([{ class: 'HOLE', from: '2026-09-14T00:00:00.000Z' }]);
  });

  test('out of Abnormal’s retention are reported as not reached', () => {
    const lost = { ...RECEIVED, seq: 1, from: '2026-08-01T00:00:00.000Z', to: '2026-09-03T00:00:00.000Z' };
    const entry = { ...ledgerEntry({ ...lost, status: 'OUT_OF_RETENTION', reason: 'too old' }), seq: 1 };
    const { gaps } = received({ ledger: (stream) => (isReceived(stream) ? [entry] : null) });
    expect(gaps[0]).toMatchObject({ class: 'UNREACHED', reason: 'OUT_OF_RETENTION', detail: 'too old' });
  });
});

describe('missed polls of a stream', () => {
  test('do not exist with regular polls, even at the largest allowed distance', () => {
    const every = 4 * H + 15 * 60_000;
    expect(received({}).missedPolls).toEqual([]);
    const late = pollsAt('2026-09-02T00:00:00.000Z', shift('2026-09-02T00:00:00.000Z', every));
    expect(late.missedPolls).toEqual([]);
    const later = pollsAt('2026-09-02T00:00:00.000Z', shift('2026-09-02T00:00:00.000Z', every + 1));
    expect(later.missedPolls).toMatchObject([{ missed: 1, failed: 0 }]);
  });

  /** Polls around the clock but for those between the two. */
  function pollsAt(last: string, next: string) {
    const usual = (at: string) => ({
      ...ledgerEntry({ ...RECEIVED, from: shift(at, -12 * H), to: at, readAt: at }),
      seq: 1,
    });
    const before = Array.from({ length: 100 }, (_, i) => usual(shift(last, -i * 2 * H)));
    const after = Array.from({ length: 600 }, (_, i) => usual(shift(next, i * 2 * H)));
    return received({ ledger: (stream) => (isReceived(stream) ? [...before, ...after] : null) });
  }

  test.each([
    [8, 1],
    [8.25, 1],
    [8.5, 2],
    [12, 2],
    [24, 5],
    [96, 23],
  ])('of %d hours at an interval of 4 are %d polls', (hours, missed) => {
    const { missedPolls } = pollsAt('2026-09-02T00:00:00.000Z', shift('2026-09-02T00:00:00.000Z', hours * H));
    expect(missedPolls.map((each) => each.missed)).toEqual([missed]);
  });

  test('include failed polls, with the last failure', () => {
    const facts = received(outage('2026-09-10T00:00:00.000Z', '2026-09-11T00:00:00.000Z', true, 'HTTP 503'));
    expect(facts.missedPolls).toMatchObject([{ failed: 6, failure: 'HTTP 503', missed: 6 }]);
  });

  test('across the end of a day appear in both days with their full length', () => {
    const changes = outage('2026-09-10T20:00:00.000Z', '2026-09-11T04:00:00.000Z', true);
    const [first] = received({ ...changes, period: '2026-09-10' }).missedPolls;
    const [second] = received({ ...changes, period: '2026-09-11' }).missedPolls;
    expect(first).toEqual(second);
    expect(received({ ...changes, period: '2026-09-12' }).missedPolls).toEqual([]);
    expect(received({ ...changes, period: '2026-09-09' }).missedPolls).toEqual([]);
  });

  test('do not exist before the first poll', () => {
    expect(received({ polledFrom: '2026-09-05T00:00:00.000Z' }).missedPolls).toEqual([]);
  });

  test('are not prevented by readings of old windows only', () => {
    const at = '2026-09-20T00:00:00.000Z';
    const backfill = {
      ...RECEIVED,
      from: '2026-08-01T00:00:00.000Z',
      to: '2026-09-19T00:00:00.000Z',
      readAt: at,
    };
    const facts = received({ ledger: () => [{ ...ledgerEntry(backfill), seq: 1 }] });
    expect(facts).toMatchObject({ polledFrom: at, answeredAt: [] });
  });
});

describe('the licence of a stream', () => {
  const refused = (stream: Stream) => {
    const span = { from: '2026-08-01T00:00:00.000Z', to: '2026-09-20T00:00:00.000Z' };
    const entry = ledgerEntry({ ...stream, ...span, status: 'NOT_LICENSED', reason: 'no licence' });
    return [{ ...entry, seq: 1 }];
  };

  test('is missing if only refusals are known', () => {
    expect(received({ ledger: refused })).toMatchObject({ licensed: false, refusal: 'no licence' });
  });

  test('exists if the stream was read before it was refused', () => {
    const span = { from: '2026-09-01T00:00:00.000Z', to: '2026-09-02T00:00:00.000Z' };
    const read = { ...ledgerEntry({ ...RECEIVED, ...span }), seq: 0 };
    expect(received({ ledger: (stream) => [read, ...refused(stream)] }).licensed).toBe(true);
  });
});

describe('requiredUntil', () => {
  const period = { from: '2026-09-01T00:00:00.000Z', to: '2026-09-02T00:00:00.000Z' };
  const cases: Stream = { integration: 'default', resource: 'cases', filterKey: 'lastModifiedTime' };
  const reading = (from: string, to: string, readAt: string) => {
    return { ...ledgerEntry({ ...cases, from, to, readAt, settledTo: shift(readAt, -900_000) }), seq: 1 };
  };

  test('for a complete period of cases is the reading that completed it', () => {
    const readings = [
      reading('2026-09-01T00:00:00.000Z', '2026-09-01T12:00:00.000Z', '2026-09-01T13:00:00.000Z'),
      reading('2026-09-01T12:00:00.000Z', '2026-09-05T00:00:00.000Z', '2026-09-05T00:00:00.000Z'),
      reading('2026-09-01T00:00:00.000Z', '2026-09-20T00:00:00.000Z', '2026-09-20T00:00:00.000Z'),
    ];
    expect(requiredUntil(readings, cases, period)).toBe('2026-09-04T23:45:00.000Z');
  });

  test('for an incomplete period, or one of threats, is the end of the period', () => {
    const half = [
      reading('2026-09-01T00:00:00.000Z', '2026-09-01T12:00:00.000Z', '2026-09-03T00:00:00.000Z'),
    ];
    expect(requiredUntil(half, cases, period)).toBe(period.to);
    const late = [
      reading('2026-08-01T00:00:00.000Z', '2026-09-12T00:00:00.000Z', '2026-09-12T00:00:00.000Z'),
    ];
    expect(requiredUntil(late, RECEIVED, period)).toBe(period.to);
  });
});
