import { describe, expect, test } from 'vitest';
import type { MessageRecord } from '../../../src/resources/threat/threat.js';
import { messageRemediation, threatRemediation } from '../../../src/resources/threat/threat.js';
import { sampleMessage, sampleThreat } from '../../support/records.js';

const SILENT: Partial<MessageRecord> = {
  remediationStatusRaw: null,
  remediationTime: null,
  autoRemediated: null,
  postRemediated: null,
};
const message = (changes: Partial<MessageRecord> = {}) => sampleMessage('1', { ...SILENT, ...changes });
const said = (remediationStatusRaw: string, changes: Partial<MessageRecord> = {}) =>
  message({ remediationStatusRaw, ...changes });

describe('the remediation of a message', () => {
  test.each([
    ['Auto-Remediated', 'REMEDIATED'],
    ['Auto Remediated', 'REMEDIATED'],
    ['Auto-Remediated to Junk', 'REMEDIATED'],
    ['Post Remediated', 'REMEDIATED'],
    ['remediated', 'REMEDIATED'],
    ['Remediation Attempted', 'ATTEMPTED'],
    ['Not remediated', 'NOT_REMEDIATED'],
    ['Would Remediate', 'NOT_REMEDIATED'],
    ['Marked Safe', 'NOT_NEEDED'],
  ])('follows the status %s', (status, expected) => {
    expect(messageRemediation(said(status))).toBe(expected);
  });

  test('follows the status even against the flags', () => {
    expect(messageRemediation(said('Not remediated', { autoRemediated: true }))).toBe('NOT_REMEDIATED');
  });

  test('follows a time or a flag if there is no status', () => {
    expect(messageRemediation(message({ remediationTime: '2026-03-01T00:00:00.000Z' }))).toBe('REMEDIATED');
    expect(messageRemediation(message({ autoRemediated: true, postRemediated: false }))).toBe('REMEDIATED');
    expect(messageRemediation(message({ autoRemediated: false, postRemediated: true }))).toBe('REMEDIATED');
    const time = {
      remediationTime: '2026-03-01T00:00:00.000Z',
      autoRemediated: false,
      postRemediated: false,
    };
    expect(messageRemediation(message(time))).toBe('REMEDIATED');
  });

  test('is none if both flags, or the only given one, are false', () => {
    expect(messageRemediation(message({ autoRemediated: false, postRemediated: false }))).toBe(
      'NOT_REMEDIATED',
    );
    expect(messageRemediation(message({ postRemediated: false }))).toBe('NOT_REMEDIATED');
  });

  test('is unknown if nothing is given, or an empty word', () => {
    expect(messageRemediation(message())).toBe('UNKNOWN');
    expect(messageRemediation(said(' '))).toBe('UNKNOWN');
  });

  test('is none for an unknown word', () => {
    expect(messageRemediation(said('Pending review'))).toBe('NOT_REMEDIATED');
  });
});

describe('the remediation of a threat', () => {
  const of = (...statuses: string[]) =>
    threatRemediation(sampleThreat('t', { messages: statuses.map((status) => said(status)) }));

  test.each([
    [[], 'UNKNOWN'],
    [['Marked Safe'], 'NOT_NEEDED'],
    [['Marked Safe', 'Auto-Remediated'], 'REMEDIATED'],
    [['Auto-Remediated', 'Post Remediated'], 'REMEDIATED'],
    [['Auto-Remediated', 'Not remediated'], 'PARTLY'],
    [['Auto-Remediated', 'Remediation Attempted'], 'PARTLY'],
    [['Auto-Remediated', ''], 'PARTLY'],
    [['Remediation Attempted', 'Remediation Attempted'], 'ATTEMPTED'],
    [['Remediation Attempted', 'Not remediated'], 'NOT_REMEDIATED'],
    [['Marked Safe', 'Would Remediate'], 'NOT_REMEDIATED'],
    [['', ''], 'UNKNOWN'],
  ])('with the messages %j is %s', (statuses, state) => {
    expect(of(...statuses).state).toBe(state);
  });

  test('counts messages, and has the first and the last time', () => {
    const messages = [
      said('Auto-Remediated', { remediationTime: '2026-03-02T00:00:00.000Z' }),
      said('Not remediated'),
      said('Post Remediated', { remediationTime: '2026-03-01T00:00:00.000Z' }),
    ];
    expect(threatRemediation(sampleThreat('t', { messages }))).toEqual({
      state: 'PARTLY',
      messages: 3,
      remediated: 2,
      firstRemediationTime: '2026-03-01T00:00:00.000Z',
      latestRemediationTime: '2026-03-02T00:00:00.000Z',
    });
    expect(of('Auto-Remediated')).toMatchObject({ firstRemediationTime: null, latestRemediationTime: null });
  });
});
