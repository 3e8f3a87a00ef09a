import { ArgsType, Ctx, Field, ID } from 'type-graphql';
import type { EvaluatedControl } from '../../controls/evaluate.js';
import {
  changeText,
  directionOf,
  evaluateBefore,
  evaluatePosture,
  POSTURE_WINDOWS,
  type PostureFacts,
  type PostureRequest,
  type Direction as StateDirection,
  type ControlState as StateFacts,
  type PostureWindow as Window,
} from '../../evidence/posture.js';
import { type Since, sinceOf } from '../../evidence/posture-since.js';
import type { Instant } from '../../values/instant.js';
import { DateTime, describedEnum, OutputType, ValueField, valueFieldFrom } from '../base/fields.js';
import type { GatewayContext, RequestServices } from '../request/services.js';
import { Control, Verdict } from './control.type.js';
import { controlOf, EvidencePeriod } from './evidence.type.js';
import { Headline } from './measure.type.js';
import { controlsAsked, viewOf } from './read-evidence.js';

type PostureWindow = Window;
const PostureWindow = describedEnum<PostureWindow>(
  'PostureWindow',
  'A span of time up to now for which the state of a control is evaluated.',
  {
    LAST_24_HOURS: 'The last 24 hours.',
    LAST_7_DAYS: 'The last 7 days of 24 hours.',
    LAST_30_DAYS: 'The last 30 days of 24 hours.',
    LAST_90_DAYS: 'The last 90 days of 24 hours.',
  },
);

type Direction = StateDirection;
const Direction = describedEnum<Direction>('TrendDirection', 'How a state compares with the window before.', {
  IMPROVING: 'From `FAIL` to `PASS`, or the number that decides it is better.',
  STEADY: 'The same verdict, and no better or worse number.',
  WORSENING: 'From `PASS` to `FAIL`, or the number that decides it is worse.',
});

const SinceValue = valueFieldFrom('facts');

@OutputType('When the current state of a control began.', { name: 'StateSince' })
class StateSince {
  constructor(readonly facts: Since) {}

  @SinceValue.instant(
    'The recording with which the state began (UTC). If `before` is null, the oldest recording that was looked at and has this state: it may have begun earlier.',
  )
  readonly at!: Instant;

  @SinceValue(() => Verdict, {
    nullable: true,
    description:
      'The verdict until then. Null if the beginning was not found among the recordings looked at.',
  })
  readonly before!: Verdict | null;
}

@OutputType('The window before, in the same view: as long, and ending where the window begins.', {
  name: 'StateTrend',
})
class StateTrend {
  constructor(
    private readonly now: EvaluatedControl,
    readonly facts: EvaluatedControl,
  ) {}

  @ValueField(() => Direction, {
    nullable: true,
    description:
      'How the state compares with it. Null if one of the two verdicts is neither `PASS` nor `FAIL`.',
  })
  get direction(): Direction | null {
    return directionOf(this.now, this.facts);
  }

  @SinceValue(() => EvidencePeriod, { description: 'The window before.' })
  readonly period!: EvidencePeriod;

  @SinceValue(() => Verdict, { description: 'Its verdict.' })
  readonly verdict!: Verdict;

  @ValueField(() => Headline, { description: 'What decided its verdict.' })
  get headline(): Headline {
    return new Headline(this.facts.headline);
  }
}

const ResultValue = valueFieldFrom('facts.result');
const StateValue = valueFieldFrom('facts');

@OutputType(
  'The state of one control for one window up to now: the verdict of `evidence` for the same period and control.',
  { name: 'ControlState' },
)
class ControlState {
  constructor(
    readonly facts: StateFacts,
    private readonly posture: Posture,
    private readonly place: number,
  ) {}

  @ValueField(() => Control, { description: 'The control.' })
  get control(): Control {
    return controlOf(this.facts.result.control, this.posture.request.rules);
  }

  @StateValue(() => PostureWindow, { description: 'The window.' })
  readonly window!: PostureWindow;

  @ResultValue(() => EvidencePeriod, {
    description:
      'The window in instants. It ends where all streams that the control needs are collected, so up to one polling interval and `ingestionLag` ago. If a poll is late, it ends where that shows.',
  })
  readonly period!: EvidencePeriod;

  @ResultValue(() => Verdict, { description: 'The verdict.' })
  readonly verdict!: Verdict;

  @ResultValue.text('The reason, in one or two sentences.')
  readonly reason!: string;

  @ValueField(() => Headline, { description: 'The verdict in one line: what decided it.' })
  get headline(): Headline {
    return new Headline(this.facts.result.headline);
  }

  @ResultValue.int('Exceptions that count; `evidence` names them.', { from: 'outcomes.EXCEPTION' })
  readonly exceptions!: number;

  @ResultValue.int('Exceptions that the policy accepts.', { from: 'outcomes.WAIVED' })
  readonly waived!: number;

  @ResultValue.int('Members of the population.', { from: 'population.count' })
  readonly count!: number;

  @StateValue.instantOrNull(
    'Until when the state is valid unless a poll returns new data (UTC): then the next poll is overdue. Null while a poll is overdue, and before the first recording.',
  )
  readonly validUntil!: Instant | null;

  @ValueField.textOrNull(
    'What would change the verdict: for `PASS` the bound nearest to its number, otherwise the next step. Null if there is none.',
  )
  get wouldChange(): string | null {
    return changeText(this.facts.result);
  }

  @Field(() => StateSince, {
    nullable: true,
    description:
      'Since when the control is in this state, by the rules of now. Older recordings are evaluated for it (at most 32 a window), which takes some time. A change back and forth between two of them is not seen.',
  })
  async since(@Ctx() { services }: GatewayContext): Promise<StateSince | null> {
    const since = (await this.posture.since(services))[this.place];
    return since ? new StateSince(since) : null;
  }

  @Field(() => StateTrend, { nullable: true, description: 'The window before, to compare with.' })
  async trend(@Ctx() { services }: GatewayContext): Promise<StateTrend | null> {
    const before = (await this.posture.before(services))[this.place];
    return before ? new StateTrend(this.facts.result, before) : null;
  }
}

const PostureValue = valueFieldFrom('facts');
const RequestValue = valueFieldFrom('request');

@OutputType('The current states of controls.', { name: 'Posture' })
export class Posture {
  private sinceOnce: ReturnType<typeof sinceOf> | null = null;
  private beforeOnce: ReturnType<typeof evaluateBefore> | null = null;

  constructor(
    readonly request: PostureRequest,
    readonly facts: PostureFacts,
  ) {}

  @RequestValue.instant('The gateway’s time when the states were asked for (UTC).')
  readonly now!: Instant;

  @RequestValue.instant('The last recording that was read (UTC).', { from: 'pin.at' })
  readonly asOf!: Instant;

  @RequestValue.int('Sequence number of that recording.', { from: 'pin.seq' })
  readonly seq!: number;

  @PostureValue(() => [ID], { description: 'The integrations that were evaluated together, by name.' })
  readonly integrations!: readonly string[];

  @ValueField(() => [ControlState], { description: 'The states, by control and window.' })
  get states(): ControlState[] {
    return this.facts.states.map((facts, place) => new ControlState(facts, this, place));
  }

  /** Evaluated for all states together, when the first asks. */
  since({ store }: RequestServices): ReturnType<typeof sinceOf> {
    this.sinceOnce ??= sinceOf(store, this.request, this.facts.states);
    return this.sinceOnce;
  }

  before({ store }: RequestServices): ReturnType<typeof evaluateBefore> {
    this.beforeOnce ??= evaluateBefore(store, this.request, this.facts.states);
    return this.beforeOnce;
  }
}

@ArgsType()
export class PostureArgs {
  @Field(() => [ID], { nullable: true, description: 'Only these controls, by id. Default: all.' })
  controls?: string[] | null;

  @Field(() => [PostureWindow], { nullable: true, description: 'Only these windows. Default: all.' })
  windows?: PostureWindow[] | null;

  @Field(() => [ID], {
    nullable: true,
    description: 'Only these integrations, by name, evaluated together. Default: all that were read.',
  })
  integrations?: string[] | null;

  @Field(() => DateTime, {
    nullable: true,
    description:
      'The states as they were at this instant of the gateway’s clock (UTC), by the rules of now. Must not be in the future. Default: now.',
  })
  asOf?: Instant | null;
}

export async function readPosture(services: RequestServices, args: PostureArgs): Promise<Posture> {
  const { windows } = args;
  const request: PostureRequest = {
    ...(await viewOf(services, args)),
    controls: controlsAsked(args),
    windows: POSTURE_WINDOWS.filter((window) => windows?.includes(window) ?? true),
    now: args.asOf ?? services.now(),
  };
  return new Posture(request, await evaluatePosture(services.store, request));
}
