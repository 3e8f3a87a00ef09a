import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { isOpenCase } from '../../src/resources/case/case.js';
import {
  attackedParty,
  attackStrategy,
  attackType,
  attackVector,
  caseStatus,
  confidence,
  impersonatedParty,
  judgement,
  remediationState,
  severityLevel,
} from '../../src/resources/vocabularies.js';
import { sampleCase } from '../support/records.js';

const VOCABULARIES = {
  attackedParty,
  attackStrategy,
  attackType,
  attackVector,
  caseStatus,
  confidence,
  impersonatedParty,
  judgement,
  remediationState,
  severityLevel,
};

describe.each(Object.entries(VOCABULARIES))('the word list of %s', (_, read) => {
  test('has no value for a missing word', () => {
    expect(read(null)).toBeNull();
    expect(read('')).toBeNull();
    expect(read(' \t')).toBeNull();
  });

  test('maps a new word in any script to OTHER', () => {
    expect(read('Quantum Entanglement')).toBe('OTHER');
    expect(read('新しい')).toBe('OTHER');
    expect(read('?!')).toBe('OTHER');
    expect(read('constructor')).toBe('OTHER');
  });

  test('maps any input to a value or null', () => {
    fc.assert(fc.property(fc.string(), (raw) => (read(raw) === null) === (raw.trim() === '')));
  });
});

describe('attack types', () => {
  test.each([
    ['Internal-to-Internal Attacks (Email Account Takeover)', 'INTERNAL_TO_INTERNAL'],
    ['Email Account Takeover', 'INTERNAL_TO_INTERNAL'],
    ['Spam', 'SPAM'],
    ['Attack Type: Spam', 'SPAM'],
    ['attack type:graymail', 'GRAYMAIL'],
    ['Attack Type: Phishing: Credential', 'CREDENTIAL_PHISHING'],
    ['Malicious: Phishing', 'CREDENTIAL_PHISHING'],
    ['Phishing: Credential', 'CREDENTIAL_PHISHING'],
    ['Phishing: Sensitive Data', 'SENSITIVE_DATA_PHISHING'],
    ['Invoice/Payment Fraud (BEC)', 'INVOICE_FRAUD_BEC'],
    ['Social Engineering (BEC)', 'SOCIAL_ENGINEERING_BEC'],
    ['Reconnaissance', 'RECONNAISSANCE'],
    ['Scam', 'SCAM'],
    ['Malware', 'MALWARE'],
    ['Extortion', 'EXTORTION'],
    ['Other', 'OTHER'],
  ])('are read from %s', (raw, expected) => {
    expect(attackType(raw)).toBe(expected);
  });

  test('are not derived from a prefix without a type', () => {
    expect(attackType('Attack Type: ')).toBeNull();
  });
});

describe('spellings of different endpoints and years', () => {
  test.each([
    [attackVector, 'Attachment with Zipped File', 'ZIPPED_ATTACHMENT'],
    [attackVector, 'Others', 'OTHER'],
    [attackStrategy, 'Covid 19 Related Attack', 'COVID_19'],
    [attackStrategy, 'COVID-19 related attack', 'COVID_19'],
    [impersonatedParty, 'Assistants', 'ASSISTANT'],
    [impersonatedParty, 'None / Others', 'NONE'],
    [impersonatedParty, 'Automated System (External)', 'AUTOMATED_EXTERNAL'],
    [attackedParty, 'Employee (other)', 'EMPLOYEE'],
    [attackedParty, 'Employee (Other)', 'EMPLOYEE'],
    [remediationState, 'Auto Remediated', 'REMEDIATED'],
    [remediationState, 'AUTO-REMEDIATED', 'REMEDIATED'],
    [remediationState, 'Remediation attempted', 'ATTEMPTED'],
    [severityLevel, 'high', 'HIGH'],
    [confidence, 'Medium', 'MEDIUM'],
    [judgement, 'N/A', 'NOT_AVAILABLE'],
    [judgement, 'Scanning', 'SCANNING'],
    [caseStatus, 'Acknowledged (Attack resolved)', 'RESOLVED'],
  ] as const)('have the same value: %o %s', (read, raw, expected) => {
    expect(read(raw)).toBe(expected);
  });
});

describe('the open state of a case', () => {
  test.each([
    ['Action Required', true],
    ['Acknowledged (In progress)', true],
    ['Acknowledged (Attack resolved)', false],
    ['Acknowledged (Not an attack)', false],
    ['A status yet to come', true],
    [null, true],
  ])('for the status %s is %s', (statusRaw, expected) => {
    expect(isOpenCase(sampleCase('1', { statusRaw }))).toBe(expected);
  });
});
