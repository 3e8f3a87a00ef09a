import type { Missing } from '../model/coverage.js';
import type { Instant } from '../model/instant.js';
import type { Stream } from '../model/stream.js';
import { neededStreams } from './conclude.js';
import type {
  Assessment,
  Control,
  ControlId,
  Finding,
  Judgement,
  Outcome,
  PopulationSpec,
  RecordFact,
  Scope,
} from './control.js';
import type { Period } from './period.js';
import type { ClassedGap } from './stream-facts.js';

/** A gap with the stream it is in. */
export interface StreamGap extends ClassedGap {
  readonly integration: string;
  readonly resource: string;
  readonly filterKey: string;
}

/** A missing record with the stream that lists it. */
export interface StreamMissing extends Missing, Stream {}

/** What one control says of one period. */
export interface ControlResult extends Omit<Judgement, 'count'> {
  readonly control: ControlId;
  readonly title: string;
  readonly period: Period;
  readonly population: PopulationSpec & {
    /** Members that the history holds. */
    readonly count: number;
    readonly coverage: {
      readonly complete: boolean;
      readonly gaps: readonly StreamGap[];
      /** What Abnormal lists and could not be read, by stream; those that are `GONE` do not keep it from being complete. */
      readonly missing: readonly StreamMissing[];
    };
  };
  readonly outcomes: Readonly<Record<Outcome, number>>;
  /** Those that `Window` lets through, in the order in which the records were walked. */
  readonly exceptions: readonly Finding[];
}

/** Which exceptions to keep: as many as `limit`, after `skip` of them. The others are only counted. */
export interface Keep {
  readonly skip: number;
  readonly limit: number;
}

/** Told of every member of every population as it is found. */
export type OnFinding = (control: ControlId, finding: Finding) => void;

/** Controls at work on one period. */
export interface Evaluation {
  readonly scope: Scope;
  /** From where on records matter: the period before, where a control looks back. */
  readonly from: Instant;
  take(fact: RecordFact): void;
  finish(): ControlResult[];
}

/** Begins to evaluate `controls` over the scope's period. */
export function beginEvaluation(
  controls: readonly Control[],
  scope: Scope,
  keep: Keep,
  onFinding: OnFinding = () => undefined,
): Evaluation {
  const running = controls.map((control) => begin(control, scope, keep, onFinding));
  return {
    scope,
    from: controls.some(({ looksBack }) => looksBack) ? scope.before.from : scope.period.from,
    take(fact) {
      for (const { control, assessment } of running) {
        if (control.takes.includes(fact.kind)) assessment.take(fact);
      }
    },
    finish: () => running.map((each) => resultOf(each, scope)),
  };
}

interface Running {
  readonly control: Control;
  readonly assessment: Assessment;
  readonly outcomes: Record<Outcome, number>;
  readonly exceptions: Finding[];
}

function begin(control: Control, scope: Scope, { skip, limit }: Keep, onFinding: OnFinding): Running {
  const outcomes: Record<Outcome, number> = { MET: 0, EXCEPTION: 0, PENDING: 0, IN_DOUBT: 0 };
  const exceptions: Finding[] = [];
  const assessment = control.begin(scope, (finding) => {
    const place = outcomes[finding.outcome]++;
    if (finding.outcome === 'EXCEPTION' && place >= skip && exceptions.length < limit)
      exceptions.push(finding);
    onFinding(control.id, finding);
  });
  return { control, assessment, outcomes, exceptions };
}

function resultOf({ control, assessment, outcomes, exceptions }: Running, scope: Scope): ControlResult {
  const { count, ...judgement } = assessment.judge();
  const gaps = neededStreams(scope, control.needs).flatMap((facts) =>
    facts.gaps.map((gap) => ({ ...gap, ...facts.stream })),
  );
  const missing = neededStreams(scope, control.needs).flatMap((facts) =>
    facts.missing.map((each) => ({ ...each, ...facts.stream })),
  );
  return {
    control: control.id,
    title: control.title,
    period: scope.period,
    ...judgement,
    population: {
      ...control.population(scope.period),
      count,
      coverage: {
        complete: gaps.length === 0 && missing.every(({ code }) => code === 'GONE'),
        gaps,
        missing,
      },
    },
    outcomes,
    exceptions,
  };
}
