import type { HistoryStore } from '../../history/store.js';
import type { Revision } from '../../model/revision.js';
import { FIELDS, fieldsOf } from '../../resources/definition.js';
import type { ListedKind } from '../../resources/kind.js';
import type { RecordOf } from '../../resources/records.js';
import type { Fields, FieldValue, Filter } from '../../values/filter.js';
import { readDoubtful } from '../seal/read-doubtful.js';

/** Records asked for at once: each is a condition with all of its fields. */
const AT_ONCE = 20;
/** Of a field with many values, so many are asked for. */
const VALUES = 3;

/**
 * Which of the revisions that a batch brought the history does not find by their own values, as of that batch.
 * What lists are filtered by is kept apart from the records, and could be altered by itself.
 */
export async function checkFields(
  store: HistoryStore,
  seq: number,
  revisions: readonly Revision[],
): Promise<Revision[]> {
  const lost: Revision[] = [];
  const listed = revisions.filter(
    ({ key, deleted, seqFrom }) => key.kind in FIELDS && !deleted && seqFrom === seq,
  );
  for (const [kind, integration, some] of inGroups(listed)) {
    for (let i = 0; i < some.length; i += AT_ONCE) {
      const part = some.slice(i, i + AT_ONCE);
      const found = await find(store, kind, integration, seq, part);
      lost.push(...part.filter(({ key }) => !found.has(key.id)));
    }
  }
  return lost;
}

async function find(
  store: HistoryStore,
  kind: ListedKind,
  integration: string,
  seq: number,
  revisions: readonly Revision[],
): Promise<Set<string>> {
  const ids = revisions.map(({ key }) => key.id);
  const alike = revisions.flatMap((revision) => likeness(kind, revision) ?? []);
  const filter: Filter = { and: [{ field: 'id', in: ids }, { or: alike }] };
  const order = { orderBy: 'id', descending: false, after: null, limit: revisions.length };
  const query = { kind, integrations: [integration], filter, seq, ...order };
  const page = await readDoubtful(store, () => store.page(query));
  return new Set(page?.items.map(({ position }) => position.id));
}

/** What only a record with these very values meets; `null` for what is no record of its kind any more. */
function likeness(kind: ListedKind, { record }: Revision): Filter | null {
  let fields: Fields;
  try {
    fields = fieldsOf(kind, record as RecordOf[ListedKind]);
  } catch {
    return null;
  }
  const parts = Object.keys(FIELDS[kind]).flatMap((field) => equalities(field, fields[field] ?? null));
  return { and: parts };
}

function equalities(field: string, value: FieldValue | readonly string[]): Filter[] {
  if (Array.isArray(value)) return value.slice(0, VALUES).map((eq: string) => ({ field, eq }));
  return [{ field, eq: value as FieldValue }];
}

function inGroups(revisions: readonly Revision[]): [ListedKind, string, Revision[]][] {
  const groups = new Map<string, [ListedKind, string, Revision[]]>();
  for (const revision of revisions) {
    const { kind, integration } = revision.key;
    const name = `${kind} ${integration}`;
    const group = groups.get(name) ?? [kind as ListedKind, integration, []];
    group[2].push(revision);
    groups.set(name, group);
  }
  return [...groups.values()];
}
