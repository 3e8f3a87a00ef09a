import { ID, Int, ObjectType } from 'type-graphql';
import type { Waiver } from '../../policy/policy.js';
import type { Rules } from '../../policy/rules.js';
import { THRESHOLD_NAMES } from '../../policy/thresholds.js';
import {
  type WaiverProblem as Problem,
  type UsedWaiver as UseFacts,
  waiverSubject,
} from '../../policy/waivers.js';
import type { Instant } from '../../values/instant.js';
import { DateTime, describedEnum, ValueField, valueFieldFrom } from '../base/fields.js';

const PolicyValue = valueFieldFrom('rules.policy');

@ObjectType('Policy', {
  simpleResolvers: true,
  description: 'The organisation’s policy: the rules by which controls are evaluated.',
})
export class PolicyInUse {
  constructor(readonly rules: Rules) {}

  @ValueField(() => ID, {
    nullable: true,
    description: 'SHA-256 of the policy file, in hex. Null if no file is configured (`POLICY`).',
  })
  get digest(): string | null {
    return this.rules.policy.file?.digest ?? null;
  }

  @ValueField(() => String, {
    personal: ['names', 'texts'],
    nullable: true,
    description: 'The policy file as text (YAML). Null if no file is configured.',
  })
  get text(): string | null {
    return this.rules.policy.file?.text ?? null;
  }

  @PolicyValue(() => String, {
    nullable: true,
    description: 'Name of the organisation. Null if the policy gives none.',
  })
  readonly organisation!: string | null;

  @PolicyValue(() => String, { description: 'Title of reports.' })
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

@ObjectType('Waiver', {
  simpleResolvers: true,
  description: 'An exception that the organisation accepts for some time, from the policy.',
})
export class DeclaredWaiver {
  constructor(readonly waiver: Waiver) {}

  @WaiverValue(() => Int, { description: 'Position in the policy, from 1.' })
  readonly number!: number;

  @ValueField(() => String, {
    personal: ['addresses'],
    description: 'The record, message or query that is waived, in words.',
  })
  get subject(): string {
    return waiverSubject(this.waiver);
  }

  @WaiverValue(() => String, { personal: ['texts'], description: 'Why the exception is accepted.' })
  readonly reason!: string;

  @WaiverValue(() => String, { personal: ['names'], description: 'Who accepts it.' })
  readonly owner!: string;

  @WaiverValue(() => String, { description: 'Reference to the record of the decision.' })
  readonly ticket!: string;

  @WaiverValue(() => DateTime, { description: 'From when on it is in force (UTC), inclusive.' })
  readonly from!: Instant;

  @WaiverValue(() => DateTime, { description: 'When it ends (UTC), exclusive.' })
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

@ObjectType('WaiverUse', {
  simpleResolvers: true,
  description: 'What became of a waiver in the evaluation of its control.',
})
export class WaiverUse {
  constructor(readonly use: UseFacts) {}

  @ValueField(() => DeclaredWaiver, { description: 'The waiver.' })
  get waiver(): DeclaredWaiver {
    return new DeclaredWaiver(this.use.waiver);
  }

  @UseValue(() => Int, { description: 'Exceptions that do not count because of it.' })
  readonly waived!: number;

  @UseValue(() => Int, {
    description: 'Exceptions that it matches and that count: it is not in force, or over its limit.',
  })
  readonly notWaived!: number;

  @UseValue(() => WaiverProblem, {
    nullable: true,
    description: 'What is wrong with it; null if it is in force and waives an exception.',
  })
  readonly problem!: WaiverProblem | null;
}
