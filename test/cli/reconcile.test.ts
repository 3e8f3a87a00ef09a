import { describe, expect, test } from 'vitest';
import { exitCodeFor, Terminal } from '../../src/cli/command.js';
import { printReconciliations, reconcileExitCode } from '../../src/cli/reconcile.js';
import type { Reconciled } from '../../src/sync/sync.js';

const going = new AbortController().signal;
const NONE = { count: 0, ids: [] };

function found(changes: Partial<Reconciled> = {}): Reconciled {
  return {
    ...{
      integration: 'default',
      resource: 'cases',
      runId: 'run',
      verdict: 'MATCH',
      reason: null,
      failure: null,
    },
    ...{ from: '2026-01-01T00:00:00.000Z', to: '2026-01-15T00:00:00.000Z', sources: ['LIST'], basis: 'IDS' },
    ...{ population: 40, declared: 40, held: 40, missing: NONE, extra: NONE, gone: NONE, opened: [] },
    ...changes,
  };
}

const SHORT = found({
  verdict: 'SHORT',
  reason: '102 of the 200 records are not held.',
  missing: { count: 102, ids: ['a-1', 'a-2'] },
  opened: [{ from: '2026-01-02T00:00:00.000Z', to: '2026-01-02T00:02:01.000Z' }],
});
const UNVERIFIED = found({
  verdict: 'UNVERIFIED',
  sources: [],
  population: null,
  reason: 'It hangs.',
  failure: 'TIMEOUT',
});

function printed(reconciliations: readonly Reconciled[], quiet = false): string {
  const parts: string[] = [];
  const out = { write: (part: string) => parts.push(part) };
  printReconciliations(new Terminal({ out, err: out }), { reconciliations }, quiet);
  return parts.join('');
}

describe('the exit code of a reconciliation', () => {
  test.each<[string, Reconciled[], number]>([
    ['all match', [found(), found()], 0],
    ['one is short', [found(), UNVERIFIED, SHORT], 1],
    ['one has more', [found(), found({ verdict: 'EXTRA' })], 1],
    ['one could not be judged', [found(), UNVERIFIED], 2],
    ['nothing was compared', [], 2],
    ['there is no licence', [found(), found({ ...UNVERIFIED, failure: 'NOT_LICENSED' })], 0],
    ['the add-on is off', [found(), found({ ...UNVERIFIED, failure: 'NOT_ENABLED' })], 0],
    ['there is nothing but what is not licensed', [found({ ...UNVERIFIED, failure: 'NOT_LICENSED' })], 2],
    ['threats have no export', [found({ ...UNVERIFIED, resource: 'threats', failure: 'NOT_ENABLED' })], 2],
  ])('when %s', (_, reconciliations, code) => {
    expect(reconcileExitCode({ reconciliations }, going)).toBe(code);
  });

  test.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ])('is that of the signal after %s', (signal, code) => {
    expect(reconcileExitCode({ reconciliations: [found()] }, AbortSignal.abort(signal))).toBe(code);
  });

  test('differs from the verdicts for any other failure', () => {
    expect([1, 2, 3, 4].map((code) => exitCodeFor('reconcile', code))).toEqual([70, 64, 3, 4]);
    expect([1, 2, 3, 4].map((code) => exitCodeFor('poll', code))).toEqual([1, 2, 3, 4]);
  });
});

describe('the report of a reconciliation', () => {
  test('has a row for each window and names the differences', () => {
    const text = printed([found(), SHORT, UNVERIFIED]);
    const [heading, match, short, unverified] = text.split('\n').map((line) => line.split(/ {2,}/));
    expect(heading).toEqual('RESOURCE FROM TO VERDICT BY ABNORMAL HELD MISSING EXTRA GONE'.split(' '));
    const window = ['cases', '2026-01-01 00:00:00Z', '2026-01-15 00:00:00Z'];
    expect(match).toEqual([...window, 'MATCH', 'list', '40', '40', '0', '0', '0']);
    expect(short).toEqual([...window, 'SHORT', 'list', '40', '40', '102', '0', '0']);
    expect(unverified).toEqual([...window, 'UNVERIFIED', '-', '-', '40', '0', '0', '0']);
    expect(text).toContain(
      [
        'cases since 2026-01-01 00:00:00Z: 102 of the 200 records are not held.',
        '  missing  a-1',
        '  missing  a-2',
        '  missing  and 100 more',
        '  opened   2026-01-02 00:00:00Z to 2026-01-02 00:02:01Z',
      ].join('\n'),
    );
    expect(text).toContain('It hangs.');
  });

  test('omits matching windows with --quiet', () => {
    expect(printed([found()], true)).toBe('');
    expect(printed([found(), SHORT], true)).not.toContain('MATCH');
  });

  test('says so if there was nothing to compare', () => {
    expect(printed([])).toMatch(/collected yet/);
  });
});
