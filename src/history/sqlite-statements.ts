import { KINDS, type Kind } from '../model/kind.js';
import { COLUMN_NAMES, COLUMNS, isListed } from './sqlite-columns.js';
import { REVISION_COLUMNS, referenceTable, referenceValue } from './sqlite-schema.js';

/** What is written of one kind; made once, so that the connection knows each text by sight. */
export interface KindStatements {
  /** The current revisions of the keys whose ids are in a list: (ids, integration, OPEN_SEQ). */
  readonly current: string;
  /** One revision, its columns in the order of `REVISION_COLUMNS`, then those of `COLUMN_NAMES`. */
  readonly insert: string;
  /** (seq_to, observed_to, rev) */
  readonly close: string;
  /** (verified_at, verified_seq, rev) */
  readonly verify: string;
  /** For each `reference` field: (integration, rev, list of values). */
  readonly refer: readonly { readonly field: string; readonly sql: string }[];
}

const STATEMENTS = new Map(KINDS.map((kind) => [kind, statementsOf(kind)]));

export function statements(kind: Kind): KindStatements {
  return STATEMENTS.get(kind) ?? statementsOf(kind);
}

function statementsOf(kind: Kind): KindStatements {
  const columns = [...REVISION_COLUMNS, ...(isListed(kind) ? COLUMN_NAMES[kind] : [])];
  const references = isListed(kind) ? COLUMNS[kind].filter(({ spec }) => spec.reference) : [];
  return {
    current: `SELECT k.value, t.rev, t.seq_from, t.verified_at, t.verified_seq, t.digest, t.origin, t.deleted,
        t.body
      FROM json_each(?) k
      CROSS JOIN "${kind}" t ON t.integration = ? AND t.id = k.value AND t.seq_to = ?`,
    insert: `INSERT INTO "${kind}" (${columns.join(', ')}) VALUES (${columns.map(() => '?').join(', ')})`,
    close: `UPDATE "${kind}" SET seq_to = ?, observed_to = ? WHERE rev = ?`,
    verify: `UPDATE "${kind}" SET verified_at = ?, verified_seq = ? WHERE rev = ?`,
    refer: references.map(({ field }) => ({
      field,
      sql: `INSERT INTO ${referenceTable(kind, field)} (integration, value, rev)
        SELECT ?, ${referenceValue('value')}, ? FROM json_each(?)`,
    })),
  };
}
