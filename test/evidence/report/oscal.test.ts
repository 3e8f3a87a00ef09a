import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { parsePeriod } from '../../../src/controls/period.js';
import { CONTROLS, controlsOf } from '../../../src/controls/registry.js';
import type { PeriodEvidence } from '../../../src/evidence/evaluate-period.js';
import { oscalReport } from '../../../src/evidence/report/oscal.js';
import { oscalComponent, oscalPlan } from '../../../src/evidence/report/oscal-plan.js';
import {
  markdown,
  nistIds,
  OSCAL_VERSION,
  OWN_NAMESPACE,
  PLAN_FILE,
  propsOf,
  uuidOf,
} from '../../../src/evidence/report/oscal-text.js';
import { openStore } from '../../../src/history/open-store.js';
import type { HistoryStore } from '../../../src/history/store.js';
import { applyPolicy, NO_POLICY } from '../../../src/policy/policy.js';
import { THRESHOLD_NAMES } from '../../../src/policy/thresholds.js';
import { mail } from '../../support/control-facts.js';
import { ask, hoursAfter, type Question, recordHistory, type Seen } from '../../support/evidence-history.js';
import { hasOfficialSchema, officialFaults, oscalDocument } from '../../support/oscal.js';
import { policyOf } from '../../support/policy.js';
import { sampleMessage, sampleThreat } from '../../support/records.js';

const AT = '2026-09-10T08:00:00.000Z';
const SUBJECTS = ['[Pay](https://evil.example) *now*', ' \n ', 'two\nlines\u2028three ', '<b>bold</b>'];
const seen: Seen[] = [
  ...SUBJECTS.map((subject, i) => ({
    at: hoursAfter(AT, i + 1),
    threat: sampleThreat(`t${i}`, {
      messages: [sampleMessage(`m${i}`, mail(hoursAfter(AT, i), null, { subject }))],
    }),
  })),
  { at: AT, threat: sampleThreat('ok', { messages: [sampleMessage('ok', mail(AT, 1000))] }) },
];
const outage = { from: '2026-09-20T00:00:00.000Z', to: '2026-09-21T00:00:00.000Z', caughtUp: false };

let store: HistoryStore;

beforeAll(async () => {
  store = await openStore('sqlite::memory:', 'write');
  const span = { from: '2026-08-01T00:00:00.000Z', to: '2026-10-05T00:00:00.000Z' };
  await recordHistory(store, { ...span, seen, outages: () => [outage] });
});

afterAll(() => store.close());

const write = (evidence: PeriodEvidence, simulated: string[] = []) =>
  [...oscalReport(evidence, { simulated })].join('');
const waiver = (subject: string) => `
  - { control: attacks-remediated, subject: ${subject}, reason: kept on purpose, owner: CISO, ticket: RISK-1,
      from: 2026-09-01, expires: 2027-03-01 }`;
const WAIVERS = policyOf(
  `organisation: Example Corp\nwaivers:${waiver('{ message: m0 }')}${waiver('{ record: nobody }')}`,
);
const QUESTIONS: readonly [name: string, question: Question][] = [
  ['a month with failings', { period: '2026-09' }],
  ['more exceptions than are kept', { period: '2026-09', keep: { skip: 0, limit: 1 } }],
  ['a period before anything was read', { period: '2020-01' }],
  ['nothing but what does not apply', { period: '2026-09-14', controls: ['abuse-mailbox-operating'] }],
  ['no account at all', { period: '2026-09', integrations: [] }],
  ['waivers, one of them without a match', { period: '2026-09', policy: WAIVERS }],
];

test.each(QUESTIONS)('%s is written as valid OSCAL', async (_, question) => {
  const document = JSON.parse(write(await ask(store, question), ['default']));
  expect(oscalDocument.safeParse(document).error?.issues ?? []).toEqual([]);
});

test.runIf(hasOfficialSchema).each(QUESTIONS)(
  '%s passes the official schema (OSCAL_SCHEMA)',
  async (_, question) => {
    const document = JSON.parse(write(await ask(store, question), ['default']));
    expect(officialFaults(document)).toEqual([]);
    const { uuid: _uuid, ...rest } = document['assessment-results'];
    expect(officialFaults({ 'assessment-results': rest })).toContainEqual(expect.stringContaining('uuid'));
  },
);

test('a failed control is an open risk, and the results refer to NIST’s controls and to an assessment plan', async () => {
  const evidence = await ask(store, { period: '2026-09' });
  const {
    'import-ap': plan,
    results,
    'back-matter': back,
  } = JSON.parse(write(evidence))['assessment-results'];
  const resource = back.resources.find(({ uuid }: { uuid: string }) => `#${uuid}` === plan.href);
  expect(resource.rlinks).toEqual([{ href: PLAN_FILE, 'media-type': 'application/oscal+json' }]);
  const [{ risks, findings, 'reviewed-controls': reviewed }] = results;
  const ids = reviewed['control-selections'][0]['include-controls'].map(
    (each: Record<string, string>) => each['control-id'],
  );
  expect(ids).toEqual(expect.arrayContaining(['ac-2.12', 'au-10', 'si-3']));
  for (const { target } of findings)
    expect(ids.map((id: string) => `${id}_obj`)).toContain(target['target-id']);
  const failed = evidence.results.filter(({ verdict }) => verdict === 'FAIL');
  expect(risks.map(({ status }: { status: string }) => status)).toEqual(failed.map(() => 'open'));
  const linked = findings.flatMap(
    (finding: Record<string, { 'risk-uuid': string }[]>) => finding['related-risks'] ?? [],
  );
  expect(linked.map((each: { 'risk-uuid': string }) => each['risk-uuid'])).toEqual(
    risks.map(({ uuid }: { uuid: string }) => uuid),
  );
});

const QUESTION = {
  ...{ period: parsePeriod('2026-09'), controls: controlsOf(null), integrations: null, trend: null },
  ...{ pin: { seq: 7, at: '2026-10-05T00:00:00.000Z' }, rules: applyPolicy(NO_POLICY), credentials: [] },
};
const COMPANIONS = [
  ['assessment-plan', oscalPlan(QUESTION)],
  ['component-definition', oscalComponent(QUESTION)],
] as const;

test.each(COMPANIONS)(
  'the %s names the same controls of NIST, each once, by UUIDs of its content',
  (model, text) => {
    const document = JSON.parse(text)[model];
    expect(document.metadata['oscal-version']).toBe(OSCAL_VERSION);
    const ids = [...text.matchAll(/"control-id": "([^"]+)"/g)].map(([, id]) => id ?? '');
    expect(new Set(ids).size).toBe(ids.length);
    expect(ids).toEqual([...new Set(Object.values(CONTROLS).flatMap(nistIds))].sort());
    for (const id of ids) expect(id).toMatch(/^[a-z]{2}-\d+([.]\d+)?$/);
  },
);

test.runIf(hasOfficialSchema).each(COMPANIONS)(
  'the %s passes the official schema (OSCAL_SCHEMA)',
  (_, text) => {
    expect(officialFaults(JSON.parse(text))).toEqual([]);
  },
);

test('every property is described on the page of its namespace, which is in the document', async () => {
  const page = readFileSync('docs/oscal.md', 'utf8');
  const described = new Set([...page.matchAll(/`([a-z-]+)`/g)].map(([, name]) => name));
  const thresholds = THRESHOLD_NAMES.map((name) => name.toLowerCase());
  const evidence = await ask(store, { period: '2026-09' });
  const documents = [write(evidence, ['default']), ...COMPANIONS.map(([, text]) => text)];
  for (const text of documents) {
    const namespaces = new Set([...text.matchAll(/"ns": ?"([^"]+)"/g)].map(([, ns]) => ns));
    expect([...namespaces]).toEqual([OWN_NAMESPACE]);
    const [{ 'back-matter': back }] = Object.values(JSON.parse(text)) as [Record<string, Back>];
    const ids = back?.resources.map(({ uuid }) => `urn:uuid:${uuid}`);
    expect(ids).toContain(OWN_NAMESPACE);
    const names = [...text.matchAll(/"name": ?"([^"]+)","? ?\s*"ns"/g)].map(([, name]) => name ?? '');
    expect(names.length).toBeGreaterThan(3);
    for (const name of names) {
      const isOfPattern = /^(measure|threshold)-./.test(name) || thresholds.includes(name);
      expect(isOfPattern || described.has(name), name).toBe(true);
    }
  }
});

interface Back {
  readonly resources: readonly {
    readonly uuid: string;
    readonly rlinks?: readonly { readonly href: string }[];
  }[];
}

test('the namespace is the page that the organisation publishes, if the policy says where', async () => {
  const policy = { ...NO_POLICY, documentation: 'https://docs.example.com/gateway/' };
  const page = 'https://docs.example.com/gateway/oscal.md';
  const rules = applyPolicy(policy);
  const texts = [
    write(await ask(store, { period: '2026-09', policy })),
    oscalPlan({ ...QUESTION, rules }),
    oscalComponent({ ...QUESTION, rules }),
  ];
  for (const text of texts) {
    expect(new Set([...text.matchAll(/"ns": ?"([^"]+)"/g)].map(([, ns]) => ns))).toEqual(new Set([page]));
    const [{ 'back-matter': back }] = Object.values(JSON.parse(text)) as [Record<string, Back>];
    expect(back?.resources.flatMap(({ rlinks = [] }) => rlinks.map(({ href }) => href))).toContain(page);
  }
});

const STATUS = {
  PASS: { state: 'satisfied', reason: 'pass' },
  FAIL: { state: 'not-satisfied', reason: 'fail' },
  INSUFFICIENT_DATA: { state: 'not-satisfied', reason: 'other' },
  NOT_APPLICABLE: undefined,
};

test('only a passed control is a satisfied finding, and a control that does not apply has no finding', async () => {
  const said = new Set<string>();
  for (const period of ['2026-09', '2026-09-14']) {
    const evidence = await ask(store, { period });
    const [{ findings }] = JSON.parse(write(evidence))['assessment-results'].results;
    for (const { control, verdict } of evidence.results) {
      const finding = findings.find(({ props }: { props: { name: string; value: string }[] }) =>
        props.some(({ name, value }) => name === 'control' && value === control),
      );
      expect(finding?.target.status, control).toEqual(STATUS[verdict]);
      said.add(verdict);
    }
  }
  expect([...said].sort()).toEqual(Object.keys(STATUS).sort());
});

test('every exception is an observation of its finding, and every reference resolves', async () => {
  const evidence = await ask(store, { period: '2026-09' });
  const document = JSON.parse(write(evidence))['assessment-results'];
  const [result] = document.results;
  const observations = result.observations.map(({ uuid }: { uuid: string }) => uuid);
  const exceptions = evidence.results.flatMap(({ exceptions }) => exceptions);
  expect(observations).toHaveLength(evidence.results.length + exceptions.length);
  expect(new Set(observations).size).toBe(observations.length);
  const related = result.findings.flatMap((finding: Record<string, { 'observation-uuid': string }[]>) =>
    finding['related-observations']?.map((each) => each['observation-uuid']),
  );
  for (const uuid of related) expect(observations).toContain(uuid);
  const accounts = result['local-definitions'].components.map(({ uuid }: { uuid: string }) => uuid);
  for (const { subjects = [] } of result.observations)
    for (const subject of subjects) expect(accounts).toContain(subject['subject-uuid']);
  expect(document['import-ap'].href).toBe(`#${document['back-matter'].resources[0].uuid}`);
  expect(document.metadata).toMatchObject({
    'oscal-version': OSCAL_VERSION,
    'last-modified': evidence.pin.at,
  });
});

test('the same evidence gives the same bytes, and another view gives other ids', async () => {
  const [first, again] = [await ask(store, { period: '2026-09' }), await ask(store, { period: '2026-09' })];
  expect(write(again)).toBe(write(first));
  const earlier = await ask(store, { period: '2026-09', pin: await store.pinAt('2026-10-01T00:00:00.000Z') });
  const uuid = (text: string) => JSON.parse(text)['assessment-results'].uuid;
  expect(uuid(write(earlier))).not.toBe(uuid(write(first)));
});

test('UUIDs are derived from names (version 5)', () => {
  const made = [uuidOf('a'), uuidOf('b'), uuidOf('a')];
  expect(made[0]).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-5[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  expect(made[2]).toBe(made[0]);
  expect(made[1]).not.toBe(made[0]);
});

test('every upstream value becomes a valid OSCAL value or is left out', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (label) => {
      for (const { value } of propsOf({ ns: OWN_NAMESPACE }, { label }))
        expect(value).toMatch(/^\S(.*\S)?$/u);
      expect(markdown(label)).toMatch(/\S/);
    }),
  );
  expect(markdown('[Pay](x) *now*')).toBe('\\[Pay\\](x) \\*now\\*');
  expect(propsOf({ ns: OWN_NAMESPACE }, { 'Median time': 5, nothing: null, blank: ' \n' })).toMatchObject([
    { name: 'median-time', value: '5' },
  ]);
});
