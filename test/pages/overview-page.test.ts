import { describe, expect, test } from 'vitest';
import { collected, noticesOf } from '../../src/pages/collected.js';
import { overviewPage } from '../../src/pages/overview-page.js';
import type { OverviewAnswer } from '../../src/pages/overview-query.js';
import type { OverviewView } from '../../src/pages/view.js';
import { LOCAL_CALLER } from '../../src/values/access.js';

const ASOF = '2026-10-20T12:00:00.000Z';
const EMPTY = { total: { count: 0 }, groups: [], rest: null, sampled: 0, untimed: 0 };
const ROOTS = [
  'left',
  'openCases',
  'attacks',
  'attacksBefore',
  'remediation',
  'reports',
  'undecided',
  'parties',
];

function viewOf(changes: object, errors: OverviewView['answer']['errors'] = []): OverviewView {
  const stream = { status: 'OK', message: null, collectFrom: '2026-10-01T00:00:00.000Z' } as const;
  const read = { ...stream, lastAttemptAt: ASOF, lastSuccessAt: ASOF };
  const resources = ['THREATS', 'CASES', 'CAMPAIGNS'] as const;
  const streams = resources.map((resource) => ({ ...read, resource }));
  const integrations = [{ name: 'default', origin: 'ABNORMAL' as const, tokenMessage: null, streams }];
  const facts = { integrations, asOf: ASOF, now: ASOF, pollEvery: null, coverage: { gaps: [], missing: [] } };
  const data = {
    ...Object.fromEntries(ROOTS.map((root) => [root, EMPTY])),
    integrations,
    controls: [],
    ...changes,
  };
  return {
    answer: { data: data as unknown as OverviewView['answer']['data'] & OverviewAnswer, errors },
    ...{ seal: null, asOf: ASOF, now: ASOF, span: '7d', isOperator: true, hasIde: true },
    collected: {
      THREATS: collected('THREATS', facts),
      CASES: collected('CASES', facts),
      CAMPAIGNS: collected('CAMPAIGNS', { ...facts, ...('noCoverage' in changes && { coverage: null }) }),
    },
    evaluated: { states: 'PENDING', places: 'PENDING', verdicts: 'PENDING' },
    window: { from: '2026-10-13T12:00:00.000Z', to: ASOF },
    judged: { text: null, wholeFrom: '2026-12-01T00:00:00.000Z' },
  };
}

function sectionsOf(view: OverviewView, failures: string[] = []): Map<string, string> {
  const onFailure = (block: string) => failures.push(block);
  const page = overviewPage(view, { title: 'Example', caller: LOCAL_CALLER, onFailure });
  const sections = [...page.matchAll(/<section id="(\w+)".*?<\/section>/gs)];
  return new Map(sections.map(([text, id = '']) => [id, text]));
}

describe('a block that fails', () => {
  test('says so, is reported, and leaves the other seven as they are', () => {
    const failures: string[] = [];
    const whole = sectionsOf(viewOf({}));
    const broken = sectionsOf(viewOf({ left: { ...EMPTY, total: { count: 1 }, groups: null } }), failures);
    expect(failures).toEqual(['mailboxes']);
    expect(broken.get('mailboxes')).toContain('could not be shown because of an internal error');
    expect(broken.size).toBe(8);
    for (const [id, text] of whole) if (id !== 'mailboxes') expect(broken.get(id)).toBe(text);
  });

  test('because its root has no answer shows the error and the next step', () => {
    const error = {
      message: 'The history cannot be read now.',
      path: ['openCases'],
      code: 'HISTORY_UNAVAILABLE',
    };
    const sections = sectionsOf(viewOf({ openCases: null }, [error]));
    expect(sections.get('takeovers')).toContain('The history cannot be read now. Load the page again.');
    expect(sections.get('mailboxes')).toContain('No detected message is left in a mailbox.');
  });

  test('an empty block says nothing about what happened if the coverage could not be read', () => {
    const reports = sectionsOf(viewOf({ noCoverage: true })).get('reports');
    expect(reports).toContain('What is missing cannot be determined now');
    expect(reports).toContain('this does not mean: nobody reported anything');
  });
});

describe('the controls', () => {
  const control = { id: 'attacks-remediated', title: 'Attacks are remediated' };
  const headline = { text: 'Remediated 97 %, at least 100 %', next: 'Remediate them.' };
  const state = {
    ...{ control, headline, verdict: 'FAIL', wouldChange: 'Remediate them.', exceptions: 3, waived: 1 },
    ...{ period: { text: '2026-10-13/2026-10-20' }, validUntil: '2026-10-20T16:00:00.000Z' },
  };
  const place = {
    ...{ control, verdict: 'FAIL', trend: { direction: 'WORSENING' } },
    since: { at: '2026-10-16T09:00:00.000Z', before: 'PASS' },
  };
  const answered = (data: object) => ({ data, errors: [] }) as never;
  const stated = (changes: object = {}, more: object = {}) =>
    answered({ posture: { asOf: ASOF, now: ASOF, states: [{ ...state, ...changes }], ...more } });
  const placed = (changes: object = {}) => answered({ posture: { states: [{ ...place, ...changes }] } });
  const PENDING = { states: 'PENDING', places: 'PENDING', verdicts: 'PENDING' } as const;

  function textOf(
    evaluated: Partial<OverviewView['evaluated']>,
    changes: Partial<OverviewView> = {},
  ): string {
    const view = { ...viewOf({}), evaluated: { ...PENDING, ...evaluated }, ...changes };
    const section = sectionsOf(view).get('controls') ?? '';
    return section.replaceAll(/<[^>]+>/g, ' ').replaceAll(/\s+/g, ' ');
  }

  test('show their state with since when, trend, what would change it, and until when it is valid', () => {
    const text = textOf({ states: stated(), places: placed() });
    expect(text).toContain(
      'Last 7 days: 0 (the query in the IDE) of 1 controls pass; Attacks are remediated fail.',
    );
    expect(text).toContain('✕ Fail worsening 2026-10-16 09:00 UTC (before: passed)');
    expect(text).toContain('valid until 2026-10-20 16:00 UTC');
    expect(text).toContain('3 (the query in the IDE) exceptions, 1 waived list of these 4');
    expect(text).toContain('Next step: Remediate them.');
  });

  test('do not show since when another verdict began', () => {
    const text = textOf({ states: stated(), places: placed({ verdict: 'PASS' }) });
    expect(text).toContain('being looked up');
    expect(text).not.toContain('2026-10-16');
  });

  test('say “at least” if the beginning of a state is not known', () => {
    const since = { at: '2026-10-16T09:00:00.000Z', before: null };
    expect(textOf({ states: stated(), places: placed({ since }) })).toContain(
      'at least 2026-10-16 09:00 UTC',
    );
  });

  test('say that a poll is overdue, that states are being evaluated, and that they are evaluated again', () => {
    expect(textOf({ states: stated({ validUntil: null }) })).toContain('a poll is overdue');
    expect(textOf({})).toContain('being evaluated for the last 7 days');
    expect(textOf({ states: stated() })).not.toContain('being evaluated again');
    const outdated = [
      stated({}, { asOf: '2026-10-20T08:00:00.000Z' }),
      stated({ validUntil: '2026-10-20T11:00:00.000Z' }),
    ];
    for (const states of outdated) expect(textOf({ states })).toContain('being evaluated again');
  });

  test('keep the verdicts of the month if the states cannot be read, and the other way round', () => {
    const error = { message: 'The history cannot be read now.', path: [], code: 'HISTORY_UNAVAILABLE' };
    const failed = { data: null, errors: [error] };
    const verdicts = answered({ evidence: { results: [{ control, headline, verdict: 'PASS' }] } });
    const judged = { text: '2026-09', wholeFrom: null };
    const month = textOf({ states: failed, verdicts }, { judged });
    expect(month).toContain('2026-09: 1 of 1 controls passed.');
    expect(month).toContain('The history cannot be read now.');
    expect(month).not.toContain('Decided by');
    const now = textOf({ states: stated(), verdicts: failed }, { judged });
    expect(now).toContain('✕ Fail');
    expect(now).toContain('The history cannot be read now.');
  });

  test('have no links to the IDE without one, and none to reports for readers', () => {
    const view = { hasIde: false, isOperator: false, judged: { text: '2026-09', wholeFrom: null } };
    const verdicts = answered({ evidence: { results: [{ control, headline, verdict: 'PASS' }] } });
    const evaluated = { states: stated(), places: placed(), verdicts };
    const section = sectionsOf({ ...viewOf({}), ...view, evaluated }).get('controls');
    expect(section).toContain('3 exceptions, 1 waived');
    expect(section).not.toMatch(/<a href="\/(ide|reports)/);
  });
});

test('with several accounts, a notice says which of them the numbers include', () => {
  const window = { from: '2026-10-13T12:00:00.000Z', to: ASOF };
  const stream = { resource: 'THREATS', message: null, collectFrom: window.from, lastAttemptAt: ASOF };
  const accounts = { emea: 'OK', apac: 'NOT_LICENSED', amer: 'NEVER_READ' } as const;
  const integrations = Object.entries(accounts).map(([name, status]) => ({
    ...{ name, origin: 'ABNORMAL' as const, tokenMessage: null },
    streams: [{ ...stream, status, lastSuccessAt: status === 'OK' ? ASOF : null }],
  }));
  const gaps = ['apac', 'amer'].map((integration) => ({
    ...{ integration, ...window, reason: 'NOT_COLLECTED', detail: null },
  }));
  const facts = { asOf: ASOF, now: ASOF, pollEvery: null, coverage: { gaps, missing: [] } };
  const textsOf = (some: typeof integrations) =>
    noticesOf(collected('THREATS', { ...facts, integrations: some }), window, true).map(
      ({ text: { text } }) => text.replaceAll(/<[^>]+>/g, ''),
    );
  expect(textsOf(integrations)).toEqual([
    'These numbers include emea only.',
    'apac: the account has no licence for this. To get it, ask Abnormal.',
    expect.stringMatching(/^amer: not read yet\./),
  ]);
  expect(textsOf(integrations.slice(0, 1))).toEqual([]);
});

test('text of Abnormal is escaped wherever it is shown', () => {
  const script = '<script>alert(1)</script>';
  const left = { ...EMPTY, total: { count: 1 } };
  const nodes = [{ firstReceivedTime: null, subject: script, recipientCount: 1 }];
  const page = [...sectionsOf(viewOf({ left, oldestThreats: { nodes } })).values()].join('');
  expect(page).toContain('&lt;script&gt;alert(1)');
  expect(page).not.toContain('<script');
});
