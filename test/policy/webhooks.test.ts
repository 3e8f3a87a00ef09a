import 'reflect-metadata';
import { expect, test } from 'vitest';
import { readPolicyText } from '../../src/app/policy-file.js';
import { problemTexts } from '../../src/policy/read-policy.js';

const problemsOf = (text: string) => {
  const result = readPolicyText(text);
  return result.ok ? [] : problemTexts('p', result.problems);
};

const webhook = (fields: string) => `version: 1
webhooks:
  siem:
    url: https://siem.example.com/hook
    events: [threat.added]
    secrets: [main]
${fields}`;

test('a webhook with a filter of the graph is valid', () => {
  const fields = `    filter:
      threat: { attackTypes: { in: [SCAM] }, receivedTime: { last: P1D } }
      case: { or: [{ open: { eq: true } }, { caseId: { eq: "17" } }] }
    links: http://localhost:4000
`;
  expect(problemsOf(webhook(fields))).toEqual([]);
});

test('a wrong filter is named with its place', () => {
  const fields = `    filter:
      threat:
        attackTypes: { in: [NONSENSE] }
        colour: { eq: red }
`;
  const problems = problemsOf(webhook(fields));
  expect(problems).toEqual([
    expect.stringMatching(/^p:8:7: .*colour/),
    expect.stringMatching(/^p:9:29: .*NONSENSE/),
  ]);
});

test.each([
  ['ftp://siem.example.com/', 'is not https'],
  ['http://siem.example.com/', 'is not https'],
  ['https://user:secret@siem.example.com/', 'contains a credential'],
  ['https://siem.example.com/?key=1', 'contains a credential or a query'],
  ['siem', 'is not a URL'],
])('the address %s is refused', (url, reason) => {
  const [problem, ...more] = problemsOf(webhook('').replace('https://siem.example.com/hook', url));
  expect(problem).toMatch(/^p:4:5: webhooks\.siem\.url must be an address that messages may be sent to: it /);
  expect(problem).toContain(reason);
  // a credential is not repeated
  expect(problem).not.toContain('secret@');
  expect(more).toEqual([]);
});

test('names, events and their number are checked', () => {
  expect(problemsOf(webhook('').replace('threat.added', 'threat.gone'))).toEqual([
    expect.stringMatching(
      /^p:5:14: webhooks\.siem\.events\[0\] must be one of threat\.added, .*waiver\.expiring/,
    ),
  ]);
  expect(problemsOf(webhook('').replace('siem:', 'SIEM 1:'))).toHaveLength(1);
  const many = Array.from(
    { length: 21 },
    (_, i) => `  w${i}: { url: "https://a.example", events: [seal.created], secrets: [s] }\n`,
  );
  expect(problemsOf(`version: 1\nwebhooks:\n${many.join('')}`)).toEqual([
    expect.stringMatching(/webhooks must have at most 20 webhooks/),
  ]);
});
