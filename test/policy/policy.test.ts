import { readFileSync } from 'node:fs';
import Ajv from 'ajv/dist/2020.js';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { CONTROLS } from '../../src/controls/registry.js';
import {
  applyPolicy,
  policyJsonSchema,
  policySchema,
  thresholdsFor,
  WAIVABLE_CONTROLS,
} from '../../src/policy/policy.js';
import { problemTexts, readPolicy } from '../../src/policy/read-policy.js';
import { WaiverBook } from '../../src/policy/waivers.js';
import { sha256 } from '../../src/values/canonical-json.js';
import { DAY, HOUR } from '../../src/values/instant.js';
import { policyOf } from '../support/policy.js';

const WAIVER = `
  - control: attacks-remediated
    subject: { message: "-4839201384912837491" }
    reason: kept on purpose
    owner: CISO
    ticket: RISK-1
    from: 2026-09-01
    expires: 2027-09-01`;

function problemsOf(text: string): string[] {
  const result = readPolicy(text);
  return result.ok ? [] : problemTexts('p', result.problems);
}

describe('a policy file', () => {
  test('is read with every value in the units of controls, and its digest is that of its bytes', () => {
    const text = `version: 1\nthresholds: { remediateWithin: 8h, remediatedShare: 99.5%, missedPolls: 2 }\nwaivers:${WAIVER}\n`;
    const result = readPolicy(text);
    if (!result.ok) throw new Error('not valid');
    expect(result.policy.thresholds).toEqual({
      remediateWithin: 8 * HOUR,
      remediatedShare: 0.995,
      missedPolls: 2,
    });
    expect(result.policy.waivers[0]?.expires).toBe('2027-09-01T00:00:00.000Z');
    expect(result.policy.file).toEqual({ text, digest: sha256(text) });
  });

  test('gets all of its problems reported together, each with line and column', () => {
    const text = `version: 2
organisation: 5
thresholds:
  remediateWithin: 8
  remediatedShare: 120%
  patience: 3
controls:
  attacks-remediated: { owner: "" }
waivers:
  - control: token-rotation
    subject: { message: -4839201384912837491 }
    reason: a
    owner: b
    from: 2026-01-01
    expires: 2026-13-01
`;
    expect(problemsOf(text)).toEqual([
      'p:1:1: version must be one of 1.',
      'p:2:1: organisation must be text (put a number in quotes).',
      'p:4:3: thresholds.remediateWithin must be text (put a number in quotes).',
      'p:5:3: thresholds.remediatedShare must be a share from 0 to 1.',
      'p:6:3: thresholds.patience is not a known name.',
      'p:8:25: controls.attacks-remediated.owner must not be empty.',
      `p:10:5: waivers[0].control must be one of ${WAIVABLE_CONTROLS.join(', ')}.`,
      'p:10:5: waivers[0].ticket is missing.',
      'p:11:16: waivers[0].subject.message must be text (put a number in quotes).',
      'p:15:5: waivers[0].expires must be a day (2026-12-31, its midnight in UTC) or a time with a time zone.',
    ]);
  });

  test.each([
    ['', 'p:1:1: The policy must be a mapping of names to values.'],
    ['version: 1\nversion: 1\n', 'p:2:1: Not valid YAML: Map keys must be unique.'],
    [
      `version: 1\nwaivers:${WAIVER.replace('2027-09-01', '2027-09-03')}`,
      'p:9:5: waivers[0].expires must be at most a year after `from`.',
    ],
    [
      `version: 1\nwaivers:${WAIVER.replace('2027-09-01', '2026-09-01')}`,
      'p:9:5: waivers[0].expires must be after `from`.',
    ],
    [
      `version: 1\nwaivers:${WAIVER.replace('kept on', '"kept\\non')}`.replace('purpose', 'purpose"'),
      'p:5:5: waivers[0].reason must be one line of text.',
    ],
  ])('%j is refused', (text, problem) => {
    expect(problemsOf(text)).toContain(problem);
  });

  test('that expands aliases without end is refused', () => {
    const lines = ['a: &a0 [x, x, x, x, x, x, x, x, x]'];
    for (let i = 1; i < 12; i += 1)
      lines.push(
        `b${i}: &a${i} [${Array(9)
          .fill(`*a${i - 1}`)
          .join(', ')}]`,
      );
    expect(problemsOf(lines.join('\n')).length).toBeGreaterThan(0);
  });

  test('gives problems or a policy for any text, and never throws', () => {
    fc.assert(
      fc.property(
        fc.oneof(fc.string(), fc.json(), fc.string({ unit: fc.constantFrom(...'ab:-[]{}&*!|>\'"#\n ') })),
        (text) => {
          const result = readPolicy(text);
          if (!result.ok)
            expect(result.problems.every(({ line, column }) => line > 0 && column > 0)).toBe(true);
        },
      ),
    );
  });
});

test('docs/policy.schema.json is generated from the definition, and accepts what the gateway accepts', () => {
  const published = JSON.parse(readFileSync('docs/policy.schema.json', 'utf8'));
  expect(published, 'run npm run policy:schema').toEqual(policyJsonSchema());
  const validate = new Ajv.default({ strict: false }).compile(published);
  const file = { version: 1, thresholds: { remediateWithin: '8h' }, waivers: [] };
  expect(validate(file)).toBe(policySchema.safeParse(file).success);
  expect(validate({ version: 1, threshold: {} })).toBe(false);
});

test('exactly the controls with members that have an outcome can be waived', () => {
  const listed = Object.values(CONTROLS).filter(
    ({ id, population }) =>
      population.isListed && id !== 'detection-active' && id !== 'behavioural-ai-operating',
  );
  expect(listed.map(({ id }) => id)).toEqual([...WAIVABLE_CONTROLS]);
});

test('a threshold comes from the override, else from the account, else from the policy, else from the gateway', () => {
  const policy = policyOf(
    'thresholds: { tokenAge: 30d, quietFor: 3d }\nintegrations: { eu: { thresholds: { tokenAge: 10d } } }',
  );
  const rules = applyPolicy(policy, { quietFor: 5 * DAY, ingestionLag: 1 });
  expect(thresholdsFor(rules, 'eu')).toMatchObject({
    tokenAge: 10 * DAY,
    quietFor: 3 * DAY,
    ingestionLag: 1,
  });
  expect(thresholdsFor(rules, 'us').tokenAge).toBe(30 * DAY);
  expect(thresholdsFor(applyPolicy(policy, {}, { tokenAge: DAY }), 'eu').tokenAge).toBe(DAY);
});

describe('a waiver', () => {
  const at = '2026-09-10T00:00:00.000Z';
  const member = { integration: 'default', recordId: 't1', messageId: 'm1', label: 'Invoice, to pat@x', at };
  const book = (subject: string, now = '2026-10-01T00:00:00.000Z', more = '') =>
    new WaiverBook(policyOf(`waivers:${WAIVER.replace(/\{ message.*\}/, subject)}${more}`).waivers, now);

  test.each([
    ['{ message: m1 }', true],
    ['{ message: m2 }', false],
    ['{ message: t1 }', false],
    ['{ record: t1 }', true],
    ['{ record: t1, integration: other }', false],
    ['{ query: q, label: INVOICE, limit: 1 }', true],
    ['{ query: q, label: INVOICE, limit: 1, to: 2026-09-10 }', false],
    ['{ query: q, label: INVOICE, limit: 1, from: 2026-09-10, to: 2026-09-11 }', true],
    ['{ query: q, label: other, limit: 1 }', false],
  ])('for %s waives the message m1 of t1: %s', (subject, isWaived) => {
    expect(book(subject).consider(member, true) !== null).toBe(isWaived);
  });

  test.each([
    ['2026-08-31T23:59:59.999Z', 'NOT_STARTED'],
    ['2026-09-01T00:00:00.000Z', null],
    ['2027-08-31T23:59:59.999Z', null],
    ['2027-09-01T00:00:00.000Z', 'EXPIRED'],
  ])('at %s has the problem %s, and counts what it would have waived', (now, problem) => {
    const own = book('{ message: m1 }', now);
    expect(own.consider(member, true) !== null).toBe(problem === null);
    expect(own.uses()).toMatchObject([
      { problem, waived: problem === null ? 1 : 0, notWaived: problem === null ? 0 : 1 },
    ]);
  });

  test('that matches nothing, no exception, or more than its limit is reported', () => {
    const none = book('{ message: m2 }');
    none.consider(member, true);
    const met = book('{ message: m1 }');
    expect(met.consider(member, false)).toBeNull();
    const query = book('{ query: q, label: invoice, limit: 1 }');
    const waived = [query.consider(member, true), query.consider({ ...member, messageId: 'm2' }, true)];
    expect(waived.map((each) => each !== null)).toEqual([true, false]);
    const twice = book('{ message: m1 }', undefined, WAIVER.replace('"-4839201384912837491"', 'm1'));
    twice.consider(member, true);
    expect([none, met, query, twice].map((each) => each.uses().map(({ problem }) => problem))).toEqual([
      ['MATCHES_NOTHING'],
      ['NOT_NEEDED'],
      ['OVER_LIMIT'],
      [null, 'NOT_NEEDED'],
    ]);
  });
});
