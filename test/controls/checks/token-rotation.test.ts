import { describe, expect, test } from 'vitest';
import { tokenRotation } from '../../../src/controls/checks/token-rotation.js';
import type { Instant } from '../../../src/values/instant.js';
import { run, scopeOf } from '../../support/control-facts.js';

const token = (issuedAt: Instant | null, expiresAt: Instant | null = null) => {
  return { integration: 'default', kind: 'TOKEN', issuedAt, expiresAt } as const;
};

const judge = (...credentials: Parameters<typeof token>) =>
  run(tokenRotation, scopeOf({ credentials: [token(...credentials)] }));

describe('token-rotation', () => {
  test('a token of the allowed age at the end of the period passes; an older one fails', () => {
    expect(judge('2026-07-03T00:00:00.000Z')).toMatchObject({ verdict: 'PASS', count: 1 });
    const old = judge('2026-07-02T23:59:59.999Z');
    expect(old).toMatchObject({ verdict: 'FAIL', outcomes: { EXCEPTION: 1 } });
    expect(old.exceptions[0]?.subject).toEqual({ type: 'INTEGRATION', integration: 'default' });
  });

  test('a token that expired by then fails; one that expires later does not', () => {
    expect(judge('2026-09-01T00:00:00.000Z', '2026-10-01T00:00:00.000Z').verdict).toBe('FAIL');
    expect(judge('2026-09-01T00:00:00.000Z', '2026-10-01T00:00:00.001Z').verdict).toBe('PASS');
  });

  test('a token of unknown age is undecided', () => {
    const result = run(tokenRotation, scopeOf());
    expect(result).toMatchObject({ verdict: 'INSUFFICIENT_DATA', outcomes: { IN_DOUBT: 1 } });
    expect(result.reason).toBe(
      'The age is not known; the token of default: the time when it was issued is not known.',
    );
    expect(judge('2026-10-05T00:00:00.000Z').verdict).toBe('INSUFFICIENT_DATA');
  });

  test('a token without an issue time is at least as old as its time in the gateway', () => {
    const given = (storedAt: Instant) =>
      run(tokenRotation, scopeOf({ credentials: [{ ...token(null), storedAt, replacedAt: null }] }));
    expect(given('2026-07-03T00:00:00.000Z').verdict).toBe('PASS');
    const old = given('2026-07-02T23:59:59.999Z');
    expect(old.verdict).toBe('FAIL');
    expect(old.exceptions[0]?.reason).toContain('counted from when it was stored in the gateway');
    const late = given('2026-10-05T00:00:00.000Z');
    expect(late.verdict).toBe('INSUFFICIENT_DATA');
    expect(late.reason).toContain('stored in the gateway');
  });

  test('a replaced token is evaluated for the time when it was in use', () => {
    const was = (storedAt: Instant, replacedAt: Instant | null) => ({ ...token(null), storedAt, replacedAt });
    const verdictOf = (...credentials: ReturnType<typeof was>[]) =>
      run(tokenRotation, scopeOf({ credentials })).verdict;
    const young = was('2026-08-01T00:00:00.000Z', '2026-10-10T00:00:00.000Z');
    const old = was('2026-03-01T00:00:00.000Z', '2026-10-10T00:00:00.000Z');
    const present = was('2026-10-10T00:00:00.000Z', null);
    expect(verdictOf(young, present)).toBe('PASS');
    expect(verdictOf(old, present)).toBe('FAIL');
    // replaced just in time
    const inTime = '2026-09-30T23:59:59.999Z';
    expect(verdictOf({ ...old, replacedAt: inTime }, { ...present, storedAt: inTime })).toBe('PASS');
  });

  test('a token that is due within 14 days after the period passes with the date of its deadline', () => {
    const reasonOf = (...credentials: Parameters<typeof token>) => judge(...credentials).reason;
    expect(reasonOf('2026-09-01T00:00:00.000Z', '2026-10-14T23:59:59.000Z')).toContain(
      'to be replaced by 2026-10-14',
    );
    expect(reasonOf('2026-09-01T00:00:00.000Z', '2026-10-15T00:00:00.000Z')).not.toContain('replaced');
    expect(reasonOf('2026-07-04T00:00:00.000Z', '2027-01-01T00:00:00.000Z')).toContain(
      'to be replaced by 2026-10-02',
    );
  });

  test('a token with more than read permissions passes with a note', () => {
    const permissions = ['soar_v1_read_threats', 'soar_v1_manage_threat'];
    const result = run(
      tokenRotation,
      scopeOf({ credentials: [{ ...token('2026-09-01T00:00:00.000Z'), permissions }] }),
    );
    expect(result.verdict).toBe('PASS');
    expect(result.reason).toContain('has write permissions (1 permission)');
  });

  test('a simulated tenant has no token to evaluate', () => {
    const credentials = [{ integration: 'default', kind: 'NONE', issuedAt: null, expiresAt: null }] as const;
    expect(run(tokenRotation, scopeOf({ credentials })).verdict).toBe('NOT_APPLICABLE');
  });

  test('no token passes before the period has ended', () => {
    const scope = { now: '2026-09-20T00:00:00.000Z', credentials: [token('2026-09-01T00:00:00.000Z')] };
    expect(run(tokenRotation, scopeOf(scope)).verdict).toBe('INSUFFICIENT_DATA');
  });
});
