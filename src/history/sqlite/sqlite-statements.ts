import { KINDS, type Kind } from '../../resources/kind.js';
import { COLUMN_NAMES, COLUMNS, isListed } from './columns.js';
import { referenceTable, referenceValue } from './sqlite-schema.js';

/** What is written of one kind; made once, so that the connection knows each text by sight. */
export interface KindStatements {
  /** The current revisions of the keys whose ids are in a list: (ids, integration, OPEN_SEQ). */
  readonly current: string;
  /** (rev, integration, id, seq, verified_at, digest, origin), then what the columns of `COLUMN_NAMES` hold. */
  readonly insert: string;
  /** A tombstone of the revision that comes last: (rev, seq, verified_at, rev before). */
  readonly bury: string;
  /** (seq_to, rev) */
  readonly close: string;
  /** (verified_at, verified_seq, rev) */
  readonly verify: string;
  /** For each `reference` field: (integration, list of [value, rev]). */
  readonly refer: readonly { readonly field: string; readonly sql: string }[];
}

const STATEMENTS = new Map(KINDS.map((kind) => [kind, statementsOf(kind)]));

export function statements(kind: Kind): KindStatements {
  return STATEMENTS.get(kind) ?? statementsOf(kind);
}

function statementsOf(kind: Kind): KindStatements {
  const listed = isListed(kind) ? COLUMN_NAMES[kind] : [];
  const columns = ['rev', 'integration', 'id', 'seq_from', 'verified_at', 'digest', 'origin', ...listed];
  const references = isListed(kind) ? COLUMNS[kind].filter(({ spec }) => spec.reference) : [];
  return {
    current: `SELECT k.value, t.rev, t.seq_from, t.verified_at, coalesce(t.verified_seq, t.seq_from), t.digest,
        t.deleted
      FROM json_each(?) k
      CROSS JOIN "${kind}" t ON t.integration = ? AND t.id = k.value AND t.seq_to = ?`,
    insert: `INSERT INTO "${kind}" (${columns.join(', ')}) VALUES (${columns.map(() => '?').join(', ')})`,
    bury: `INSERT INTO "${kind}" (rev, integration, id, seq_from, verified_at, digest, origin, deleted, body)
      SELECT ?, integration, id, ?, ?, digest, origin, 1, coalesce(body, rev) FROM "${kind}" WHERE rev = ?`,
    close: `UPDATE "${kind}" SET seq_to = ? WHERE rev = ?`,
    verify: `UPDATE "${kind}" SET verified_at = ?, verified_seq = ? WHERE rev = ?`,
    refer: references.map(({ field }) => ({
      field,
      sql: `INSERT INTO ${referenceTable(kind, field)} (integration, value, rev)
        SELECT ?, ${referenceValue('value ->> 0')} AS value, value ->> 1 FROM json_each(?) ORDER BY 2`,
    })),
  };
}
