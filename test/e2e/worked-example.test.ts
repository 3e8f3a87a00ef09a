import 'reflect-metadata';
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { textReport } from '../../src/cli/report-output.js';
import type { ControlFinding } from '../../src/controls/control.js';
import { evaluatePeriod, type PeriodEvidence } from '../../src/evidence/evaluate-period.js';
import { openStore } from '../../src/history/open-store.js';
import type { HistoryStore } from '../../src/history/store.js';
import { createTenant } from '../../src/simulator/tenant.js';
import { askExample, collectExample, EXAMPLE, plantedIn, TENANT } from '../support/worked-example.js';

let store: HistoryStore;
let evidence: PeriodEvidence;

beforeAll(async () => {
  store = await openStore('sqlite::memory:', 'write');
  await collectExample(store);
  const question = await askExample(store, 'json');
  evidence = await evaluatePeriod(store, { ...question, trend: null, keep: { skip: 0, limit: 1000 } });
}, 300_000);

afterAll(() => store.close());

const exceptionsOf = (control: string) =>
  evidence.results.find((result) => result.control === control)?.exceptions ?? [];

/** A span by its stream and its ends, to the minute. */
function spanText({ subject, at }: ControlFinding): string {
  if (subject.type !== 'SPAN') return subject.type;
  const { stream, to } = subject;
  return `${stream.resource}/${stream.filterKey} ${at?.slice(0, 16)} ${to.slice(0, 16)}`;
}

const STREAMS = ['threats/receivedTime', 'threats/latestTimeRemediated', 'cases/lastModifiedTime'];
/** From the last answer before an outage to the first one after it. */
const SILENT = ['2026-07-13T21:00 2026-07-15T13:00', '2026-09-28T09:00 2026-10-01T08:30'];
const LOST = '2026-09-28T08:45 2026-10-01T00:00';

test('attacks-remediated names three unremediated messages and no others', () => {
  const { unremediated } = plantedIn(createTenant(TENANT));
  expect(unremediated).toHaveLength(3);
  const named = exceptionsOf('attacks-remediated').map(
    ({ subject }) => 'messageId' in subject && subject.messageId,
  );
  expect(named.sort()).toEqual(unremediated);
});

test('account-takeover-handled names one late case', () => {
  const { lateCases } = plantedIn(createTenant(TENANT));
  expect(lateCases).toHaveLength(1);
  const named = exceptionsOf('account-takeover-handled').map(
    ({ subject }) => 'key' in subject && subject.key.id,
  );
  expect(named).toEqual(lateCases);
});

test('attacks-captured names only the outage that was not caught up', () => {
  expect(exceptionsOf('attacks-captured').map(spanText)).toEqual([`${STREAMS[0]} ${LOST}`]);
});

test('detection-active and collection-continuous name both outages on every stream', () => {
  const silent = STREAMS.flatMap((stream) => SILENT.map((span) => `${stream} ${span}`));
  expect(exceptionsOf('detection-active').map(spanText).sort()).toEqual([...silent].sort());
  const lost = STREAMS.map((stream) => `${stream} ${LOST}`);
  expect(exceptionsOf('collection-continuous').map(spanText).sort()).toEqual([...silent, ...lost].sort());
});

test('token-rotation names the old token', () => {
  const [finding, ...more] = exceptionsOf('token-rotation');
  expect(more).toEqual([]);
  expect(finding).toMatchObject({ subject: { integration: EXAMPLE.integration }, at: EXAMPLE.tokenIssued });
});

test('no other control has an exception', () => {
  const verdicts = Object.fromEntries(evidence.results.map(({ control, verdict }) => [control, verdict]));
  expect(verdicts).toEqual({
    'detection-active': 'FAIL',
    'attacks-captured': 'FAIL',
    'attacks-remediated': 'FAIL',
    'account-takeover-handled': 'FAIL',
    'behavioural-ai-operating': 'INSUFFICIENT_DATA',
    'abuse-mailbox-operating': 'NOT_APPLICABLE',
    'collection-continuous': 'FAIL',
    'token-rotation': 'FAIL',
  });
  expect(exceptionsOf('behavioural-ai-operating')).toEqual([]);
});

test('the documentation shows the result of the example', () => {
  expect(readFileSync('docs/example/summary.txt', 'utf8')).toBe(textReport(evidence));
});
