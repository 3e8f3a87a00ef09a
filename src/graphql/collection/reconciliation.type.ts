import { ID, Int, ObjectType } from 'type-graphql';
import type {
  IdSample as IdSampleRecord,
  PopulationSource,
  ReconciliationRecord,
  ReconciliationVerdict,
  RunRecord,
} from '../../model/run.js';
import type { Resource } from '../../resources/registry.js';
import type { Instant } from '../../values/instant.js';
import { intOrNull } from '../../values/int.js';
import type { Window } from '../../values/window.js';
import { describedEnum, ValueField, valueFieldFrom } from '../base/fields.js';
import { DateTime } from '../base/scalars.js';
import { connectionOf } from '../lists/connection.js';
import { ResourceEnum, Run } from './run.type.js';

export const ReconciliationVerdictEnum = describedEnum<ReconciliationVerdict>(
  'ReconciliationVerdict',
  'How what is held of a window compares with what Abnormal has, by another reading than the collection’s.',
  {
    MATCH: 'What Abnormal names is held, and nothing else.',
    SHORT: 'Abnormal names records that are not held; the next poll lists them again.',
    EXTRA:
      'Records are held that Abnormal names no longer. That by itself does not mean that they were deleted.',
    UNVERIFIED: 'What Abnormal has could not be read for certain.',
  },
);

export const PopulationSourceEnum = describedEnum<PopulationSource>(
  'PopulationSource',
  'Where a population was read that what is held is compared with.',
  {
    EXPORT: 'The export of the threat log (`/threats_export/csv`), which has a row for each message.',
    LIST: 'The resource’s list, over windows cut in another way than the collection cuts them.',
  },
);

export type ReconciliationBasis = NonNullable<ReconciliationRecord['basis']>;
export const ReconciliationBasisEnum = describedEnum<ReconciliationBasis>(
  'ReconciliationBasis',
  'What was compared.',
  {
    IDS: 'The ids.',
    COUNTS:
      'The ids that the list names and, since the export names none, its number of messages against those held.',
  },
);

@ObjectType('RecordIds', { simpleResolvers: true, description: 'Some records, by Abnormal’s own ids.' })
export class RecordIds implements IdSampleRecord {
  @ValueField(() => Int, { description: 'How many there are.' })
  readonly count!: number;

  @ValueField(() => [ID], { description: 'The first 100 of them, in order.' })
  readonly ids!: readonly string[];
}

@ObjectType({
  simpleResolvers: true,
  description:
    'A span of source time that a reconciliation has taken back, so that the next poll lists it again.',
})
export class ReopenedWindow implements Window {
  @ValueField(() => DateTime, { description: 'Where it begins (UTC), inclusive.' })
  readonly from!: Instant;

  @ValueField(() => DateTime, { description: 'Where it ends (UTC), exclusive.' })
  readonly to!: Instant;
}

export interface ReconcilingRun extends RunRecord {
  readonly reconciliation: ReconciliationRecord;
}

const RunValue = valueFieldFrom('source');
const ReconciliationValue = valueFieldFrom('source.reconciliation');

@ObjectType({
  simpleResolvers: true,
  description:
    'One comparison of what is held of a resource, in a window of at most 14 days, with what Abnormal has.',
})
export class Reconciliation {
  constructor(readonly source: ReconcilingRun) {}

  @RunValue(() => ID, { description: 'The integration, by name.' })
  readonly integration!: string;

  @RunValue(() => ResourceEnum, { description: 'What was compared.' })
  readonly resource!: Resource;

  @ReconciliationValue(() => DateTime, {
    description:
      'Where the window begins (UTC), inclusive; of the resource’s own time (threats: received; cases: last modified; campaigns: last reported).',
  })
  readonly from!: Instant;

  @ReconciliationValue(() => DateTime, { description: 'Where the window ends (UTC), exclusive.' })
  readonly to!: Instant;

  @RunValue(() => DateTime, { from: 'startedAt', description: 'When it was begun (UTC).' })
  readonly comparedAt!: Instant;

  @ReconciliationValue(() => ReconciliationVerdictEnum, { description: 'How the two compare.' })
  readonly verdict!: ReconciliationVerdict;

  @ReconciliationValue(() => String, {
    nullable: true,
    description: 'What more there is to say, for a person; null where the verdict says it all.',
  })
  readonly reason!: string | null;

  @ReconciliationValue(() => [PopulationSourceEnum], {
    description: 'Where the population was read; empty when it could not be read anywhere.',
  })
  readonly sources!: readonly PopulationSource[];

  @ReconciliationValue(() => ReconciliationBasisEnum, {
    nullable: true,
    description: 'What was compared; null when nothing was.',
  })
  readonly basis!: ReconciliationBasis | null;

  @ReconciliationValue(() => Int, {
    nullable: true,
    description: 'How many records Abnormal names in the window; null when that could not be read.',
  })
  readonly population!: number | null;

  @ValueField(() => Int, {
    nullable: true,
    description: 'How many the list itself declares (`total`) for the window; null where it declares none.',
  })
  get declared(): number | null {
    return intOrNull(this.source.reconciliation.declared);
  }

  @ReconciliationValue(() => Int, {
    description:
      'How many of the population are held, with those held beyond it; without a population, how many are held of the window.',
  })
  readonly held!: number;

  @ReconciliationValue(() => RecordIds, { description: 'Named by Abnormal, and not held.' })
  readonly missing!: IdSampleRecord;

  @ReconciliationValue(() => RecordIds, { description: 'Held, and not named by Abnormal.' })
  readonly extra!: IdSampleRecord;

  @ReconciliationValue(() => RecordIds, {
    description: 'Named by Abnormal though their details answer 404: known to be gone, and not missing.',
  })
  readonly gone!: IdSampleRecord;

  @ReconciliationValue(() => [ReopenedWindow], {
    description:
      'What was taken back for the next poll to list again, newest first; nothing where it was a gap already.',
  })
  readonly opened!: readonly Window[];

  @ValueField(() => Run, { description: 'The run that compared it, with what that cost.' })
  get run(): Run {
    return new Run(this.source);
  }
}

@ObjectType({ simpleResolvers: true, description: 'A page of reconciliations.' })
export class ReconciliationConnection extends connectionOf<Reconciliation>(
  () => Reconciliation,
  'Reconciliation',
) {}
