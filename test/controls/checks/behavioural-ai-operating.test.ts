import { describe, expect, test } from 'vitest';
import { behaviouralAiOperating } from '../../../src/controls/checks/behavioural-ai-operating.js';
import { mail, run, scopeOf, threatFact } from '../../support/control-facts.js';

const NOW = '2026-09-10T08:00:00.000Z';
const BEFORE = '2026-08-10T08:00:00.000Z';
const PHISHING = { attackTypeRaw: 'Phishing: Credential', attackStrategyRaw: 'Unknown Sender' };
const BEC = { attackTypeRaw: 'Social Engineering (BEC)', attackStrategyRaw: null };

/** `behavioural` of `all` messages at an instant. */
const messages = (at: string, behavioural: number, all: number) =>
  threatFact(Array.from({ length: all }, (_, i) => mail(at, 1000, i < behavioural ? BEC : PHISHING)));

describe('behavioural-ai-operating', () => {
  test.each([
    [{ attackTypeRaw: 'Invoice/Payment Fraud (BEC)', attackStrategyRaw: 'Unknown Sender' }, true],
    [{ attackTypeRaw: 'Reconnaissance', attackStrategyRaw: null }, true],
    [{ attackTypeRaw: 'Phishing: Credential', attackStrategyRaw: 'Name Impersonation' }, true],
    [{ attackTypeRaw: 'Malware', attackStrategyRaw: 'External Compromised Email Account' }, true],
    [
      { attackTypeRaw: 'Internal-to-Internal Attacks (Email Account Takeover)', attackStrategyRaw: null },
      true,
    ],
    [{ attackTypeRaw: 'Malware', attackStrategyRaw: 'Spoofed Email' }, false],
    [PHISHING, false],
  ])('%o is behavioural: %s', (changes, expected) => {
    const result = run(behaviouralAiOperating, scopeOf(), [threatFact([mail(NOW, 1000, changes)])]);
    expect(result.measures[0]?.value).toBe(expected ? 1 : 0);
    expect(result.verdict).toBe(expected ? 'PASS' : 'INSUFFICIENT_DATA');
  });

  test('no behavioural detection among enough messages fails, among fewer is undecided', () => {
    expect(run(behaviouralAiOperating, scopeOf(), [messages(NOW, 0, 30)]).verdict).toBe('FAIL');
    expect(run(behaviouralAiOperating, scopeOf(), [messages(NOW, 0, 29)]).verdict).toBe('INSUFFICIENT_DATA');
    expect(run(behaviouralAiOperating, scopeOf(), []).verdict).toBe('NOT_APPLICABLE');
  });

  test('a share that fell by more than half from the previous period fails', () => {
    const judge = (now: number) =>
      run(behaviouralAiOperating, scopeOf(), [messages(BEFORE, 20, 40), messages(NOW, now, 40)]);
    expect(judge(10).verdict).toBe('PASS');
    expect(judge(9).verdict).toBe('FAIL');
    expect(judge(9).reason).toBe('The share of behavioural detections fell to 22.5 % from 50 % in 2026-08.');
  });

  test('shares are not compared if either period has few messages or the previous one is uncovered', () => {
    const judge = (before: number, now: number, changes = {}) =>
      run(behaviouralAiOperating, scopeOf(changes), [
        messages(BEFORE, before, before),
        messages(NOW, 1, now),
      ]);
    expect(judge(40, 40).verdict).toBe('FAIL');
    expect(judge(29, 40).verdict).toBe('PASS');
    expect(judge(40, 29).verdict).toBe('PASS');
    const outages = () => [
      { from: '2026-08-05T00:00:00.000Z', to: '2026-08-06T00:00:00.000Z', caughtUp: false },
    ];
    expect(judge(40, 40, { outages }).verdict).toBe('PASS');
  });

  test('an uncovered period neither passes nor fails because of missing records', () => {
    const outages = () => [
      { from: '2026-09-05T00:00:00.000Z', to: '2026-09-06T00:00:00.000Z', caughtUp: false },
    ];
    const judge = (behavioural: number) =>
      run(behaviouralAiOperating, scopeOf({ outages }), [messages(NOW, behavioural, 40)]).verdict;
    expect([judge(0), judge(20)]).toEqual(['INSUFFICIENT_DATA', 'INSUFFICIENT_DATA']);
  });

  test('reports the distribution of both periods', () => {
    const { distributions } = run(behaviouralAiOperating, scopeOf(), [
      messages(BEFORE, 30, 30),
      messages(NOW, 1, 40),
    ]);
    expect(distributions[0]?.bars).toEqual([
      { label: 'credential phishing', count: 39, before: 0 },
      { label: 'social engineering (BEC)', count: 1, before: 30 },
    ]);
  });
});
