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
import { describedEnum, ValueField } from '../base/fields.js';
import { DateTime } from '../base/scalars.js';
import { connectionOf } from '../lists/connection.js';
import { ResourceEnum, Run } from './run.type.js';

export const ReconciliationVerdictEnum = describedEnum<ReconciliationVerdict>(
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

export const PopulationSourceEnum = describedEnum<PopulationSource>(
  'PopulationSource',
  'Source of the population that stored records are compared with.',
  {
    EXPORT: 'The export of the threat log (`/threats_export/csv`), which has one row per message.',
    LIST: 'The resource’s list, with other window boundaries than the collection uses.',
  },
);

export type ReconciliationBasis = NonNullable<ReconciliationRecord['basis']>;
export const ReconciliationBasisEnum = describedEnum<ReconciliationBasis>(
  'ReconciliationBasis',
  'What was compared.',
  {
    IDS: 'The ids.',
    COUNTS: 'The ids in the list and, because the export did not contain them, the number of messages.',
  },
);

@ObjectType('RecordIds', { simpleResolvers: true, description: 'A set of records, by Abnormal’s ids.' })
export class RecordIds implements IdSampleRecord {
  @ValueField(() => Int, { description: 'Number of records.' })
  readonly count!: number;

  @ValueField(() => [ID], { description: 'The first 100 ids, in order.' })
  readonly ids!: readonly string[];
}

@ObjectType({
  simpleResolvers: true,
  description: 'A span of source time that a reconciliation reopened, so that the next poll lists it again.',
})
export class ReopenedWindow implements Window {
  @ValueField(() => DateTime, { description: 'Start of the span (UTC), inclusive.' })
  readonly from!: Instant;

  @ValueField(() => DateTime, { description: 'End of the span (UTC), exclusive.' })
  readonly to!: Instant;
}

/** A run that has compared something. */
export interface ReconcilingRun extends RunRecord {
  readonly reconciliation: ReconciliationRecord;
}

@ObjectType({
  simpleResolvers: true,
  description:
    'One comparison of the stored records of a resource, in a window of at most 14 days, with Abnormal’s.',
})
export class Reconciliation {
  private readonly found: ReconciliationRecord;

  constructor(private readonly made: ReconcilingRun) {
    this.found = made.reconciliation;
  }

  @ValueField(() => ID, { description: 'Name of the integration.' })
  get integration(): string {
    return this.made.integration;
  }

  @ValueField(() => ResourceEnum, { description: 'What was compared.' })
  get resource(): Resource {
    return this.made.resource;
  }

  @ValueField(() => DateTime, {
    description:
      'Start of the window (UTC), inclusive, in the resource’s own time (threats: received; cases: last modified; campaigns: last reported).',
  })
  get from(): Instant {
    return this.found.from;
  }

  @ValueField(() => DateTime, { description: 'End of the window (UTC), exclusive.' })
  get to(): Instant {
    return this.found.to;
  }

  @ValueField(() => DateTime, { description: 'When the comparison began (UTC).' })
  get comparedAt(): Instant {
    return this.made.startedAt;
  }

  @ValueField(() => ReconciliationVerdictEnum, { description: 'Result of the comparison.' })
  get verdict(): ReconciliationVerdict {
    return this.found.verdict;
  }

  @ValueField(() => String, {
    nullable: true,
    description: 'Further details in words; null if there are none.',
  })
  get reason(): string | null {
    return this.found.reason;
  }

  @ValueField(() => [PopulationSourceEnum], {
    description: 'Where the population was read; empty if it could not be read.',
  })
  get sources(): readonly PopulationSource[] {
    return this.found.sources;
  }

  @ValueField(() => ReconciliationBasisEnum, {
    nullable: true,
    description: 'What was compared; null if nothing was compared.',
  })
  get basis(): ReconciliationBasis | null {
    return this.found.basis;
  }

  @ValueField(() => Int, {
    nullable: true,
    description: 'Number of records that Abnormal names in the window; null if they could not be read.',
  })
  get population(): number | null {
    return this.found.population;
  }

  @ValueField(() => Int, {
    nullable: true,
    description:
      'Number of records that the list declares for the window (`total`); null if it declares none.',
  })
  get declared(): number | null {
    return intOrNull(this.found.declared);
  }

  @ValueField(() => Int, {
    description:
      'Number of records of the population that are stored, plus stored records that are not in it; without a population, the number of stored records in the window.',
  })
  get held(): number {
    return this.found.held;
  }

  @ValueField(() => RecordIds, { description: 'Records that Abnormal names and that are not stored.' })
  get missing(): IdSampleRecord {
    return this.found.missing;
  }

  @ValueField(() => RecordIds, { description: 'Records that are stored and that Abnormal does not name.' })
  get extra(): IdSampleRecord {
    return this.found.extra;
  }

  @ValueField(() => RecordIds, {
    description:
      'Records that Abnormal names although their details return 404: known to be deleted, and not missing.',
  })
  get gone(): IdSampleRecord {
    return this.found.gone;
  }

  @ValueField(() => [ReopenedWindow], {
    description:
      'Spans that were reopened for the next poll, newest first. Spans that were gaps already are not included.',
  })
  get opened(): readonly Window[] {
    return this.found.opened;
  }

  @ValueField(() => Run, { description: 'The run of the comparison, with its cost.' })
  get run(): Run {
    return new Run(this.made);
  }
}

@ObjectType({ simpleResolvers: true, description: 'A page of reconciliations.' })
export class ReconciliationConnection extends connectionOf<Reconciliation>(
  () => Reconciliation,
  'Reconciliation',
) {}
