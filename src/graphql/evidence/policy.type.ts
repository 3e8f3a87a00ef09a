import type { Rules, Waiver } from '../../policy/policy.js';
import { THRESHOLD_NAMES } from '../../policy/thresholds.js';
import { type UsedWaiver as UseFacts, type WaiverProblem, waiverSubject } from '../../policy/waivers.js';
import { describedEnum, OutputType, showFields, Value } from '../base/fields.js';

@OutputType('The organisation’s policy: the rules by which controls are evaluated.', { name: 'Policy' })
export class PolicyInUse {
  constructor(readonly rules: Rules) {}
}

showFields(PolicyInUse, 'rules.policy', {
  digest: Value.idOrNull('SHA-256 of the policy file, in hex. Null if no file is configured (`POLICY`).', {
    by: (policy) => policy.file?.digest ?? null,
  }),
  text: Value.textOrNull('The policy file as text (YAML). Null if no file is configured.', {
    personal: ['names', 'texts'],
    by: (policy) => policy.file?.text ?? null,
  }),
  organisation: Value.textOrNull('Name of the organisation. Null if the policy gives none.'),
  title: Value.text('Title of reports.'),
  overrides: Value.ids(
    'Names of the thresholds that were given for this evaluation and replace those of the policy. Always empty in the graph; reports accept such thresholds.',
    { by: (_policy, { rules }) => THRESHOLD_NAMES.filter((name) => rules.overrides[name] !== undefined) },
  ),
});

@OutputType('An exception that the organisation accepts for some time, from the policy.', { name: 'Waiver' })
export class DeclaredWaiver {
  constructor(readonly waiver: Waiver) {}
}

showFields(DeclaredWaiver, 'waiver', {
  number: Value.int('Position in the policy, from 1.'),
  subject: Value.text('The record, message or query that is waived, in words.', {
    personal: ['addresses'],
    by: waiverSubject,
  }),
  reason: Value.text('Why the exception is accepted.', { personal: ['texts'] }),
  owner: Value.text('Who accepts it.', { personal: ['names'] }),
  ticket: Value.text('Reference to the record of the decision.'),
  from: Value.instant('From when on it is in force (UTC), inclusive.'),
  expires: Value.instant('When it ends (UTC), exclusive.'),
});

const WaiverProblemEnum = describedEnum<WaiverProblem>('WaiverProblem', 'What is wrong with a waiver.', {
  EXPIRED: 'It ended before the instant of the evaluation: its exceptions count.',
  NOT_STARTED: 'It begins after the instant of the evaluation: its exceptions count.',
  OVER_LIMIT: 'Its query matches more exceptions than its limit: the others count.',
  NOT_NEEDED: 'What it matches is no exception, or is waived by an earlier waiver.',
  MATCHES_NOTHING: 'It matches no member of the population of the period.',
});

@OutputType('What became of a waiver in the evaluation of its control.', { name: 'WaiverUse' })
export class WaiverUse {
  constructor(readonly use: UseFacts) {}
}

showFields(WaiverUse, 'use', {
  waiver: Value.object(() => DeclaredWaiver, 'The waiver.', { by: (use) => new DeclaredWaiver(use.waiver) }),
  waived: Value.int('Exceptions that do not count because of it.'),
  notWaived: Value.int('Exceptions that it matches and that count: it is not in force, or over its limit.'),
  problem: Value.enumOrNull(
    () => WaiverProblemEnum,
    'What is wrong with it; null if it is in force and waives an exception.',
  ),
});
