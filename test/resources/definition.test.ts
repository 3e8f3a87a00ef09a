import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { ListedKind, RecordOf } from '../../src/resources/registry.js';
import { DEFAULT_ORDER, FIELDS, fieldSpec, fieldsOf } from '../../src/resources/registry.js';
import { variantOf, variants } from '../support/arbitraries.js';
import { sampleCampaign, sampleCase, sampleMessage, sampleThreat } from '../support/records.js';

const KINDS = ['threat', 'case', 'campaign'] as const;

function isOfType(value: unknown, type: string): boolean {
  if (type === 'texts') return Array.isArray(value) && value.every((item) => typeof item === 'string');
  if (value === null) return true;
  return typeof value === (type === 'instant' || type === 'text' ? 'string' : type);
}

describe.each(KINDS)('the fields of a %s', (kind: ListedKind) => {
  test('all exist with the right type, for every record', () => {
    fc.assert(
      fc.property(variants, fc.nat({ max: 20 }), (of, index) => {
        const record = variantOf(of, kind, 'id', index) as RecordOf[ListedKind];
        const fields = fieldsOf(kind, record);
        expect(Object.keys(fields).sort()).toEqual(Object.keys(FIELDS[kind]).sort());
        for (const [name, value] of Object.entries(fields)) {
          expect([name, isOfType(value, fieldSpec(kind, name)?.type ?? '')]).toEqual([name, true]);
        }
      }),
    );
  });

  test('include the time by which it is listed, which can be used for ordering', () => {
    expect(fieldSpec(kind, DEFAULT_ORDER[kind])).toMatchObject({ type: 'instant', order: true });
  });

  test('are exactly those of the table', () => {
    for (const name of ['', 'nothing', 'constructor', '__proto__', 'toString']) {
      expect(fieldSpec(kind, name)).toBeUndefined();
    }
  });

  test('can be used for ordering only if there is a single value', () => {
    for (const [name, spec] of Object.entries(FIELDS[kind])) {
      if ('order' in spec) expect([name, spec.type]).not.toEqual([name, 'texts']);
    }
  });
});

describe('the fields of a threat', () => {
  const threat = sampleThreat('t1', {
    recipientCount: 7,
    messages: [
      sampleMessage('2', { receivedTime: '2026-03-02T00:00:00.000Z', subject: 'B', attackTypeRaw: 'Spam' }),
      sampleMessage('1', { receivedTime: '2026-03-01T00:00:00.000Z', subject: 'A', attackTypeRaw: 'Scam' }),
      sampleMessage('3', { receivedTime: null, subject: null, attackTypeRaw: 'Spam' }),
    ],
  });

  test('include received times of its newest and its oldest message', () => {
    expect(fieldsOf('threat', threat)).toMatchObject({
      receivedTime: '2026-03-02T00:00:00.000Z',
      firstReceivedTime: '2026-03-01T00:00:00.000Z',
    });
  });

  test('contain each value of its messages once', () => {
    const fields = fieldsOf('threat', threat);
    expect(fields.subject).toEqual(['B', 'A']);
    expect(fields.attackType).toEqual(['SPAM', 'SCAM']);
    expect(fields.messageId).toEqual(['2', '1', '3']);
    expect(fields).toMatchObject({
      id: 't1',
      recipientCount: 7,
      remediationState: 'REMEDIATED',
      unremediated: false,
    });
  });

  test('without messages have no times, and remediation is pending', () => {
    const fields = fieldsOf('threat', sampleThreat('t2', { messages: [] }));
    expect(fields).toMatchObject({
      receivedTime: null,
      firstReceivedTime: null,
      remediationState: 'UNKNOWN',
    });
    expect(fields).toMatchObject({ unremediated: true, subject: [], messageId: [] });
  });

  test.each([
    ['Auto-Remediated', false],
    ['Marked Safe', false],
    ['Not remediated', true],
    ['Remediation Attempted', true],
    ['Would Remediate', true],
  ])('that is %s: unremediated is %s', (remediationStatusRaw, unremediated) => {
    const message = sampleMessage('1', { remediationStatusRaw });
    expect(fieldsOf('threat', sampleThreat('t', { messages: [message] }))).toMatchObject({ unremediated });
  });
});

describe('the fields of a case', () => {
  test('rank severity from none to high, and unknown severity has no rank', () => {
    const rankOf = (severityLevelRaw: string | null) =>
      fieldsOf('case', sampleCase('1', { severityLevelRaw })).severityRank;
    expect(['NONE', 'LOW', 'MEDIUM', 'HIGH', 'EXTREME', null].map(rankOf)).toEqual([0, 1, 2, 3, null, null]);
  });

  test('name each of its threats once', () => {
    expect(fieldsOf('case', sampleCase('1', { threatIds: ['a', 'b', 'a'] })).threatId).toEqual(['a', 'b']);
  });
});

describe('the fields of a campaign', () => {
  test('say that it is being scanned while that is its judgement', () => {
    const of = (judgementStatusRaw: string | null) =>
      fieldsOf('campaign', sampleCampaign('c', { judgementStatusRaw })).scanning;
    expect(['Scanning', 'Malicious', 'Pending', null].map(of)).toEqual([true, false, false, false]);
  });
});
