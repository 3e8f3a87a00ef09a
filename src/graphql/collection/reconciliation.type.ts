import type {
  IdSample as IdSampleRecord,
  PopulationSource,
  ReconciliationRecord,
  ReconciliationVerdict,
  RunRecord,
} from '../../model/run.js';
import { intOrNull } from '../../values/filter.js';
import type { Window } from '../../values/instant.js';
import { describedEnum, OutputType, outputType, showFields, Value } from '../base/fields.js';
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

const RecordIds = outputType<IdSampleRecord>('RecordIds', 'A set of records, by Abnormal’s ids.', {
  count: Value.int('Number of records.'),
  ids: Value.ids('The first 100 ids, in order.'),
});

const ReopenedWindow = outputType<Window>(
  'ReopenedWindow',
  'A span of source time that a reconciliation reopened, so that the next poll lists it again.',
  {
    from: Value.instant('Start of the span (UTC), inclusive.'),
    to: Value.instant('End of the span (UTC), exclusive.'),
  },
);

export interface ReconcilingRun extends RunRecord {
  readonly reconciliation: ReconciliationRecord;
}

@OutputType(
  'One comparison of the stored records of a resource, in a window of at most 14 days, with Abnormal’s.',
)
export class Reconciliation {
  constructor(readonly source: ReconcilingRun) {}
}

showFields(Reconciliation, 'source', {
  integration: Value.id('Name of the integration.'),
  resource: Value.enum(() => ResourceEnum, 'What was compared.'),
  comparedAt: Value.instant('When the comparison began (UTC).', { by: (source) => source.startedAt }),
  run: Value.object(() => Run, 'The run of the comparison, with its cost.', {
    by: (source) => new Run(source),
  }),
});

showFields(Reconciliation, 'source.reconciliation', {
  from: Value.instant(
    'Start of the window (UTC), inclusive, in the resource’s own time (threats: received; cases: last modified; campaigns: last reported).',
  ),
  to: Value.instant('End of the window (UTC), exclusive.'),
  verdict: Value.enum(() => ReconciliationVerdictEnum, 'Result of the comparison.'),
  reason: Value.textOrNull('Further details in words; null if there are none.'),
  sources: Value.list(
    () => PopulationSourceEnum,
    'Where the population was read; empty if it could not be read.',
  ),
  basis: Value.enumOrNull(() => ReconciliationBasisEnum, 'What was compared; null if nothing was compared.'),
  population: Value.intOrNull(
    'Number of records that Abnormal names in the window; null if they could not be read.',
  ),
  declared: Value.intOrNull(
    'Number of records that the list declares for the window (`total`); null if it declares none.',
    { by: (reconciliation) => intOrNull(reconciliation.declared) },
  ),
  held: Value.int(
    'Number of records of the population that are stored, plus stored records that are not in it; without a population, the number of stored records in the window.',
  ),
  missing: Value.object(() => RecordIds, 'Records that Abnormal names and that are not stored.'),
  extra: Value.object(() => RecordIds, 'Records that are stored and that Abnormal does not name.'),
  gone: Value.object(
    () => RecordIds,
    'Records that Abnormal names although their details return 404: known to be deleted, and not missing.',
  ),
  opened: Value.list(
    () => ReopenedWindow,
    'Spans that were reopened for the next poll, newest first. Spans that were gaps already are not included.',
  ),
});

@OutputType('A page of reconciliations.')
export class ReconciliationConnection extends connectionOf<Reconciliation>(
  () => Reconciliation,
  'Reconciliation',
) {}
