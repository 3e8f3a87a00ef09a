import { describe, expect, test } from 'vitest';
import { bucketEdges, type Interval, localTimeOf } from '../../src/model/time-buckets.js';
import { HOUR } from '../../src/values/instant.js';

function edges(
  from: string,
  to: string,
  interval: Interval | null,
  zone = 'UTC',
  most = 1000,
): string[] | null {
  const local = localTimeOf(zone);
  if (local === null) throw new Error(`no zone ${zone}`);
  const found = bucketEdges(Date.parse(from), Date.parse(to), interval, local, most);
  return found?.map((ms) => new Date(ms).toISOString()) ?? null;
}

function hours(instants: readonly string[] | null): number[] {
  return (instants ?? [])
    .slice(1)
    .map((end, i) => (Date.parse(end) - Date.parse(instants?.[i] ?? '')) / HOUR);
}

describe('buckets of time', () => {
  test('begin and end where the window does', () => {
    expect(edges('2026-03-01T10:30:00Z', '2026-03-03T06:00:00Z', 'DAY')).toEqual([
      '2026-03-01T10:30:00.000Z',
      '2026-03-02T00:00:00.000Z',
      '2026-03-03T00:00:00.000Z',
      '2026-03-03T06:00:00.000Z',
    ]);
    expect(edges('2026-03-01T00:00:00Z', '2026-03-02T00:00:00Z', null)).toHaveLength(2);
    expect(edges('2026-03-01T00:00:00Z', '2026-03-02T00:00:00Z', 'DAY')).toHaveLength(2);
  });

  test('have 23 and 25 hours on the days when the clock changes', () => {
    expect(hours(edges('2026-03-27T23:00:00Z', '2026-03-30T22:00:00Z', 'DAY', 'Europe/Berlin'))).toEqual([
      24, 23, 24,
    ]);
    expect(hours(edges('2026-10-23T22:00:00Z', '2026-10-26T23:00:00Z', 'DAY', 'Europe/Berlin'))).toEqual([
      24, 25, 24,
    ]);
    expect(edges('2026-10-24T22:00:00Z', '2026-10-25T23:00:00Z', 'HOUR', 'Europe/Berlin')).toHaveLength(26);
  });

  test('begin at the first instant of a day that has no midnight', () => {
    expect(edges('2018-11-03T12:00:00Z', '2018-11-05T12:00:00Z', 'DAY', 'America/Sao_Paulo')).toEqual([
      '2018-11-03T12:00:00.000Z',
      '2018-11-04T03:00:00.000Z',
      '2018-11-05T02:00:00.000Z',
      '2018-11-05T12:00:00.000Z',
    ]);
  });

  test('are whole hours of zones that are half an hour apart from others, or change by half an hour', () => {
    expect(edges('2026-03-01T00:00:00Z', '2026-03-01T01:00:00Z', 'HOUR', 'Asia/Kolkata')).toEqual([
      '2026-03-01T00:00:00.000Z',
      '2026-03-01T00:30:00.000Z',
      '2026-03-01T01:00:00.000Z',
    ]);
    const starts = edges('2026-04-04T10:00:00Z', '2026-04-04T20:00:00Z', 'HOUR', 'Australia/Lord_Howe') ?? [];
    const local = localTimeOf('Australia/Lord_Howe');
    for (const start of starts.slice(1, -1)) expect((local?.(Date.parse(start)) ?? 1) % HOUR).toBe(0);
  });

  test('of weeks begin on Monday, those of months on the first', () => {
    expect(edges('2026-03-04T00:00:00Z', '2026-03-18T00:00:00Z', 'WEEK')?.slice(1, -1)).toEqual([
      '2026-03-09T00:00:00.000Z',
      '2026-03-16T00:00:00.000Z',
    ]);
    expect(
      edges('2026-01-31T12:00:00Z', '2026-03-01T00:00:00Z', 'MONTH', 'America/New_York')?.slice(1, -1),
    ).toEqual(['2026-02-01T05:00:00.000Z']);
  });

  test('are null if there are too many, and zones must be IANA names', () => {
    expect(edges('2026-01-01T00:00:00Z', '2026-01-11T00:00:00Z', 'DAY', 'UTC', 9)).toBeNull();
    expect(edges('2026-01-01T00:00:00Z', '2026-01-11T00:00:00Z', 'DAY', 'UTC', 10)).toHaveLength(11);
    for (const zone of ['+02:00', 'Mars/Olympus', '']) expect(localTimeOf(zone)).toBeNull();
  });
});
