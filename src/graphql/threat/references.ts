import type { RevisionRecord } from '../../model/revision.js';
import type { ListedKind, RecordOf } from '../../resources/registry.js';
import { DEFINITION_OF } from '../../resources/registry.js';
import { reportCoverage } from '../collection/coverage.js';
import type { ReadCoverage } from '../lists/connection.js';
import { arrayPage, type ConnectionPage, type PageArgs } from '../lists/page.js';
import { assertCollected, type View } from '../lists/view.js';
import type { RecordNode } from '../records/record.type.js';
import type { RequestServices } from '../request/services.js';
import { Threat, ThreatConnection } from './threat.type.js';

/* The edges between threats and the records that name them, both ways and in one view. */

/** The kinds of records that name threats, in the field `threatId` of their lists. */
type NamingKind = {
  [K in ListedKind]: RecordOf[K] extends { readonly threatIds: readonly string[] } ? K : never;
}[ListedKind];

const NO_WINDOW: ReadCoverage = async () => null;

/** The stored threats that a record names, in its order. */
export async function namedThreats<K extends NamingKind>(
  list: string,
  root: RecordNode<K>,
  args: PageArgs,
  services: RequestServices,
): Promise<ThreatConnection> {
  const { key } = root.revision;
  const read = async (view: View) => {
    const revision =
      view.seq === root.view.seq ? root.revision : await services.loaders.records.load<K>(key, view.seq);
    if (!revision) return [];
    const { threatIds } = revision.record as { readonly threatIds: readonly string[] };
    const found = await loadThreats([...new Set(threatIds)], key.integration, view, services);
    return found.flatMap((threat) => (threat ? [new Threat(threat, view)] : []));
  };
  const idOf = (threat: Threat) => threat.threatId;
  const { page, view } = await arrayPage({ list, owner: key, view: root.view, read, idOf }, args);
  return new ThreatConnection(page, view, NO_WINDOW);
}

/** The threats that a record names and that are not stored. */
export async function missingThreatIds(
  root: RecordNode<NamingKind>,
  services: RequestServices,
): Promise<string[]> {
  const { threatIds } = root.record as { readonly threatIds: readonly string[] };
  const revisions = await loadThreats(threatIds, root.revision.key.integration, root.view, services);
  return threatIds.filter((_, index) => revisions[index] === null);
}

function loadThreats(
  ids: readonly string[],
  integration: string,
  view: View,
  services: RequestServices,
): Promise<readonly (RevisionRecord<'threat'> | null)[]> {
  const keys = ids.map((id) => ({ integration, kind: 'threat', id }) as const);
  return services.loaders.records.loadAll('threat', keys, view.seq);
}

interface Naming<K extends NamingKind, T> {
  readonly kind: K;
  /** The name in cursors, such as `Threat.cases`. */
  readonly list: string;
  readonly Node: new (revision: RevisionRecord<K>, view: View) => T;
  readonly Connection: new (page: ConnectionPage<T>, view: View, readCoverage: ReadCoverage) => object;
}

/** The stored records that name a threat, ordered by id. */
export async function namingRecords<K extends NamingKind, T extends RecordNode<K>>(
  { kind, list, Node, Connection }: Naming<K, T>,
  root: Threat,
  args: PageArgs,
  services: RequestServices,
): Promise<object> {
  const { key } = root.revision;
  const { integration, id: value } = key;
  const read = async (view: View) => {
    const reference = { kind, field: 'threatId', integration, value, seq: view.seq } as const;
    const revisions = await services.loaders.referrers.load<K>(reference);
    if (view.frozen && revisions.length === 0) await assertCollected(services, view, [kind], [integration]);
    return revisions.map((revision) => new Node(revision, view));
  };
  const idOf = (node: T) => node.revision.key.id;
  const { page, view } = await arrayPage({ list, owner: key, view: root.view, read, idOf }, args);
  const everything = { from: null, to: null };
  return new Connection(page, view, (asking) =>
    reportCoverage(asking, view, DEFINITION_OF[kind].resource, [integration], everything),
  );
}
