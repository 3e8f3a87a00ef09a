import type { Kind, ListedKind } from '../../resources/kind.js';
import { queryError } from '../base/errors.js';
import type { Means } from '../request/services.js';
import { readFresh, type Seen, see } from './read-record.js';
import type { RecordNode } from './record.type.js';

type OnDemandKind = Exclude<Kind, ListedKind>;

const NOUN: Record<OnDemandKind, string> = {
  caseAnalysis: 'The timeline of case',
  threatAttachments: 'The attachments of threat',
  threatLinks: 'The links of threat',
};

/**
 * What hangs off a record and is read when somebody asks, no older than the answer's root allows. In a view
 * of the past it comes from the history alone, and it is an error when it was not recorded by then.
 */
export async function readOnDemand<K extends OnDemandKind>(
  means: Means,
  kind: K,
  { revision, view }: RecordNode,
): Promise<Seen<K> | null> {
  const { integration, id } = revision.key;
  const key = { integration, kind, id };
  if (!view.frozen) return readFresh<K>(means, key, { ...view, asOf: null });
  const seen = await see<K>(means, key, view);
  if (seen) return seen;
  throw queryError(
    'NOT_COLLECTED',
    `${NOUN[kind]} ${id} was not recorded by ${view.asOf}, and the past cannot be asked of Abnormal. Leave asOf out to read it now.`,
  );
}
