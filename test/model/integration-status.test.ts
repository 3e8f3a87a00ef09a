import { describe, expect, test } from 'vitest';
import type { StreamStatus } from '../../src/model/stream.js';
import { integrationHealth } from '../../src/model/stream.js';

const EARLIER = '2026-03-01T08:00:00.000Z';
const LATER = '2026-03-01T12:00:00.000Z';

/** A stream in that state, tried at `at`; read to its end then if it is well, earlier if not. */
function stream(status: StreamStatus, at = LATER) {
  const message = status === 'OK' || status === 'NEVER_READ' ? null : `because of ${status}`;
  return { status, message, lastAttemptAt: at, lastSuccessAt: status === 'OK' ? at : null };
}

describe('the status of an integration', () => {
  test.each<[string, StreamStatus[], string, string | null]>([
    ['none tried', [], 'NEVER_READ', null],
    ['one never tried beside one that is well', ['NEVER_READ', 'OK'], 'OK', null],
    ['one not licensed', ['OK', 'OK', 'NOT_LICENSED'], 'LIMITED', 'because of NOT_LICENSED'],
    ['none licensed', ['NOT_LICENSED'], 'LIMITED', 'because of NOT_LICENSED'],
    ['one forbidden', ['OK', 'FORBIDDEN'], 'LIMITED', 'because of FORBIDDEN'],
    ['all forbidden', ['FORBIDDEN', 'FORBIDDEN'], 'FORBIDDEN', 'because of FORBIDDEN'],
    ['all unavailable', ['UNAVAILABLE', 'UNAVAILABLE'], 'UNAVAILABLE', 'because of UNAVAILABLE'],
    [
      'refused in different ways',
      ['UNAVAILABLE', 'NOT_LICENSED'],
      'LIMITED',
      'because of UNAVAILABLE because of NOT_LICENSED',
    ],
    [
      'a token rejected in one place',
      ['NOT_LICENSED', 'TOKEN_REJECTED'],
      'TOKEN_REJECTED',
      'because of TOKEN_REJECTED',
    ],
  ])('of which %s', (_, statuses, status, message) => {
    expect(integrationHealth(statuses.map((each) => stream(each)))).toEqual({ status, message });
  });

  test('is a bad token if the token was rejected after the last successful reading', () => {
    const states = [stream('OK', EARLIER), stream('TOKEN_REJECTED', LATER)];
    expect(integrationHealth(states).status).toBe('TOKEN_REJECTED');
  });

  test('is a good token if a reading succeeded after it was rejected', () => {
    const states = [stream('OK', LATER), stream('TOKEN_REJECTED', EARLIER)];
    expect(integrationHealth(states).status).toBe('LIMITED');
  });
});
