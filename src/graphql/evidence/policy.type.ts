import { ID } from 'type-graphql';
import type { Rules, Waiver } from '../../policy/policy.js';
import { THRESHOLD_NAMES } from '../../policy/thresholds.js';
import {
  type WaiverProblem as Problem,
  type UsedWaiver as UseFacts,
  waiverSubject,
} from '../../policy/waivers.js';
import type { Instant } from '../../values/instant.js';
import { describedEnum, OutputType, ValueField, valueFieldFrom } from '../base/fields.js';

const PolicyValue = valueFieldFrom('rules.policy');

@OutputType('The organisation’s policy: the rules by which controls are evaluated.', { name: 'Policy' })
export class PolicyInUse {
  constructor(readonly rules: Rules) {}

  @ValueField.idOrNull('SHA-256 of the policy file, in hex. Null if no file is configured (`POLICY`).')
  get digest(): string | null {
    return this.rules.policy.file?.digest ?? null;
  }

  @ValueField.textOrNull('The policy file as text (YAML). Null if no file is configured.', {
    personal: ['names', 'texts'],
  })
  get text(): string | null {
    return this.rules.policy.file?.text ?? null;
  }

  @PolicyValue.textOrNull('Name of the organisation. Null if the policy gives none.')
  readonly organisation!: string | null;

  @PolicyValue.text('Title of reports.')
  readonly title!: string;

  @ValueField(() => [ID], {
    description:
      'Names of the thresholds that were given for this evaluation and replace those of the policy. Always empty in the graph; reports accept such thresholds.',
  })
  get overrides(): string[] {
    return THRESHOLD_NAMES.filter((name) => this.rules.overrides[name] !== undefined);
  }
}

const WaiverValue = valueFieldFrom('waiver');

@OutputType('An exception that the organisation accepts for some time, from the policy.', { name: 'Waiver' })
export class DeclaredWaiver {
  constructor(readonly waiver: Waiver) {}

  @WaiverValue.int('Position in the policy, from 1.')
  readonly number!: number;

  @ValueField.text('The record, message or query that is waived, in words.', { personal: ['addresses'] })
  get subject(): string {
    return waiverSubject(this.waiver);
  }

  @WaiverValue.text('Why the exception is accepted.', { personal: ['texts'] })
  readonly reason!: string;

  @WaiverValue.text('Who accepts it.', { personal: ['names'] })
  readonly owner!: string;

  @WaiverValue.text('Reference to the record of the decision.')
  readonly ticket!: string;

  @WaiverValue.instant('From when on it is in force (UTC), inclusive.')
  readonly from!: Instant;

  @WaiverValue.instant('When it ends (UTC), exclusive.')
  readonly expires!: Instant;
}

type WaiverProblem = Problem;
const WaiverProblem = describedEnum<WaiverProblem>('WaiverProblem', 'What is wrong with a waiver.', {
  EXPIRED: 'It ended before the instant of the evaluation: its exceptions count.',
  NOT_STARTED: 'It begins after the instant of the evaluation: its exceptions count.',
  OVER_LIMIT: 'Its query matches more exceptions than its limit: the others count.',
  NOT_NEEDED: 'What it matches is no exception, or is waived by an earlier waiver.',
  MATCHES_NOTHING: 'It matches no member of the population of the period.',
});

const UseValue = valueFieldFrom('use');

@OutputType('What became of a waiver in the evaluation of its control.', { name: 'WaiverUse' })
export class WaiverUse {
  constructor(readonly use: UseFacts) {}

  @ValueField(() => DeclaredWaiver, { description: 'The waiver.' })
  get waiver(): DeclaredWaiver {
    return new DeclaredWaiver(this.use.waiver);
  }

  @UseValue.int('Exceptions that do not count because of it.')
  readonly waived!: number;

  @UseValue.int('Exceptions that it matches and that count: it is not in force, or over its limit.')
  readonly notWaived!: number;

  @UseValue(() => WaiverProblem, {
    nullable: true,
    description: 'What is wrong with it; null if it is in force and waives an exception.',
  })
  readonly problem!: WaiverProblem | null;
}
