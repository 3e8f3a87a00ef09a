import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { CampaignRecord } from '../../src/resources/campaign/campaign.js';
import type { CaseRecord } from '../../src/resources/case/case.js';
import { json, raw } from '../support/upstream-server.js';
import { decodeError, type Harness, POLL, startHarness } from './harness.js';
import { campaignPayload, casePayload } from './payloads.js';

let h: Harness;

beforeEach(async () => {
  h = await startHarness();
});

afterEach(() => h.close());

const ITEM = {
  caseId: 4711,
  description: 'Sign-ins from two countries within an hour',
  severity_level: 'MEDIUM',
  confidence: 'LOW',
  last_modified: '2026-02-02T03:04:05Z',
  first_observed: '2026-01-31T22:00:00Z',
  created: '2026-02-01 00:00:00+00:00',
  tenant: 'corp',
};

async function getCase(detail: unknown, item: Record<string, unknown> | null = null) {
  h.server.on('/cases/4711', json(detail));
  return h.client.detail('case', '4711', item, POLL);
}

describe('the decoder of a case', () => {
  test('joins the list item and the detail, and the payload holds both', async () => {
    const { record, payload } = await getCase(casePayload({ newField: 1 }), ITEM);
    expect(record).toEqual({
      caseId: '4711',
      description: 'Sign-ins from two countries within an hour',
      severityRaw: 'Potential Account Takeover',
      severityLevelRaw: 'HIGH',
      confidenceRaw: 'MEDIUM',
      statusRaw: 'Action Required',
      remediationStatusRaw: 'Not remediated',
      analysisRaw: 'SIGN_IN',
      affectedEmployee: 'ann@corp.example',
      firstObservedTime: '2026-01-31T22:21:11.789Z',
      customerVisibleTime: '2026-02-01T10:00:00.000Z',
      createdTime: '2026-02-01T00:00:00.000Z',
      lastModifiedTime: '2026-02-02T03:04:05.000Z',
      threatIds: ['t1', 't2'],
      genaiSummary: ['A sign-in from a new country.', 'A rule that deletes mail.'],
      tenant: 'corp',
    });
    expect(payload).toEqual({ item: ITEM, detail: casePayload({ newField: 1 }) });
  });

  test('leaves the fields of the list item null when there is no list item', async () => {
    const { record, payload } = await getCase(casePayload());
    expect(record).toMatchObject({
      description: null,
      createdTime: null,
      lastModifiedTime: null,
      tenant: null,
    });
    expect(payload).toEqual({ item: null, detail: casePayload() });
  });

  test.each<[string, Record<string, unknown>, Record<string, unknown>, Partial<CaseRecord>]>([
    ['an id as text', { caseId: '4711' }, {}, { caseId: '4711' }],
    ['a summary of one text', { genai_summary: 'All in one.' }, {}, { genaiSummary: ['All in one.'] }],
    ['a summary of null', { genai_summary: null }, {}, { genaiSummary: [] }],
    ['no threats', { threatIds: [] }, {}, { threatIds: [] }],
    ['threats of null', { threatIds: null }, {}, { threatIds: [] }],
    ['threat ids as numbers', { threatIds: [1, '2'] }, {}, { threatIds: ['1', '2'] }],
    ['an employee by name', { affectedEmployee: 'Ann Example' }, {}, { affectedEmployee: 'Ann Example' }],
    [
      'an old level in severity',
      { severity: 'HIGH', severity_level: undefined },
      {},
      { severityRaw: 'HIGH', severityLevelRaw: 'HIGH' },
    ],
    [
      'a level that only the list has',
      { severity_level: null },
      { severity_level: 'LOW' },
      { severityLevelRaw: 'LOW' },
    ],
    ['no level anywhere', { severity_level: undefined }, {}, { severityLevelRaw: null }],
    ['a level that the list does not know', { severity_level: 'NONE' }, {}, { severityLevelRaw: 'NONE' }],
    [
      'confidence that only the list has',
      { confidence: undefined },
      { confidence: 'HIGH' },
      { confidenceRaw: 'HIGH' },
    ],
    [
      'an old list item',
      { severity: undefined },
      { severity: 'Account Takeover' },
      { severityRaw: 'Account Takeover' },
    ],
    [
      'a first observation that only the list has',
      { firstObserved: null },
      { first_observed: '2026-01-01T00:00:00Z' },
      { firstObservedTime: '2026-01-01T00:00:00.000Z' },
    ],
    [
      'one without a fraction',
      { firstObserved: '2026-01-31T22:21:11+00:00' },
      {},
      { firstObservedTime: '2026-01-31T22:21:11.000Z' },
    ],
    [
      'the other spelling of it',
      { firstObserved: undefined, first_observed: '2026-01-02T00:00:00Z' },
      {},
      { firstObservedTime: '2026-01-02T00:00:00.000Z' },
    ],
    [
      'a description in the detail',
      { description: 'From the detail' },
      { description: 'From the list' },
      { description: 'From the detail' },
    ],
    ['an analysis of the old kind', { analysis: 'Mail Sent' }, {}, { analysisRaw: 'Mail Sent' }],
    ['a status nobody has seen', { case_status: 'Escalated' }, {}, { statusRaw: 'Escalated' }],
  ])('accepts %s', async (_name, detail, item, expected) => {
    expect((await getCase(casePayload(detail), { caseId: 4711, ...item })).record).toMatchObject(expected);
  });

  test('accepts a case of 2020 with four fields', async () => {
    const sent = {
      affectedEmployee: 'Ann Example',
      caseId: '4711',
      firstObserved: '2020-06-09T17:42:59Z',
      severity: 'Potential Account Takeover',
    };
    const { record } = await getCase(sent);
    expect(record).toMatchObject({ caseId: '4711', statusRaw: null, threatIds: [], genaiSummary: [] });
  });

  test.each<[string, unknown, RegExp]>([
    ['another one', casePayload({ caseId: 4712 }), /another record, "4712"/],
    ['one without its id', casePayload({ caseId: undefined }), /caseId: expected an id, received nothing/],
    ['text', 'case', /the body: /],
  ])('rejects %s as undecodable', async (_name, sent, reason) => {
    expect((await decodeError(getCase(sent))).message).toMatch(reason);
  });

  test('names the list item as the place of an unreadable field', async () => {
    const { record, drift, payload } = await getCase(casePayload(), { caseId: 4711, description: ['a'] });
    expect(record).toMatchObject({ description: null, unread: ['item.description: a list instead of text'] });
    expect(drift).toEqual([
      { kind: 'UNREADABLE', path: 'cases[].description', value: 'a list instead of text' },
    ]);
    expect(payload).toMatchObject({ item: { description: ['a'] } });
  });

  test('keeps an id that no JavaScript number can hold', async () => {
    h.server.on('/cases/9223372036854775807', raw('{"caseId":9223372036854775807}'));
    const { record, payload } = await h.client.detail('case', '9223372036854775807', null, POLL);
    expect(record.caseId).toBe('9223372036854775807');
    expect(payload).toEqual({ item: null, detail: { caseId: '9223372036854775807' } });
  });
});

describe('the decoder of a case analysis', () => {
  const analysis = (sent: unknown) => {
    h.server.on('/cases/4711/analysis', json(sent));
    return h.client.detail('caseAnalysis', '4711', null, POLL);
  };

  test('reads insights and events: common event fields by name, the rest as received', async () => {
    const sent = {
      insights: [{ signal: 'Risky Location', description: 'Often used for attacks' }, { signal: null }],
      eventTimeline: [
        {
          event_timestamp: '2026-02-01T22:41:54Z',
          category: 'Risk Event',
          title: 'Impossible Travel',
          description: 'Two places at once',
          ip_address: '192.0.2.1',
          location: { city: 'Aix', state: null, country: 'France' },
          prev_location: { country: 'Ireland' },
          field_labels: { ip_address: ['rare', 'proxy'] },
        },
        {
          event_timestamp: '2026-02-01T22:41:54Z',
          category: 'Mail Rule',
          title: 'Mail Rule Change',
          rule_name: 'x',
          condition: 'y',
        },
        { category: 'Sign In', location: {}, prev_location: 'Paris, France', device_trust_type: 'None' },
      ],
    };
    const { record, payload } = await analysis(sent);
    expect(record.insights).toEqual([
      { signal: 'Risky Location', description: 'Often used for attacks' },
      { signal: null, description: null },
    ]);
    expect(record.events).toEqual([
      {
        time: '2026-02-01T22:41:54.000Z',
        categoryRaw: 'Risk Event',
        title: 'Impossible Travel',
        description: 'Two places at once',
        ipAddress: '192.0.2.1',
        location: 'Aix, France',
        previousLocation: 'Ireland',
        details: { field_labels: { ip_address: ['rare', 'proxy'] } },
      },
      {
        time: '2026-02-01T22:41:54.000Z',
        categoryRaw: 'Mail Rule',
        title: 'Mail Rule Change',
        description: null,
        ipAddress: null,
        location: null,
        previousLocation: null,
        details: { rule_name: 'x', condition: 'y' },
      },
      expect.objectContaining({
        time: null,
        location: null,
        previousLocation: 'Paris, France',
        details: { device_trust_type: 'None' },
      }),
    ]);
    expect(payload).toEqual(sent);
  });

  test('accepts an analysis without one of its parts, but not without both', async () => {
    expect((await analysis({ insights: [] })).record).toEqual({ caseId: '4711', insights: [], events: [] });
    expect((await analysis({ eventTimeline: null })).record.events).toEqual([]);
    expect((await decodeError(analysis({ caseId: 4711, analysis: {} }))).message).toMatch(
      /neither insights nor eventTimeline/,
    );
  });

  test('keeps the events of an analysis with an unreadable time', async () => {
    const { record } = await analysis({
      insights: [],
      eventTimeline: [{ event_timestamp: 'noon', title: 'x' }],
    });
    expect(record.events).toMatchObject([{ time: null, title: 'x' }]);
    expect(h.logged()).toContain('eventTimeline.0.event_timestamp');
  });

  test.each<[unknown, RegExp]>([
    [{ insights: {}, eventTimeline: [] }, /insights: /],
    [{ insights: [], eventTimeline: 'x' }, /eventTimeline: /],
  ])('rejects %j', async (sent, reason) => {
    expect((await decodeError(analysis(sent))).message).toMatch(reason);
  });
});

describe('the decoder of a campaign', () => {
  const campaign = (changes: Record<string, unknown>) => {
    h.server.on('/abusecampaigns/c1', json(campaignPayload(changes)));
    return h.client.detail('campaign', 'c1', null, POLL);
  };

  test('reads a campaign as the vendor documents it, including an offset from UTC', async () => {
    const { record, payload } = await campaign({});
    expect(record).toEqual({
      campaignId: 'c1',
      firstReportedTime: '2026-02-01T09:11:40.000Z',
      lastReportedTime: '2026-02-01T10:00:00.000Z',
      messageId: '-1234567891011121314',
      subject: 'Fwd: is this real?',
      fromName: 'Ann',
      fromAddress: 'ann@corp.example',
      recipientName: 'Phishing reports',
      recipientAddress: 'phish@corp.example',
      judgementStatusRaw: 'Malicious',
      overallStatusRaw: 'Auto-Remediated',
      attackTypeRaw: 'Attack Type: Phishing: Credential',
    });
    expect(payload).toEqual(campaignPayload());
  });

  test.each<[string, Record<string, unknown>, Partial<CampaignRecord>]>([
    [
      'one that is being looked at',
      { judgementStatus: 'Scanning', overallStatus: '', attackType: '' },
      { judgementStatusRaw: 'Scanning', overallStatusRaw: '', attackTypeRaw: '' },
    ],
    [
      'one that was not an attack',
      { judgementStatus: 'N/A', attackType: undefined },
      { judgementStatusRaw: 'N/A', attackTypeRaw: null },
    ],
    [
      'a prefix of the document',
      { attackType: 'Malicious: Phishing' },
      { attackTypeRaw: 'Malicious: Phishing' },
    ],
    ['a message id as a number', { messageId: 573483967458 }, { messageId: '573483967458' }],
    ['no message id', { messageId: null }, { messageId: null }],
    ['a blank message id', { messageId: '' }, { messageId: null }],
  ])('accepts %s', async (_name, changes, expected) => {
    expect((await campaign(changes)).record).toMatchObject(expected);
  });

  test('keeps every digit of a message id beyond 2^53 that is sent as a number', async () => {
    h.server.on('/abusecampaigns/c1', raw('{"campaignId":"c1","messageId":-1234567891011121314}'));
    const { record } = await h.client.detail('campaign', 'c1', null, POLL);
    expect(record.messageId).toBe('-1234567891011121314');
  });

  test('rejects a campaign with another id', async () => {
    expect((await decodeError(campaign({ campaignId: 'c2' }))).message).toMatch(/another record, "c2"/);
  });
});
