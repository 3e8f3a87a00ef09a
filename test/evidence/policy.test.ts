import { afterAll, beforeAll, expect, test } from 'vitest';
import { htmlReport } from '../../src/evidence/report/html-report.js';
import { jsonReport } from '../../src/evidence/report/json.js';
import { oscalReport } from '../../src/evidence/report/oscal.js';
import { csvClosing, csvHeading, csvRow } from '../../src/evidence/report/rows.js';
import { openStore } from '../../src/history/open-store.js';
import type { HistoryStore } from '../../src/history/store.js';
import { NO_POLICY, type Policy } from '../../src/policy/policy.js';
import { mail } from '../support/control-facts.js';
import { ask, hoursAfter, recordHistory, type Seen } from '../support/evidence-history.js';
import { policyOf } from '../support/policy.js';
import { sampleMessage, sampleThreat } from '../support/records.js';

/* Two accounts: in `default` two of ten messages were left in a mailbox, in `eu` all were remediated after two hours. */

const AT = '2026-09-10T08:00:00.000Z';
const SPAN = { from: '2026-08-01T00:00:00.000Z', to: '2026-10-05T00:00:00.000Z' };
const outage = { from: '2026-09-20T00:00:00.000Z', to: '2026-09-21T00:00:00.000Z', caughtUp: false };

const threatsOf = (prefix: string, ms: (i: number) => number | null): Seen[] =>
  Array.from({ length: 10 }, (_, i) => ({
    at: hoursAfter(AT, 40 + i),
    threat: sampleThreat(`${prefix}-t${i}`, {
      messages: [sampleMessage(`${prefix}-m${i}`, mail(hoursAfter(AT, i), ms(i)))],
    }),
  }));

let store: HistoryStore;

beforeAll(async () => {
  store = await openStore('sqlite::memory:', 'write');
  await recordHistory(store, { ...SPAN, seen: threatsOf('us', (i) => (i < 2 ? null : 1000)) });
  await recordHistory(store, {
    ...{ ...SPAN, integration: 'eu', prefix: 'eu', seen: threatsOf('eu', () => 7_200_000) },
    outages: () => [],
  });
});

afterAll(() => store.close());

const waive = (subject: string, from = '2026-09-01', expires = '2027-01-01') => `
  - control: attacks-remediated
    subject: ${subject}
    reason: kept on purpose
    owner: CISO
    ticket: RISK-1
    from: ${from}
    expires: ${expires}`;

async function remediated(policy: Policy, integrations = ['default']) {
  const evidence = await ask(store, {
    period: '2026-09',
    controls: ['attacks-remediated'],
    integrations,
    policy,
  });
  const [result] = evidence.results;
  if (!result) throw new Error('no result');
  return { evidence, result };
}

test('waived exceptions stay in the list, do not count, and the share is given with and without them', async () => {
  const policy = policyOf(`waivers:${waive('{ message: us-m0 }')}${waive('{ record: us-t1 }')}`);
  const { result, evidence } = await remediated(policy);
  expect([result.verdict, result.outcomes.EXCEPTION, result.outcomes.WAIVED]).toEqual(['PASS', 0, 2]);
  const measures = Object.fromEntries(result.measures.map(({ name, value }) => [name, value]));
  expect(measures).toMatchObject({
    Remediated: 1,
    'Remediated, without waivers': 0.8,
    'Waived exceptions': 2,
  });
  expect(result.population.count).toBe(10);
  expect(result.exceptions.map(({ outcome, waiver }) => [outcome, waiver?.ticket])).toEqual([
    ['WAIVED', 'RISK-1'],
    ['WAIVED', 'RISK-1'],
  ]);
  const json = JSON.parse([...jsonReport(evidence)].join('')).results[0];
  expect(json.exceptions).toMatchObject({ count: 0, waived: 2, allGiven: true });
  expect(json.exceptions.items[0]).toMatchObject({
    outcome: 'WAIVED',
    waiver: { owner: 'CISO', reason: 'kept on purpose' },
  });
  const html = htmlReport(evidence, { simulated: [] });
  expect(html).toContain('accepted by CISO, RISK-1, from 2026-09-01 until 2027-01-01');
  const oscal = JSON.parse([...oscalReport(evidence, { simulated: [] })].join(''));
  const [{ observations, risks }] = oscal['assessment-results'].results;
  expect(
    observations.filter(({ expires }: { expires?: string }) => expires === '2027-01-01T00:00:00.000Z'),
  ).toHaveLength(2);
  expect(risks).toMatchObject([
    { status: 'deviation-approved', deadline: '2027-01-01T00:00:00.000Z' },
    { status: 'deviation-approved' },
  ]);
  const [first] = result.exceptions;
  expect(first && csvRow('attacks-remediated', first, { rows: 'exceptions' })).toContain(',WAIVED,');
});

test('a waiver that has expired at the instant of the view no longer helps, and is reported', async () => {
  const { result } = await remediated(
    policyOf(`waivers:${waive('{ record: us-t1 }', '2026-09-01', '2026-10-01')}`),
  );
  expect(result.verdict).toBe('FAIL');
  expect(result.outcomes).toMatchObject({ EXCEPTION: 2, WAIVED: 0 });
  expect(result.waivers).toMatchObject([{ problem: 'EXPIRED', waived: 0, notWaived: 1 }]);
});

test('pages of exceptions have waived ones among the others, each once', async () => {
  const policy = policyOf(`waivers:${waive('{ message: us-m0 }')}`);
  const question = { period: '2026-09', controls: ['attacks-remediated'], integrations: ['default'], policy };
  const all = (await ask(store, question)).results[0]?.exceptions;
  const pages = await Promise.all(
    [0, 1].map((skip) => ask(store, { ...question, keep: { skip, limit: 1 } })),
  );
  expect(pages.flatMap(({ results }) => results[0]?.exceptions ?? [])).toEqual(all);
  expect(all).toHaveLength(2);
});

test('no waiver hides a gap: a policy that waives all that it may leaves every gap and missed poll as it was', async () => {
  const gapped = await openStore('sqlite::memory:', 'write');
  await recordHistory(gapped, { ...SPAN, seen: threatsOf('us', () => null), outages: () => [outage] });
  const all = [
    'attacks-captured',
    'attacks-remediated',
    'account-takeover-handled',
    'abuse-mailbox-operating',
  ]
    .map((control) => waive('{ query: all, label: "e", limit: 1000 }').replace('attacks-remediated', control))
    .join('');
  const [plain, waived] = await Promise.all(
    [NO_POLICY, policyOf(`waivers:${all}`)].map((policy) => ask(gapped, { period: '2026-09', policy })),
  );
  for (const [i, result] of (plain?.results ?? []).entries()) {
    const other = waived?.results[i];
    expect(other?.population.coverage).toEqual(result.population.coverage);
    const spans = (each: typeof result | undefined) =>
      each?.exceptions.filter(({ subject }) => subject.type !== 'RECORD');
    expect(spans(other)).toEqual(spans(result));
    // an uncovered period still cannot pass
    if (!result.population.coverage.complete) expect(other?.verdict).not.toBe('PASS');
  }
  await gapped.close();
});

test('accounts with other thresholds are evaluated by themselves, and the worst verdict is that of all', async () => {
  const both = ['default', 'eu'];
  const strict = await remediated(NO_POLICY, ['eu']);
  expect(strict.result.verdict).toBe('FAIL');
  const lax = 'integrations: { eu: { thresholds: { remediationMedian: 3h } } }';
  expect((await remediated(policyOf(lax), ['eu'])).result.verdict).toBe('PASS');
  const { result } = await remediated(policyOf(`${lax}\nwaivers:${waive('{ record: us-t0 }')}`), both);
  expect(result.verdict).toBe('FAIL');
  expect(result.reason).toMatch(/^default: 1 of 9 .* eu: 100 % of 10 /);
  expect(result.population.count).toBe(20);
  const medians = result.measures.filter(({ name }) => name.startsWith('Median'));
  expect(medians.map(({ name, threshold }) => [name, threshold?.value])).toEqual([
    ['Median time to remediation (default)', 300_000],
    ['Median time to remediation (eu)', 10_800_000],
  ]);
});

test('thresholds of an account that has the same values as the others change nothing', async () => {
  const same = policyOf('integrations: { eu: { thresholds: { remediationMedian: 5m } } }');
  const [plain, grouped] = await Promise.all(
    [NO_POLICY, same].map((policy) => ask(store, { period: '2026-09', policy })),
  );
  expect(grouped?.results).toEqual(plain?.results);
});

test('a control that the policy declares not applicable says why, and what its verdict would be', async () => {
  const { result } = await remediated(
    policyOf('controls: { attacks-remediated: { owner: SecOps, notApplicable: "another team does it" } }'),
  );
  expect(result).toMatchObject({ verdict: 'NOT_APPLICABLE', owner: 'SecOps', outcomes: { EXCEPTION: 2 } });
  expect(result.reason).toMatch(
    /^Not applicable by the policy: another team does it[.] Without this, the verdict is FAIL: 2 of 10/,
  );
});

test('every report carries the text and the digest of the policy, and says which thresholds were replaced', async () => {
  const policy = policyOf('title: Quarterly e-mail controls\norganisation: Ex & Co\n');
  const question = { period: '2026-09', policy, thresholds: { remediationMedian: 1 } };
  const evidence = await ask(store, question);
  const digest = policy.file?.digest ?? '-';
  const json = JSON.parse([...jsonReport(evidence)].join(''));
  expect(json.policy).toEqual({
    organisation: 'Ex & Co',
    title: 'Quarterly e-mail controls',
    ...policy.file,
  });
  expect(json.thresholdOverrides).toEqual({ remediationMedian: 1 });
  const html = htmlReport(evidence, { simulated: [] });
  for (const part of [
    digest,
    '<h1>Quarterly e-mail controls, 2026-09</h1>',
    'Ex &amp; Co',
    'remediationMedian was given',
  ])
    expect(html).toContain(part);
  const oscal = [...oscalReport(evidence, { simulated: [] })].join('');
  expect(oscal).toContain(digest);
  expect(oscal).toContain(Buffer.from(policy.file?.text ?? '-').toString('base64'));
  const csv = csvHeading({ rows: 'results' }) + csvClosing(evidence, { rows: 'results' });
  expect(csv.split('\n').filter((line) => line.includes(digest))).toHaveLength(evidence.results.length);
});
