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
import { DateTime, describedEnum, OutputType, showFields, Value } from '../base/fields.js';
import type { GatewayContext, RequestServices } from '../request/services.js';
import { Control, Headline, Verdict } from './control.type.js';
import { controlOf, EvidencePeriod } from './evidence.type.js';
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

const Direction = describedEnum<StateDirection>(
  'TrendDirection',
  'How a state compares with the window before.',
  {
    IMPROVING: 'From `FAIL` to `PASS`, or the number that decides it is better.',
    STEADY: 'The same verdict, and no better or worse number.',
    WORSENING: 'From `PASS` to `FAIL`, or the number that decides it is worse.',
  },
);

@OutputType('When the current state of a control began.', { name: 'StateSince' })
class StateSince {
  constructor(readonly facts: Since) {}
}

showFields(StateSince, 'facts', {
  at: Value.instant(
    'The recording with which the state began (UTC). If `before` is null, the oldest recording that was looked at and has this state: it may have begun earlier.',
  ),
  before: Value.enumOrNull(
    () => Verdict,
    'The verdict until then. Null if the beginning was not found among the recordings looked at.',
  ),
});

@OutputType('The window before, in the same view: as long, and ending where the window begins.', {
  name: 'StateTrend',
})
class StateTrend {
  constructor(
    readonly now: EvaluatedControl,
    readonly facts: EvaluatedControl,
  ) {}
}

showFields(StateTrend, 'facts', {
  direction: Value.enumOrNull(
    () => Direction,
    'How the state compares with it. Null if one of the two verdicts is neither `PASS` nor `FAIL`.',
    { by: (facts, { now }) => directionOf(now, facts) },
  ),
  period: Value.object(() => EvidencePeriod, 'The window before.'),
  verdict: Value.enum(() => Verdict, 'Its verdict.'),
  headline: Value.object(() => Headline, 'What decided its verdict.', {
    by: (facts) => new Headline(facts.headline),
  }),
});

@OutputType(
  'The state of one control for one window up to now: the verdict of `evidence` for the same period and control.',
  { name: 'ControlState' },
)
class ControlState {
  constructor(
    readonly facts: StateFacts,
    readonly posture: Posture,
    readonly place: number,
  ) {}

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

showFields(ControlState, 'facts', {
  control: Value.object(() => Control, 'The control.', {
    by: ({ result }, { posture }) => controlOf(result.control, posture.request.rules),
  }),
  window: Value.enum(() => PostureWindow, 'The window.'),
  validUntil: Value.instantOrNull(
    'Until when the state is valid unless a poll returns new data (UTC): then the next poll is overdue. Null while a poll is overdue, and before the first recording.',
  ),
});

showFields(ControlState, 'facts.result', {
  period: Value.object(
    () => EvidencePeriod,
    'The window in instants. It ends where all streams that the control needs are collected, so up to one polling interval and `ingestionLag` ago. If a poll is late, it ends where that shows.',
  ),
  verdict: Value.enum(() => Verdict, 'The verdict.'),
  reason: Value.text('The reason, in one or two sentences.'),
  headline: Value.object(() => Headline, 'The verdict in one line: what decided it.', {
    by: (result) => new Headline(result.headline),
  }),
  exceptions: Value.int('Exceptions that count; `evidence` names them.', {
    by: (result) => result.outcomes.EXCEPTION,
  }),
  waived: Value.int('Exceptions that the policy accepts.', { by: (result) => result.outcomes.WAIVED }),
  count: Value.int('Members of the population.', { by: (result) => result.population.count }),
  wouldChange: Value.textOrNull(
    'What would change the verdict: for `PASS` the bound nearest to its number, otherwise the next step. Null if there is none.',
    { by: changeText },
  ),
});

@OutputType('The current states of controls.', { name: 'Posture' })
export class Posture {
  private sinceOnce: ReturnType<typeof sinceOf> | null = null;
  private beforeOnce: ReturnType<typeof evaluateBefore> | null = null;

  constructor(
    readonly request: PostureRequest,
    readonly facts: PostureFacts,
  ) {}

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

showFields(Posture, 'request', {
  now: Value.instant('The gateway’s time when the states were asked for (UTC).'),
  asOf: Value.instant('The last recording that was read (UTC).', { by: (request) => request.pin.at }),
  seq: Value.int('Sequence number of that recording.', { by: (request) => request.pin.seq }),
});

showFields(Posture, 'facts', {
  integrations: Value.ids('The integrations that were evaluated together, by name.'),
  states: Value.list(() => ControlState, 'The states, by control and window.', {
    by: ({ states }, posture) => states.map((facts, place) => new ControlState(facts, posture, place)),
  }),
});

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
