import { Ctx, Field, ID, ObjectType } from 'type-graphql';
import type { ControlFinding, Subject } from '../../controls/control.js';
import type { Pin } from '../../history/store.js';
import type { Instant } from '../../values/instant.js';
import { badInput } from '../base/errors.js';
import { ValueField, valueFieldFrom } from '../base/fields.js';
import { DateTime } from '../base/scalars.js';
import { connectionOf } from '../lists/connection.js';
import {
  cursorWriter,
  type ForwardArgs,
  fingerprint,
  Page,
  readCursor,
  toPageRequest,
} from '../lists/page.js';
import { RecordNode } from '../records/record.type.js';
import type { GatewayContext, RequestServices } from '../request/services.js';
import type { ControlResult } from './evidence.type.js';
import { PopulationMember, PopulationMemberConnection, recordInView } from './population.type.js';
import { findExceptions, findMembers, type PopulationArgs, populationRequest } from './read-evidence.js';

const FindingValue = valueFieldFrom('finding');

@ObjectType('ControlException', {
  simpleResolvers: true,
  description:
    'Something that counts against a control: a record, a message, a span of a stream or an integration.',
})
export class ControlException {
  constructor(
    readonly finding: ControlFinding,
    private readonly pin: Pin,
  ) {}

  @FindingValue(() => String, { description: 'The reason.' })
  readonly reason!: string;

  @ValueField(() => ID, { description: 'Name of the integration.' })
  get integration(): string {
    return integrationOf(this.finding.subject);
  }

  @Field(() => RecordNode, {
    nullable: true,
    description:
      'The record, in the snapshot that was evaluated; null if the exception is not about a record.',
  })
  async record(@Ctx() { services }: GatewayContext): Promise<RecordNode | null> {
    const { subject } = this.finding;
    return subject.type === 'RECORD' ? recordInView(subject.key, this.pin, services) : null;
  }

  @ValueField(() => ID, {
    nullable: true,
    description: 'Abnormal’s id of the message; null if the exception is not about a message.',
  })
  get messageId(): string | null {
    const { subject } = this.finding;
    return subject.type === 'RECORD' ? subject.messageId : null;
  }

  @ValueField(() => String, {
    nullable: true,
    description: 'The stream, as resource/filter key; null if the exception is not about a span.',
  })
  get stream(): string | null {
    const { subject } = this.finding;
    return subject.type === 'SPAN' ? `${subject.stream.resource}/${subject.stream.filterKey}` : null;
  }

  @FindingValue(() => DateTime, {
    nullable: true,
    description:
      'The time by which a record belongs to the period, or the start of a span (UTC); null if there is neither.',
  })
  readonly at!: Instant | null;

  @ValueField(() => DateTime, {
    nullable: true,
    description:
      'Since when Abnormal no longer returns the record or the message (UTC): the time of the first version without it. It counts as it was last recorded. Null while Abnormal returns it.',
  })
  get noLongerGivenSince(): Instant | null {
    return this.finding.noLongerGivenSince ?? null;
  }

  @ValueField(() => DateTime, {
    nullable: true,
    description: 'End of the span (UTC), exclusive; null if the exception is not about a span.',
  })
  get until(): Instant | null {
    const { subject } = this.finding;
    return subject.type === 'SPAN' ? subject.to : null;
  }
}

@ObjectType({ simpleResolvers: true, description: 'A page of exceptions.' })
export class ControlExceptionConnection extends connectionOf<ControlException>(
  () => ControlException,
  'ControlException',
) {}

/** A page of a result's exceptions. Its cursors pin the view that was judged, so a walk stays in it. */
export async function listExceptions(
  result: ControlResult,
  args: ForwardArgs,
  context: GatewayContext,
): Promise<ControlExceptionConnection> {
  const { limit, cursor } = toPageRequest(args);
  const { request, evidence } = result.asked;
  const { control } = result.facts;
  const terms = {
    period: request.period.text,
    control,
    integrations: fingerprint(request.integrations),
    thresholds: fingerprint(request.thresholds),
  };
  const after = cursor === null ? null : placeInWalk(readCursor(cursor, LIST, terms));
  const pin = after?.pin ?? evidence.pin;
  const skip = after?.next ?? 0;
  const found = await findExceptions(context.services, result, pin, { skip, limit });
  const write = cursorWriter({ list: LIST, terms, pin: [pin.seq, pin.at] });
  return new ControlExceptionConnection(
    new Page({
      nodes: found.exceptions.map((finding) => new ControlException(finding, pin)),
      cursorAt: (index) => write([skip + index]),
      hasNextPage: found.count > skip + found.exceptions.length,
      hasPreviousPage: skip > 0,
      count: () => Promise.resolve(found.count),
    }),
  );
}

const LIST = 'ControlResult.exceptions';
const POPULATION = 'Query.population';

/** A page of a control's population. Its cursors pin the view that was judged, so a walk stays in it. */
export async function listPopulation(
  services: RequestServices,
  args: PopulationArgs,
): Promise<PopulationMemberConnection> {
  const { limit, cursor } = toPageRequest(args);
  const asked = await populationRequest(services, args);
  const [control] = asked.controls;
  const terms = {
    ...{ control: control?.id ?? '', period: asked.period.text },
    integrations: fingerprint(asked.integrations),
    asOf: args.asOf ?? null,
  };
  const after = cursor === null ? null : placeInWalk(readCursor(cursor, POPULATION, terms));
  const pin = after?.pin ?? asked.pin;
  const skip = after?.next ?? 0;
  const { members, count } = await findMembers(services, { ...asked, pin }, { skip, limit });
  const write = cursorWriter({ list: POPULATION, terms, pin: [pin.seq, pin.at] });
  return new PopulationMemberConnection(
    new Page({
      nodes: members.map((member) => new PopulationMember(member, pin)),
      cursorAt: (index) => write([skip + index]),
      hasNextPage: count > skip + members.length,
      hasPreviousPage: skip > 0,
      count: () => Promise.resolve(count),
    }),
  );
}

/** Where a walk goes on, and in which view. */
export function placeInWalk({ pin: [seq, at], place: [index] }: ReturnType<typeof readCursor>) {
  if (typeof seq !== 'number' || typeof at !== 'string' || typeof index !== 'number') {
    throw badInput('This cursor belongs to another history. To start from the first page, omit the cursor.');
  }
  return { pin: { seq, at }, next: index + 1 };
}

function integrationOf(subject: Subject): string {
  if (subject.type === 'RECORD') return subject.key.integration;
  return subject.type === 'SPAN' ? subject.stream.integration : subject.integration;
}
