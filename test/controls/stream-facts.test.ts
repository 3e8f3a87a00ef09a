import { describe, expect, test } from 'vitest';
import { vouchedTo } from '../../src/controls/stream-facts.js';
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

describe('gaps', () => {
  test('regular polls leave none', () => {
    expect(received({}).gaps).toEqual([]);
  });

  test('an outage that was not caught up is a hole', () => {
    const { gaps } = received(outage('2026-09-10T00:00:00.000Z', '2026-09-11T00:00:00.000Z', false));
    const span = { from: '2026-09-09T19:45:00.000Z', to: '2026-09-11T00:00:00.000Z' };
    expect(gaps).toEqual([{ class: 'HOLE', reason: 'NOT_COLLECTED', detail: null, ...span }]);
  });

  test('one that was caught up leaves none', () => {
    expect(received(outage('2026-09-10T00:00:00.000Z', '2026-09-11T00:00:00.000Z', true)).gaps).toEqual([]);
  });

  test('what lies before the first reading is not reached, and no hole', () => {
    const { gaps } = received({ polledFrom: '2026-09-05T00:00:00.000Z' });
    expect(gaps).toMatchObject([{ class: 'UNREACHED', from: '2026-09-01T00:00:00.000Z' }]);
  });

  test('what no collection could vouch for yet is not due', () => {
    const { gaps } = received({ period: '2026-09-14', now: '2026-09-15T00:00:00.000Z' });
    expect(gaps).toMatchObject([{ class: 'NOT_DUE', from: '2026-09-14T23:45:00.000Z' }]);
  });

  test('a stream that fell silent long before the view ends has a hole, not a lag', () => {
    const now = '2026-09-15T00:00:00.000Z';
    const { gaps } = received({
      ...{ period: '2026-09-14', now },
      ...outage('2026-09-14T04:00:00.000Z', '2026-09-16T00:00:00.000Z', true),
    });
    expect(gaps).toMatchObject([{ class: 'HOLE', from: '2026-09-14T00:00:00.000Z' }]);
  });

  test('what Abnormal no longer keeps is not reached', () => {
    const lost = { ...RECEIVED, seq: 1, from: '2026-08-01T00:00:00.000Z', to: '2026-09-03T00:00:00.000Z' };
    const entry = { ...ledgerEntry({ ...lost, status: 'OUT_OF_RETENTION', reason: 'too old' }), seq: 1 };
    const { gaps } = received({ ledger: (stream) => (isReceived(stream) ? [entry] : null) });
    expect(gaps[0]).toMatchObject({ class: 'UNREACHED', reason: 'OUT_OF_RETENTION', detail: 'too old' });
  });
});

describe('silences', () => {
  test('regular polls leave none, and the most that is allowed between two is none', () => {
    const every = 4 * H + 15 * 60_000;
    expect(received({}).silences).toEqual([]);
    const late = pollsAt('2026-09-02T00:00:00.000Z', shift('2026-09-02T00:00:00.000Z', every));
    expect(late.silences).toEqual([]);
    const later = pollsAt('2026-09-02T00:00:00.000Z', shift('2026-09-02T00:00:00.000Z', every + 1));
    expect(later.silences).toMatchObject([{ missed: 1, failed: 0 }]);
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
  ])('%d hours at an interval of 4 miss %d polls', (hours, missed) => {
    const { silences } = pollsAt('2026-09-02T00:00:00.000Z', shift('2026-09-02T00:00:00.000Z', hours * H));
    expect(silences.map((silence) => silence.missed)).toEqual([missed]);
  });

  test('polls that failed are counted, with what the last one said', () => {
    const facts = received(outage('2026-09-10T00:00:00.000Z', '2026-09-11T00:00:00.000Z', true, 'HTTP 503'));
    expect(facts.silences).toMatchObject([{ failed: 6, failure: 'HTTP 503', missed: 6 }]);
  });

  test('a silence over the end of a day shows in both days, in its full length', () => {
    const changes = outage('2026-09-10T20:00:00.000Z', '2026-09-11T04:00:00.000Z', true);
    const [first] = received({ ...changes, period: '2026-09-10' }).silences;
    const [second] = received({ ...changes, period: '2026-09-11' }).silences;
    expect(first).toEqual(second);
    expect(received({ ...changes, period: '2026-09-12' }).silences).toEqual([]);
    expect(received({ ...changes, period: '2026-09-09' }).silences).toEqual([]);
  });

  test('before the first poll ever nobody could be silent', () => {
    expect(received({ polledFrom: '2026-09-05T00:00:00.000Z' }).silences).toEqual([]);
  });

  test('a reading of old windows only is no poll', () => {
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

describe('licences', () => {
  const refused = (stream: Stream) => {
    const span = { from: '2026-08-01T00:00:00.000Z', to: '2026-09-20T00:00:00.000Z' };
    const entry = ledgerEntry({ ...stream, ...span, status: 'NOT_LICENSED', reason: 'no licence' });
    return [{ ...entry, seq: 1 }];
  };

  test('a stream of which nothing but a refusal is known is not licensed', () => {
    expect(received({ ledger: refused })).toMatchObject({ licensed: false, refusal: 'no licence' });
  });

  test('one that was read before it was refused is', () => {
    const span = { from: '2026-09-01T00:00:00.000Z', to: '2026-09-02T00:00:00.000Z' };
    const read = { ...ledgerEntry({ ...RECEIVED, ...span }), seq: 0 };
    expect(received({ ledger: (stream) => [read, ...refused(stream)] }).licensed).toBe(true);
  });
});

describe('vouchedTo', () => {
  const period = { from: '2026-09-01T00:00:00.000Z', to: '2026-09-02T00:00:00.000Z' };
  const cases: Stream = { integration: 'default', resource: 'cases', filterKey: 'lastModifiedTime' };
  const reading = (from: string, to: string, readAt: string) => {
    return { ...ledgerEntry({ ...cases, from, to, readAt, settledTo: shift(readAt, -900_000) }), seq: 1 };
  };

  test('a period of cases is vouched for up to the reading that completed it', () => {
    const readings = [
      reading('2026-09-01T00:00:00.000Z', '2026-09-01T12:00:00.000Z', '2026-09-01T13:00:00.000Z'),
      reading('2026-09-01T12:00:00.000Z', '2026-09-05T00:00:00.000Z', '2026-09-05T00:00:00.000Z'),
      reading('2026-09-01T00:00:00.000Z', '2026-09-20T00:00:00.000Z', '2026-09-20T00:00:00.000Z'),
    ];
    expect(vouchedTo(readings, cases, period)).toBe('2026-09-04T23:45:00.000Z');
  });

  test('an incomplete one, and one of threats, up to its end', () => {
    const half = [
      reading('2026-09-01T00:00:00.000Z', '2026-09-01T12:00:00.000Z', '2026-09-03T00:00:00.000Z'),
    ];
    expect(vouchedTo(half, cases, period)).toBe(period.to);
    const late = [
      reading('2026-08-01T00:00:00.000Z', '2026-09-12T00:00:00.000Z', '2026-09-12T00:00:00.000Z'),
    ];
    expect(vouchedTo(late, RECEIVED, period)).toBe(period.to);
  });
});
