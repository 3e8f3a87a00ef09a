import { ID } from 'type-graphql';
import type {
  IdSample as IdSampleRecord,
  PopulationSource,
  ReconciliationRecord,
  ReconciliationVerdict,
  RunRecord,
} from '../../model/run.js';
import type { Resource } from '../../resources/registry.js';
import { intOrNull } from '../../values/filter.js';
import type { Instant, Window } from '../../values/instant.js';
import { describedEnum, OutputType, ValueField, valueFieldFrom } from '../base/fields.js';
import { connectionOf } from '../lists/connection.js';
import { ResourceEnum, Run } from './run.type.js';

const ReconciliationVerdictEnum = describedEnum<ReconciliationVerdict>(
  'ReconciliationVerdict',
  'Result of comparing the stored records of a window with Abnormal’s, by another reading than the collection’s.',
  {
    MATCH: 'Exactly the records that Abnormal names are stored.',
    SHORT: 'Abnormal names records that are not stored; the next poll lists them again.',
    EXTRA:
      'Records are stored that Abnormal no longer names. This alone does not mean that they were deleted.',
    UNVERIFIED: 'Abnormal’s records could not be read completely.',
  },
);

const PopulationSourceEnum = describedEnum<PopulationSource>(
  'PopulationSource',
  'Source of the population that stored records are compared with.',
  {
    EXPORT: 'The export of the threat log (`/threats_export/csv`), which has one row per message.',
    LIST: 'The resource’s list, with other window boundaries than the collection uses.',
  },
);

type ReconciliationBasis = NonNullable<ReconciliationRecord['basis']>;
const ReconciliationBasisEnum = describedEnum<ReconciliationBasis>(
  'ReconciliationBasis',
  'What was compared.',
  {
    IDS: 'The ids.',
    COUNTS: 'The ids in the list and, because the export did not contain them, the number of messages.',
  },
);

@OutputType('A set of records, by Abnormal’s ids.', { name: 'RecordIds' })
class RecordIds implements IdSampleRecord {
  @ValueField.int('Number of records.')
  readonly count!: number;

  @ValueField(() => [ID], { description: 'The first 100 ids, in order.' })
  readonly ids!: readonly string[];
}

@OutputType('A span of source time that a reconciliation reopened, so that the next poll lists it again.')
class ReopenedWindow implements Window {
  @ValueField.instant('Start of the span (UTC), inclusive.')
  readonly from!: Instant;

  @ValueField.instant('End of the span (UTC), exclusive.')
  readonly to!: Instant;
}

export interface ReconcilingRun extends RunRecord {
  readonly reconciliation: ReconciliationRecord;
}

const RunValue = valueFieldFrom('source');
const ReconciliationValue = valueFieldFrom('source.reconciliation');

@OutputType(
  'One comparison of the stored records of a resource, in a window of at most 14 days, with Abnormal’s.',
)
export class Reconciliation {
  constructor(readonly source: ReconcilingRun) {}

  @RunValue.id('Name of the integration.')
  readonly integration!: string;

  @RunValue(() => ResourceEnum, { description: 'What was compared.' })
  readonly resource!: Resource;

  @ReconciliationValue.instant(
    'Start of the window (UTC), inclusive, in the resource’s own time (threats: received; cases: last modified; campaigns: last reported).',
  )
  readonly from!: Instant;

  @ReconciliationValue.instant('End of the window (UTC), exclusive.')
  readonly to!: Instant;

  @RunValue.instant('When the comparison began (UTC).', { from: 'startedAt' })
  readonly comparedAt!: Instant;

  @ReconciliationValue(() => ReconciliationVerdictEnum, { description: 'Result of the comparison.' })
  readonly verdict!: ReconciliationVerdict;

  @ReconciliationValue.textOrNull('Further details in words; null if there are none.')
  readonly reason!: string | null;

  @ReconciliationValue(() => [PopulationSourceEnum], {
    description: 'Where the population was read; empty if it could not be read.',
  })
  readonly sources!: readonly PopulationSource[];

  @ReconciliationValue(() => ReconciliationBasisEnum, {
    nullable: true,
    description: 'What was compared; null if nothing was compared.',
  })
  readonly basis!: ReconciliationBasis | null;

  @ReconciliationValue.intOrNull(
    'Number of records that Abnormal names in the window; null if they could not be read.',
  )
  readonly population!: number | null;

  @ValueField.intOrNull(
    'Number of records that the list declares for the window (`total`); null if it declares none.',
  )
  get declared(): number | null {
    return intOrNull(this.source.reconciliation.declared);
  }

  @ReconciliationValue.int(
    'Number of records of the population that are stored, plus stored records that are not in it; without a population, the number of stored records in the window.',
  )
  readonly held!: number;

  @ReconciliationValue(() => RecordIds, {
    description: 'Records that Abnormal names and that are not stored.',
  })
  readonly missing!: IdSampleRecord;

  @ReconciliationValue(() => RecordIds, {
    description: 'Records that are stored and that Abnormal does not name.',
  })
  readonly extra!: IdSampleRecord;

  @ReconciliationValue(() => RecordIds, {
    description:
      'Records that Abnormal names although their details return 404: known to be deleted, and not missing.',
  })
  readonly gone!: IdSampleRecord;

  @ReconciliationValue(() => [ReopenedWindow], {
    description:
      'Spans that were reopened for the next poll, newest first. Spans that were gaps already are not included.',
  })
  readonly opened!: readonly Window[];

  @ValueField(() => Run, { description: 'The run of the comparison, with its cost.' })
  get run(): Run {
    return new Run(this.source);
  }
}

@OutputType('A page of reconciliations.')
export class ReconciliationConnection extends connectionOf<Reconciliation>(
  () => Reconciliation,
  'Reconciliation',
) {}
