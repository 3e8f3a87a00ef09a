import { describe, expect, test } from 'vitest';
import { FAILURE_WINDOW_MS, FailedAttempts, MOST_FAILURES, networkOf } from '../../src/callers/callers.js';

function attempts() {
  const time = { now: 1_000_000 };
  const failed = new FailedAttempts(() => time.now);
  const fail = (address: string, times: number) => {
    for (let n = 0; n < times; n += 1) failed.note(address);
  };
  return { time, failed, fail };
}

test('an address that fails too often must wait for the rest of the window', () => {
  const { time, failed, fail } = attempts();
  fail('192.0.2.1', MOST_FAILURES - 1);
  expect(failed.waitFor('192.0.2.1')).toBe(0);
  time.now += 20_000;
  fail('192.0.2.1', 1);
  expect(failed.waitFor('192.0.2.1')).toBe(FAILURE_WINDOW_MS - 20_000);
  expect(failed.waitFor('192.0.2.2')).toBe(0);
  time.now += FAILURE_WINDOW_MS - 20_000;
  expect(failed.waitFor('192.0.2.1')).toBe(0);
});

test('attempts older than the window do not count', () => {
  const { time, failed, fail } = attempts();
  for (let minute = 0; minute < 5; minute += 1) {
    fail('192.0.2.1', MOST_FAILURES - 1);
    time.now += FAILURE_WINDOW_MS;
  }
  expect(failed.waitFor('192.0.2.1')).toBe(0);
});

test('a clock that is set back locks nobody out', () => {
  const { time, failed, fail } = attempts();
  fail('192.0.2.1', MOST_FAILURES);
  time.now -= 3_600_000;
  expect(failed.waitFor('192.0.2.1')).toBe(0);
});

test('the number of remembered addresses is bounded', () => {
  const { failed, fail } = attempts();
  fail('192.0.2.1', MOST_FAILURES);
  for (let n = 0; n < 20_000; n += 1) fail(`10.${n >> 16}.${(n >> 8) & 255}.${n & 255}`, 1);
  expect(failed.waitFor('192.0.2.1')).toBe(0);
});

describe('one address', () => {
  test.each([
    ['192.0.2.1', '192.0.2.1'],
    ['::ffff:192.0.2.1', '192.0.2.1'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
    ['2001:db8:1:2::', '2001:db8:1:2::/64'],
    ['2001:0db8:0001:0002::ffff', '2001:db8:1:2::/64'],
    ['2001:db8::1', '2001:db8:0:0::/64'],
    ['::1', '0:0:0:0::/64'],
    ['fe80::1%eth0', 'fe80:0:0:0::/64'],
    ['2001:db8:1::5:6:7:8', '2001:db8:1:0::/64'],
  ])('includes %s, which is counted as %s', (address, network) => {
    expect(networkOf(address)).toBe(network);
  });
});
