import { Ctx, Field } from 'type-graphql';
import type { Member } from '../../controls/control.js';
import type { Pin } from '../../history/store.js';
import type { RevisionRecord } from '../../model/revision.js';
import type { ListedKind, RecordKey } from '../../resources/registry.js';
import { OutputType, showFields, Value } from '../base/fields.js';
import { connectionOf } from '../lists/connection.js';
import { toRecordNode } from '../records/nodes.js';
import { RecordNode } from '../records/record.type.js';
import type { GatewayContext, RequestServices } from '../request/services.js';

@OutputType('A record or message in the population of a control.', { name: 'PopulationMember' })
export class PopulationMember {
  constructor(
    readonly member: Member,
    private readonly pin: Pin,
  ) {}

  @Field(() => RecordNode, {
    nullable: true,
    description:
      'The record, in the snapshot that was evaluated. A message that Abnormal no longer returns is in `messages(recorded: ALL)`.',
  })
  record(@Ctx() { services }: GatewayContext): Promise<RecordNode | null> {
    return recordInView(this.member.subject.key, this.pin, services);
  }
}

showFields(PopulationMember, 'member', {
  integration: Value.id('Name of the integration.', { by: (member) => member.subject.key.integration }),
  recordId: Value.id('Abnormal’s id of the record.', { by: (member) => member.subject.key.id }),
  messageId: Value.idOrNull('Abnormal’s id of the message; null if the members are records.', {
    by: (member) => member.subject.messageId,
  }),
  at: Value.instantOrNull('The time by which the member belongs to the period (UTC).'),
  noLongerGivenSince: Value.instantOrNull(
    'Since when Abnormal no longer returns it (UTC): the time of the first version without it. It counts as it was last recorded. Null while Abnormal returns it.',
  ),
});

@OutputType('A page of the members of a population.')
export class PopulationMemberConnection extends connectionOf<PopulationMember>(
  () => PopulationMember,
  'PopulationMember',
) {}

/** A deleted record is returned as its tombstone. */
export async function recordInView(
  key: RecordKey,
  { seq, at }: Pin,
  { loaders }: RequestServices,
): Promise<RecordNode | null> {
  const revision = await loaders.records.load(key, seq);
  const frozen = { frozen: true, freshness: null, requestedAt: at, maxAgeMs: 0, staleIfError: true };
  return revision && toRecordNode(revision as RevisionRecord<ListedKind>, { seq, asOf: at, ...frozen });
}
