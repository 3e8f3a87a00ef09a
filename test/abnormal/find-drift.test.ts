import { describe, expect, test } from 'vitest';
import { findDrift } from '../../src/abnormal/response.js';
import type { Kind } from '../../src/resources/registry.js';
import { createTenant } from '../../src/simulator/tenant.js';
import { campaignPayload, casePayload, messagePayload, threatPayload } from './payloads.js';

/** What differs, a line each. */
function drift(kind: Kind, payload: unknown): string[] {
  return findDrift(kind, payload).map(({ kind: what, path, value }) => {
    return what === 'FIELD' ? path : `${path} = ${value}`;
  });
}

const message = (changes: Record<string, unknown>) => threatPayload([messagePayload(changes)]);

describe('known content', () => {
  test('causes no drift', () => {
    expect(drift('threat', threatPayload([messagePayload(), messagePayload()]))).toEqual([]);
    expect(
      drift('case', { item: { caseId: 1, description: 'd', created: 'x' }, detail: casePayload() }),
    ).toEqual([]);
    expect(drift('case', { item: null, detail: casePayload() })).toEqual([]);
    expect(drift('campaign', campaignPayload())).toEqual([]);
    const event = {
      event_timestamp: 't',
      category: 'Sign In',
      isp: 'i',
      location: { city: 'c', state: 's' },
    };
    const insights = [{ signal: 's', description: 'd' }];
    expect(
      drift('caseAnalysis', { insights, eventTimeline: [event, { ...event, location: 'here' }] }),
    ).toEqual([]);
    const attachments = [{ abxMessageId: 1, abxMessageIdStr: '1', attachmentName: 'a' }];
    expect(drift('threatAttachments', { attachments, tenantId: 1, tenantName: 'x' })).toEqual([]);
    const links = [
      { abxMessageId: 1, domainLink: 'd', linkType: 'l', source: 's', displayText: 't', linkUrl: 'u' },
    ];
    expect(drift('threatLinks', { links, tenantId: null })).toEqual([]);
  });

  test('includes everything that the simulated tenant has ever sent', () => {
    const [from, to] = ['2026-01-01T00:00:00.000Z', '2026-03-01T00:00:00.000Z'];
    const tenant = createTenant({ seed: 'drift', from, to, threats: 300, cases: 100, campaigns: 100 });
    const kinds = new Set<string>();
    for (const { kind, id } of tenant.truth(to)) {
      kinds.add(kind);
      for (const { payload } of tenant.versionsOf(kind, id)) expect(drift(kind, payload)).toEqual([]);
    }
    expect([...kinds].sort()).toEqual(['campaign', 'case', 'threat']);
  });

  test.each(['Other', 'others', '', '  ', 'null', 'Auto-Remediated', 'auto remediated'])(
    'includes the word %j and words that carry no information',
    (remediationStatus) => expect(drift('threat', message({ remediationStatus }))).toEqual([]),
  );
});

describe('an unknown field', () => {
  test('is reported once by its path, at any depth', () => {
    const changes = { newField: 1, customerOverride: { overrideType: 'x', until: 'y' } };
    const messages = [messagePayload(changes), messagePayload({ newField: 2, other: { a: { b: 1 } } })];
    expect(drift('threat', threatPayload(messages, { riskScore: { level: 9 } })).sort()).toEqual([
      'threat.messages[].customerOverride.until',
      'threat.messages[].newField',
      'threat.messages[].other',
      'threat.riskScore',
    ]);
    const item = { caseId: 1, priority: 'P1' };
    expect(drift('case', { item, detail: casePayload({ assignee: 'ann' }) })).toEqual([
      'case.assignee',
      'cases[].priority',
    ]);
    expect(drift('campaign', campaignPayload({ newField: null }))).toEqual(['campaign.newField']);
    const analysis = { insights: [{ weight: 1 }], eventTimeline: [{ location: { zip: 1 }, mood: 2 }] };
    expect(drift('caseAnalysis', analysis)).toEqual([
      'caseAnalysis.insights[].weight',
      'caseAnalysis.eventTimeline[].location.zip',
      'caseAnalysis.eventTimeline[].mood',
    ]);
    expect(drift('threatLinks', { links: [{ verdict: 1 }], page: 1 })).toEqual([
      'threatLinks.links[].verdict',
      'threatLinks.page',
    ]);
  });

  test('is reported without its value', () => {
    const found = findDrift('campaign', campaignPayload({ reporterEmail: 'ann@corp.example' }));
    expect(found).toEqual([{ kind: 'FIELD', path: 'campaign.reporterEmail', value: null }]);
  });

  test('with an invalid name is reported with a shortened, storable name', () => {
    const names = ['', '__proto__', 'constructor', 'a.b', 'x\u0000y', `${'\ud800'}z`, 'n'.repeat(5_000)];
    const payload = JSON.parse(`{${names.map((name) => `${JSON.stringify(name)}:1`).join()}}`);
    expect(drift('campaign', payload)).toEqual([
      ...['campaign.', 'campaign.__proto__', 'campaign.constructor', 'campaign.a.b', 'campaign.x\u0000y'],
      ...['campaign.\ufffdz', `campaign.${'n'.repeat(190)}…`],
    ]);
  });
});

describe('an unknown word of an open list', () => {
  test('is reported as received', () => {
    const words = {
      attackType: 'Quantum Phishing',
      attackStrategy: 'Mind Reading',
      attackVector: 'Hologram',
      attackedParty: 'Robot',
      impersonatedParty: 'The Moon',
      remediationStatus: 'Vaporised',
    };
    const lines = Object.entries(words).map(([name, word]) => `threat.messages[].${name} = ${word}`);
    expect(drift('threat', message(words)).sort()).toEqual(lines.sort());
    const detail = casePayload({
      case_status: 'Escalated',
      severity_level: 'CRITICAL',
      confidence: 'CERTAIN',
    });
    expect(drift('case', { item: { severity_level: 'CRITICAL' }, detail })).toEqual([
      'case.case_status = Escalated',
      'case.severity_level = CRITICAL',
      'case.confidence = CERTAIN',
      'cases[].severity_level = CRITICAL',
    ]);
    expect(drift('campaign', campaignPayload({ judgementStatus: 'Undecided' }))).toEqual([
      'campaign.judgementStatus = Undecided',
    ]);
  });

  test('is cut at 100 characters, and each distinct word is one name', () => {
    const long = 'w'.repeat(300);
    const messages = ['A', 'B', 'A', long].map((attackType) => messagePayload({ attackType }));
    expect(drift('threat', threatPayload(messages))).toEqual([
      'threat.messages[].attackType = A',
      'threat.messages[].attackType = B',
      `threat.messages[].attackType = ${'w'.repeat(99)}…`,
    ]);
  });

  test('is not reported for text that belongs to no word list', () => {
    const changes = {
      subject: 'Never seen before',
      fromName: 'x',
      source: 'Spam-ish',
      summaryInsights: ['New'],
    };
    expect(drift('threat', message(changes))).toEqual([]);
    expect(drift('case', { item: null, detail: casePayload({ severity: 'Odd', analysis: 'NEW' }) })).toEqual(
      [],
    );
  });
});

test('a value that is not the expected object is skipped', () => {
  for (const odd of [null, undefined, 7, 'text', [], [[[]]], [null, 7, 'x'], true]) {
    for (const kind of ['threat', 'case', 'campaign', 'caseAnalysis', 'threatLinks'] as const) {
      expect(drift(kind, odd)).toEqual([]);
    }
    expect(drift('threat', threatPayload(undefined, { messages: odd }))).toEqual([]);
    expect(
      drift('threat', message({ customerOverride: odd, attackType: odd === 'text' ? null : odd })),
    ).toEqual([]);
    expect(drift('case', { item: odd, detail: casePayload() })).toEqual([]);
  }
});
