import { describe, expect, test } from 'vitest';
import { pollExitCode, printReport } from '../../src/cli/collection.js';
import { Terminal } from '../../src/cli/command.js';
import type { GapReason } from '../../src/model/ledger.js';
import type { StreamStatus } from '../../src/model/stream.js';
import type { PassReport } from '../../src/sync/sync.js';
import { NO_COUNTS } from '../support/records.js';

const going = new AbortController().signal;

function pass(status: StreamStatus, missingMs: Partial<Record<GapReason, number>> = {}): PassReport {
  const coverage = {
    from: '2026-01-01T00:00:00.000Z',
    to: '2026-02-01T00:00:00.000Z',
    share: 1,
    contiguousFrom: '2026-01-01T00:00:00.000Z',
    missingMs,
    missingRecords: {},
  };
  const message = status === 'OK' ? null : `${status}: do this`;
  return {
    integration: 'default',
    resource: 'cases',
    runId: 'run',
    status: 'SUCCEEDED',
    counts: { ...NO_COUNTS, added: 40, calls: 42, listCalls: 2, detailCalls: 40 },
    reread: { ...NO_COUNTS, calls: 7, changed: 3 },
    callsPerNew: 1.05,
    streams: [{ filterKey: 'lastModifiedTime', status, message, lastSuccessAt: null, coverage }],
    errors: ['one', 'two', 'three', 'four', 'five'],
  };
}

function printed(report: PassReport, json = false): string {
  const parts: string[] = [];
  const out = { write: (part: string) => parts.push(part) };
  printReport(new Terminal({ out, err: out }), { passes: [report] }, json);
  return parts.join('');
}

describe('the exit code of a collection', () => {
  test.each([
    ['all is read', pass('OK'), 0],
    ['the newest may still change', pass('OK', { PROVISIONAL: 900_000 }), 0],
    ['single records were set aside', pass('OK', { PARTIAL: 1 }), 0],
    ['Abnormal no longer keeps it', pass('OK', { OUT_OF_RETENTION: 1 }), 0],
    ['the account lacks the licence', pass('NOT_LICENSED', { NOT_COLLECTED: 1 }), 0],
    ['the add-on is off', pass('NOT_ENABLED', { NOT_COLLECTED: 1 }), 0],
    ['a window failed', pass('OK', { FAILED: 1 }), 1],
    ['something was not reached', pass('OK', { NOT_COLLECTED: 1 }), 1],
    ['the token is refused', pass('TOKEN_REJECTED'), 1],
    ['Abnormal cannot be reached', pass('UNAVAILABLE'), 1],
  ])('when %s', (_when, report, code) => {
    expect(pollExitCode({ passes: [pass('OK'), report] }, going)).toBe(code);
  });

  test.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ])('is that of the signal after %s', (signal, code) => {
    expect(pollExitCode({ passes: [pass('OK')] }, AbortSignal.abort(signal))).toBe(code);
  });
});

describe('the report of a collection', () => {
  test('lists the cost and result of each pass, with re-reads on their own line', () => {
    const [heading, cases, reread] = printed(pass('OK')).split('\n');
    expect(heading).toMatch(/^RESOURCE +STATUS +NEW .* CALLS\/NEW +COMPLETE SINCE$/);
    expect(cases).toMatch(/^cases +SUCCEEDED +40 +0 +0 +0 +0 +42 +2 +40 +1\.05 +2026-01-01T00:00$/);
    expect(reread).toMatch(/^cases re-read +0 +3 +0 +0 +0 +7 /);
  });

  test('says what is missing and why, and lists the first few problems', () => {
    const text = printed(pass('FORBIDDEN', { PROVISIONAL: 1, FAILED: 86_400_000 }));
    expect(text).toContain('cases/lastModifiedTime: FORBIDDEN: do this');
    expect(text).toContain('not complete: FAILED for 1.00 days\n');
    expect(text).toMatch(/three\ncases: and 2 more\n$/);
  });

  test('contains everything in its JSON form', () => {
    expect(JSON.parse(printed(pass('OK'), true))).toEqual({ passes: [pass('OK')] });
  });
});
