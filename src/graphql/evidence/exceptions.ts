import { Ctx, Field } from 'type-graphql';
import type { ControlFinding, Subject } from '../../controls/control.js';
import type { Pin } from '../../history/store.js';
import { rulesKey } from '../../policy/policy.js';
import { OutputType, showFields, Value } from '../base/fields.js';
import { connectionOf } from '../lists/connection.js';
import { type ForwardArgs, fingerprint, foreignCursor, ListWalk } from '../lists/page.js';
import { RecordNode } from '../records/record.type.js';
import type { GatewayContext, RequestServices } from '../request/services.js';
import {
  type ControlResult,
  PopulationMember,
  PopulationMemberConnection,
  recordInView,
} from './evidence.type.js';
import { DeclaredWaiver } from './policy.type.js';
import { findExceptions, findMembers, type PopulationArgs, populationRequest } from './read-evidence.js';

@OutputType(
  'Something that counts against a control, or that the policy waives: a record, a message, a span of a stream or an integration.',
  { name: 'ControlException' },
)
class ControlException {
  constructor(
    readonly finding: ControlFinding,
    readonly pin: Pin,
  ) {}

  @Field(() => RecordNode, {
    nullable: true,
    description:
      'The record, in the snapshot that was evaluated; null if the exception is not about a record.',
  })
  async record(@Ctx() { services }: GatewayContext): Promise<RecordNode | null> {
    const { subject } = this.finding;
    return subject.type === 'RECORD' ? recordInView(subject.key, this.pin, services) : null;
  }
}

showFields(ControlException, 'finding', {
  reason: Value.text('The reason.'),
  waiver: Value.objectOrNull(
    () => DeclaredWaiver,
    'The waiver by which the exception does not count. Null if it counts.',
    { by: (finding) => (finding.waiver ? new DeclaredWaiver(finding.waiver) : null) },
  ),
  integration: Value.id('Name of the integration.', { by: (finding) => integrationOf(finding.subject) }),
  at: Value.instantOrNull(
    'The time by which a record belongs to the period, or the start of a span (UTC); null if there is neither.',
  ),
  noLongerGivenSince: Value.instantOrNull(
    'Since when Abnormal no longer returns the record or the message (UTC): the time of the first version without it. It counts as it was last recorded. Null while Abnormal returns it.',
    { by: (finding) => finding.noLongerGivenSince ?? null },
  ),
  messageId: Value.idOrNull('Abnormal’s id of the message; null if the exception is not about a message.', {
    by: ({ subject }) => (subject.type === 'RECORD' ? subject.messageId : null),
  }),
  stream: Value.textOrNull('The stream, as resource/filter key; null if the exception is not about a span.', {
    by: ({ subject }) =>
      subject.type === 'SPAN' ? `${subject.stream.resource}/${subject.stream.filterKey}` : null,
  }),
  until: Value.instantOrNull('End of the span (UTC), exclusive; null if the exception is not about a span.', {
    by: ({ subject }) => (subject.type === 'SPAN' ? subject.to : null),
  }),
});

@OutputType('A page of exceptions.')
export class ControlExceptionConnection extends connectionOf<ControlException>(
  () => ControlException,
  'ControlException',
) {}

/** Cursors pin the view that was evaluated, so all pages show that view. */
export async function listExceptions(
  result: ControlResult,
  args: ForwardArgs,
  context: GatewayContext,
): Promise<ControlExceptionConnection> {
  const { request, evidence } = result.asked;
  const terms = {
    period: request.period.text,
    control: result.facts.control,
    integrations: fingerprint(request.integrations),
    // without a policy, cursors stay as they were
    thresholds: fingerprint(request.rules.policy.file ? rulesKey(request.rules) : request.rules.thresholds),
  };
  const walk = new ListWalk(args, 'ControlResult.exceptions', terms);
  const { pin, skip } = placeInWalk(walk, evidence.pin);
  const { limit } = walk;
  const { exceptions, count } = await findExceptions(context.services, result, pin, { skip, limit });
  return new ControlExceptionConnection(
    walk.page(exceptions, {
      toNode: (finding) => new ControlException(finding, pin),
      placeOf: (_, index) => [skip + index],
      pin: [pin.seq, pin.at],
      hasMore: count > skip + exceptions.length,
      count: async () => count,
    }),
  );
}

export async function listPopulation(
  services: RequestServices,
  args: PopulationArgs,
): Promise<PopulationMemberConnection> {
  const asked = await populationRequest(services, args);
  const [control] = asked.controls;
  const terms = {
    ...{ control: control?.id ?? '', period: asked.period.text },
    integrations: fingerprint(asked.integrations),
    asOf: args.asOf ?? null,
  };
  const walk = new ListWalk(args, 'Query.population', terms);
  const { pin, skip } = placeInWalk(walk, asked.pin);
  const { members, count } = await findMembers(services, { ...asked, pin }, { skip, limit: walk.limit });
  return new PopulationMemberConnection(
    walk.page(members, {
      toNode: (member) => new PopulationMember(member, pin),
      placeOf: (_, index) => [skip + index],
      pin: [pin.seq, pin.at],
      hasMore: count > skip + members.length,
      count: async () => count,
    }),
  );
}

/** How many rows come before the page, and the view that was evaluated; `pin` is that of a first page. */
function placeInWalk({ cursor }: ListWalk, pin: Pin): { readonly pin: Pin; readonly skip: number } {
  if (cursor === null) return { pin, skip: 0 };
  const [[seq, at], [index]] = [cursor.pin, cursor.place];
  if (typeof seq !== 'number' || typeof at !== 'string' || typeof index !== 'number') throw foreignCursor();
  return { pin: { seq, at }, skip: index + 1 };
}

function integrationOf(subject: Subject): string {
  if (subject.type === 'RECORD') return subject.key.integration;
  return subject.type === 'SPAN' ? subject.stream.integration : subject.integration;
}
