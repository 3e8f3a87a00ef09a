import { createHash, randomUUID } from 'node:crypto';
import { deflateRawSync, inflateRawSync } from 'node:zlib';
import { DatabaseSync, type DatabaseSyncInstance } from '@photostructure/sqlite';
import { sealIn } from '../../src/evidence/seal/seal.js';
import { unpackRun } from '../../src/history/sqlite/schema.js';
import { referencesIn, unpackReceived, unpackText } from '../../src/history/stored-texts.js';
import type { RunRecord } from '../../src/model/run.js';
import { KINDS } from '../../src/resources/registry.js';

/** What was done, and what a verification has to name: any of these, in a finding's text or place. */
export interface Deed {
  readonly deed: string;
  readonly named: readonly string[];
}

/** A value in a column; integers that a JavaScript number cannot hold are bigints. */
export type Cell = string | number | bigint | Uint8Array | null;
type Row = Record<string, Cell>;

/** A SQLite history that is edited behind the gateway's back. `pick(n)` gives a number below `n`. */
export class Forger {
  readonly #db: DatabaseSyncInstance;

  constructor(
    path: string,
    readonly pick: (n: number) => number,
  ) {
    this.#db = new DatabaseSync(path);
  }

  close(): void {
    this.#db.close();
  }

  all(sql: string, ...params: Cell[]): Row[] {
    const statement = this.#db.prepare(sql);
    statement.setReadBigInts(true);
    const rows = statement.all(...params) as Row[];
    return rows.map((row) =>
      Object.fromEntries(Object.entries(row).map(([name, cell]) => [name, plain(cell)])),
    );
  }

  run(sql: string, ...params: Cell[]): void {
    this.#db.prepare(sql).run(...params);
  }

  one<T>(list: readonly T[]): T {
    const found = list[this.pick(list.length)];
    if (found === undefined) throw new Error('nothing to pick from');
    return found;
  }

  /** The last batch that is sealed. */
  sealedTo(): number {
    return Number(this.bodies().at(-1)?.toSeq ?? 0);
  }

  bodies(): { toSeq: number; runs: { id: string }[]; audit: { index: number } | null }[] {
    return this.seals().map(({ text }) => JSON.parse(text));
  }

  /** The last entry of the audit trail that a seal knows of. */
  auditedTo(): number {
    return this.bodies().at(-1)?.audit?.index ?? 0;
  }

  seals(): { n: number; text: string; hash: string; signature: string | null; leaves: string }[] {
    const rows = this.all("SELECT n, body FROM journals WHERE journal = 'seals' ORDER BY n");
    return rows.map(({ n, body }) => {
      const seal = sealIn(JSON.parse(unpackText(body) ?? ''));
      if (!seal) throw new Error(`entry ${n} is no seal`);
      return { n: Number(n), ...seal };
    });
  }

  putSeal({ n, ...body }: ReturnType<Forger['seals']>[number]): void {
    this.run("UPDATE journals SET body = ? WHERE journal = 'seals' AND n = ?", JSON.stringify(body), n);
  }

  /** Sealed revisions of every kind. */
  revisions(): { kind: string; rev: number; id: string; seq: number; row: Row }[] {
    return KINDS.flatMap((kind) =>
      this.all(`SELECT * FROM "${kind}" WHERE seq_from <= ? ORDER BY rev`, this.sealedTo()).map((row) => ({
        ...{ kind, row },
        ...{ rev: Number(row.rev), id: String(row.id), seq: Number(row.seq_from) },
      })),
    );
  }
}

function plain(cell: Cell): Cell {
  return typeof cell === 'bigint' && Number.isSafeInteger(Number(cell)) ? Number(cell) : cell;
}

type Tamper = (forger: Forger) => Deed | null;

const changedText = (text: string, at: number) => {
  const place = text.length === 0 ? 0 : at % text.length;
  const code = text.charCodeAt(place);
  // another letter or digit, so that what was JSON often still is
  const other = code === 0x37 ? '8' : '7';
  return text.slice(0, place) + other + text.slice(place + 1);
};

const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');

/** What is done to one revision; `null` from `edit`: it cannot be done to this one. */
function toRevision(
  deed: string,
  edit: (f: Forger, r: ReturnType<Forger['revisions']>[number]) => boolean,
): Tamper {
  return (forger) => {
    const revisions = forger.revisions();
    if (revisions.length === 0) return null;
    const revision = forger.one(revisions);
    return edit(forger, revision)
      ? { deed: `${deed}: ${revision.kind} ${revision.id}`, named: [`/${revision.id}`] }
      : null;
  };
}

const bodyOf = (forger: Forger, { row, rev }: { row: Row; rev: number }) => {
  const n = row.body ?? rev;
  const [body] = forger.all('SELECT record FROM bodies WHERE rev = ?', n);
  const cells = receivedCells(forger, n);
  for (const group of referencesIn(cells))
    for (const [name, cell] of receivedCells(forger, group)) cells.set(name, cell);
  return {
    n: Number(n),
    record: unpackText(body?.record) ?? '',
    received: unpackReceived([String(n)], cells).get(String(n)) ?? '',
  };
};

// as bytes, since the driver ends a text at a NUL character
const receivedCells = (forger: Forger, n: Cell) => {
  const rows = forger.all(
    "SELECT rev, typeof(received) = 'blob' AS packed, CAST(received AS BLOB) AS received FROM bodies WHERE rev = ?",
    n,
  );
  return new Map(
    rows.map(({ rev, packed, received }) => {
      const bytes = Buffer.from(received as Uint8Array);
      return [String(rev), packed ? bytes : bytes.toString()] as const;
    }),
  );
};

const SEALED_COLUMNS: readonly (readonly [string, (value: Row[string]) => string | number])[] = [
  ['digest', (value) => changedText(String(value), 3)],
  ['deleted', (value) => (value === 1 ? 0 : 1)],
  ['origin', (value) => (value === 'ABNORMAL' ? 'SIMULATED' : 'ABNORMAL')],
  ['id', (value) => `${value}x`],
  ['seq_from', (value) => Number(value) + 1],
  ['seq_from', (value) => Math.max(0, Number(value) - 1)],
];

export const HISTORY_TAMPERS: Readonly<Record<string, Tamper>> = {
  received: toRevision('a byte of what was received', (forger, revision) => {
    const { n, received } = bodyOf(forger, revision);
    const other = changedText(received, forger.pick(10_000));
    forger.run('UPDATE bodies SET received = ? WHERE rev = ?', other, n);
    return true;
  }),
  record: toRevision('a decoded record', (forger, revision) => {
    const { n, record } = bodyOf(forger, revision);
    const fields = Object.entries(JSON.parse(record));
    const [name] = forger.one(fields);
    const other = JSON.stringify({ ...Object.fromEntries(fields), [name]: 'forged' });
    forger.run('UPDATE bodies SET record = ? WHERE rev = ?', other, n);
    return true;
  }),
  recordByte: toRevision('a byte of a decoded record', (forger, revision) => {
    const { n, record } = bodyOf(forger, revision);
    const other = changedText(record, forger.pick(10_000));
    // white space apart: 1 and 1.0 would be the same value
    if (isSame(other, record)) return false;
    forger.run('UPDATE bodies SET record = ? WHERE rev = ?', other, n);
    return true;
  }),
  packed: (forger) => {
    const cells = ['record', 'received'].map(
      (column) =>
        `SELECT rev, '${column}' AS name, ${column} AS cell FROM bodies WHERE typeof(${column}) = 'blob'`,
    );
    const rows = forger.all(cells.join(' UNION ALL '));
    if (rows.length === 0) return null;
    const textsNow = () => forger.revisions().map((revision) => JSON.stringify(bodyOf(forger, revision)));
    const before = textsNow();
    const { rev = null, name, cell } = forger.one(rows);
    const bytes = Buffer.from(cell as Uint8Array);
    const place = forger.pick(bytes.length);
    bytes[place] = (bytes[place] ?? 0) ^ (1 << forger.pick(8));
    forger.run(`UPDATE bodies SET ${name} = ? WHERE rev = ?`, bytes, rev);
    const after = textsNow();
    // the texts of a batch are compressed together, and some bits mean nothing
    const ids = forger.revisions().flatMap(({ id }, i) => (before[i] === after[i] ? [] : `/${id}`));
    return ids.length === 0 ? null : { deed: `a bit of the compressed ${name} of ${rev}`, named: ids };
  },
  referred: toRevision('the group of its received text', (forger, revision) => {
    const { n } = bodyOf(forger, revision);
    const [cell] = receivedCells(forger, n).values();
    if (typeof cell !== 'string' || !cell.startsWith('@')) return false;
    forger.run('UPDATE bodies SET received = ? WHERE rev = ?', `@${n}`, n);
    return true;
  }),
  digest: toRevision('received and digest together', (forger, revision) => {
    const { n, received } = bodyOf(forger, revision);
    const other = changedText(received, forger.pick(10_000));
    forger.run('UPDATE bodies SET received = ? WHERE rev = ?', other, n);
    forger.run(`UPDATE "${revision.kind}" SET digest = ? WHERE rev = ?`, sha256(other), revision.rev);
    return true;
  }),
  column: toRevision('a column', (forger, { kind, rev, row }) => {
    const [column, change] = forger.one(SEALED_COLUMNS);
    const value = change(row[column] ?? null);
    if (value === row[column]) return false;
    forger.run(`UPDATE "${kind}" SET "${column}" = ? WHERE rev = ?`, value, rev);
    return true;
  }),
  removed: toRevision('a row removed', (forger, { kind, rev }) => {
    forger.run(`DELETE FROM "${kind}" WHERE rev = ?`, rev);
    return true;
  }),
  erased: toRevision('a version removed as if it had never been', (forger, { kind, rev, seq, row }) => {
    const seqTo = row.seq_to ?? null;
    forger.run(`DELETE FROM "${kind}" WHERE rev = ?`, rev);
    forger.run('DELETE FROM bodies WHERE rev = ?', rev);
    const key = [row.integration ?? null, row.id ?? null, seq];
    forger.run(
      `UPDATE "${kind}" SET seq_to = ? WHERE integration = ? AND id = ? AND seq_to = ?`,
      seqTo,
      ...key,
    );
    return true;
  }),
  bodyRemoved: toRevision('its texts removed', (forger, revision) => {
    const { n } = bodyOf(forger, revision);
    forger.run('DELETE FROM bodies WHERE rev = ?', n);
    return true;
  }),
  ended: toRevision('its end moved', (forger, { kind, rev, row, seq }) => {
    const open = Number.MAX_SAFE_INTEGER;
    const other = row.seq_to === open ? seq + forger.pick(2) : forger.one([open, Number(row.seq_to) + 1]);
    forger.run(`UPDATE "${kind}" SET seq_to = ? WHERE rev = ?`, other, rev);
    return true;
  }),
  copied: toRevision('a version made up', (forger, { kind, rev, row }) => {
    const columns = Object.keys(row).filter((name) => !['rev', 'id'].includes(name));
    const list = columns.map((name) => `"${name}"`).join(', ');
    const last = Math.max(...forger.revisions().map((each) => each.rev)) + 1;
    try {
      const values = columns
        .map((name) => (name === 'body' ? 'coalesce(body, rev)' : `"${name}"`))
        .join(', ');
      forger.run(
        `INSERT INTO "${kind}" (rev, id, ${list}) SELECT ?, id || '-forged', ${values} FROM "${kind}" WHERE rev = ?`,
        ...[last, rev],
      );
    } catch {
      return false;
    }
    // numbered within its batch, or it would stand in none
    forger.run('UPDATE batches SET last_rev = last_rev + 1 WHERE last_rev >= ?', last - 1);
    return true;
  }),
  swapped: (forger) => {
    const groups = KINDS.map((kind) => forger.revisions().filter((each) => each.kind === kind));
    const several = groups.filter((group) => group.length > 1);
    if (several.length === 0) return null;
    const group = forger.one(several);
    const [a, b] = [forger.one(group), forger.one(group)];
    if (a.rev === b.rev) return null;
    const { kind } = a;
    for (const [from, to] of [
      [a.rev, -1],
      [b.rev, a.rev],
      [-1, b.rev],
    ] as const) {
      forger.run(
        `UPDATE "${kind}" SET rev = ?, body = coalesce(body, ?) WHERE rev = ?`,
        to,
        from === -1 ? a.rev : from,
        from,
      );
    }
    return { deed: `order swapped: ${kind} ${a.id} and ${b.id}`, named: [`/${a.id}`, `/${b.id}`] };
  },
  listed: (forger) => {
    const live = forger.revisions().filter(({ kind, row }) => COLUMN_OF[kind] && row.deleted === 0);
    if (live.length === 0) return null;
    const { kind, rev, id, row } = forger.one(live);
    const column = forger.one(COLUMN_OF[kind] ?? []);
    const other = row[column] === '2001-01-01T00:00:00.000Z' ? 'x' : '2001-01-01T00:00:00.000Z';
    forger.run(`UPDATE "${kind}" SET "${column}" = ? WHERE rev = ?`, other, rev);
    return { deed: `what lists go by: ${kind} ${id} ${column}`, named: [`/${id}`] };
  },
  batchMoved: (forger) => {
    const seqs = new Set(forger.revisions().map(({ seq }) => seq));
    if (seqs.size === 0) return null;
    const seq = forger.one([...seqs]);
    const [batch] = forger.all('SELECT at FROM batches WHERE seq = ?', seq);
    const at = new Date(Date.parse(String(batch?.at)) - 86_400_000 * 400 - forger.pick(1000)).toISOString();
    forger.run('UPDATE batches SET at = ? WHERE seq = ?', at, seq);
    return { deed: `the instant of batch ${seq}`, named: [`batch ${seq} `, `atch ${seq}`] };
  },
  batchRemoved: (forger) => {
    const seqs = new Set(forger.revisions().map(({ seq }) => seq));
    if (seqs.size === 0) return null;
    const seq = forger.one([...seqs]);
    forger.run('DELETE FROM batches WHERE seq = ?', seq);
    return { deed: `batch ${seq} removed`, named: [`batch ${seq} `] };
  },
  counted: (forger) => {
    const rows = forger.all(
      'SELECT * FROM (SELECT kind, max(seq) AS seq, integration FROM tallies GROUP BY kind, integration)',
    );
    if (rows.length === 0) return null;
    const { kind = null, seq = null, integration = null } = forger.one(rows);
    const params = [kind, seq, integration];
    if (!['threat', 'case', 'campaign'].includes(String(kind))) return null;
    forger.run(
      'UPDATE tallies SET live = live + 1 WHERE kind = ? AND seq = ? AND integration = ?',
      ...params,
    );
    return { deed: `the count of ${kind}`, named: [`kind ${kind}`] };
  },
  columns: (forger) => {
    const blocks = forger.all("SELECT n, kind, data FROM column_blocks WHERE kind <> ''");
    if (blocks.length === 0) return null;
    const { n = null, kind, data } = forger.one(blocks);
    const bytes = Uint8Array.from(data as unknown as Uint8Array);
    const at = forger.pick(bytes.length);
    bytes[at] = (bytes[at] ?? 0) ^ (1 << forger.pick(8));
    forger.run('UPDATE column_blocks SET data = ? WHERE n = ?', bytes as unknown as string, n);
    return { deed: `a bit of the columns of ${kind}`, named: [`columns of ${kind}`] };
  },
  reading: (forger) => {
    const rows = forger.all('SELECT n, seq, stream, entry FROM ledger WHERE seq <= ?', forger.sealedTo());
    if (rows.length === 0) return null;
    const { n = null, seq, stream, entry } = forger.one(rows);
    const edit = forger.pick(5);
    const parsed = JSON.parse(String(entry));
    if (edit === 0) forger.run('DELETE FROM ledger WHERE n = ?', n);
    else if (edit === 1) {
      const status = parsed.status === 'COMPLETE' ? 'FAILED' : 'COMPLETE';
      forger.run('UPDATE ledger SET entry = ? WHERE n = ?', JSON.stringify({ ...parsed, status }), n);
    } else if (edit === 2) {
      forger.run(
        'UPDATE ledger SET entry = ? WHERE n = ?',
        JSON.stringify({ ...parsed, held: parsed.held + 1 }),
        n,
      );
    } else if (edit === 3) forger.run('UPDATE ledger SET entry = substr(entry, 2) WHERE n = ?', n);
    else {
      forger.run(
        'INSERT INTO ledger (stream, win_from, win_to, seq, entry) SELECT stream, win_from, win_to, seq, entry FROM ledger WHERE n = ?',
        n,
      );
    }
    return { deed: `a reading (${edit}): ${stream} by batch ${seq}`, named: [String(stream)] };
  },
  run: (forger) => {
    const ids = forger.bodies().flatMap(({ runs }) => runs.map(({ id }) => id));
    if (ids.length === 0) return null;
    const id = forger.one(ids);
    const [row] = forger.all('SELECT run FROM runs WHERE id = ?', id);
    const run = unpackRun(row?.run) as RunRecord;
    const edit = forger.pick(3);
    if (edit === 0) forger.run('DELETE FROM runs WHERE id = ?', id);
    else if (edit === 1) {
      const forged = { ...run, counts: { ...run.counts, quarantined: 99 } };
      forger.run('UPDATE runs SET run = ? WHERE id = ?', JSON.stringify(forged), id);
    } else {
      const other = `forged-${randomUUID()}`;
      const startedAt = new Date(Date.parse(run.startedAt) - 10 * 86_400_000).toISOString();
      const forged = { ...run, id: other, startedAt };
      forger.run(
        'INSERT INTO runs (id, integration, started_at, run) VALUES (?, ?, ?, ?)',
        ...[other, run.integration, startedAt, JSON.stringify(forged)],
      );
      return { deed: `a run made up: ${other}`, named: [other] };
    }
    return { deed: `a run (${edit}): ${id}`, named: [id] };
  },
  audit: (forger) => {
    const rows = forger.all(
      "SELECT n, body FROM journals WHERE journal = 'audit' AND n <= ?",
      forger.auditedTo(),
    );
    if (rows.length === 0) return null;
    const { n = null, body } = forger.one(rows);
    const edit = forger.pick(2);
    if (edit === 0) forger.run("DELETE FROM journals WHERE journal = 'audit' AND n = ?", n);
    else {
      const forged = JSON.stringify({ ...JSON.parse(unpackText(body) ?? ''), action: 'FORGED' });
      forger.run("UPDATE journals SET body = ? WHERE journal = 'audit' AND n = ?", forged, n);
    }
    return { deed: `entry ${n} of the audit trail (${edit})`, named: [`Entry ${n} of the audit`] };
  },
  sealText: (forger) => {
    const seal = forger.one(forger.seals());
    const text = changedText(seal.text, forger.pick(100_000));
    const hash = forger.pick(2) === 0 ? seal.hash : sha256(text);
    forger.putSeal({ ...seal, text, hash });
    return { deed: `seal ${seal.n} altered`, named: [`eal ${seal.n}`] };
  },
  sealSignature: (forger) => {
    const signed = forger.seals().filter(({ signature }) => signature !== null);
    if (signed.length === 0) return null;
    const seal = forger.one(signed);
    const bytes = Buffer.from(String(seal.signature), 'base64');
    const at = forger.pick(bytes.length);
    bytes[at] = (bytes[at] ?? 0) ^ (1 << forger.pick(8));
    const signature = forger.pick(4) === 0 ? null : bytes.toString('base64');
    forger.putSeal({ ...seal, signature });
    return { deed: `signature of seal ${seal.n}`, named: [`eal ${seal.n}`] };
  },
  sealSwapped: (forger) => {
    const signed = forger.seals().filter(({ signature }) => signature !== null);
    if (signed.length < 2) return null;
    const [a, b] = [forger.one(signed), forger.one(signed)];
    if (a.n === b.n) return null;
    if (forger.pick(2) === 0) {
      forger.putSeal({ ...a, signature: b.signature });
      forger.putSeal({ ...b, signature: a.signature });
    } else {
      forger.putSeal({ ...a, n: b.n });
      forger.putSeal({ ...b, n: a.n });
    }
    return { deed: `seals ${a.n} and ${b.n} swapped`, named: [`eal ${a.n}`, `eal ${b.n}`] };
  },
  sealList: (forger) => {
    const listed = forger
      .seals()
      .filter(({ leaves }) => inflateRawSync(Buffer.from(leaves, 'base64')).length > 0);
    if (listed.length === 0) return null;
    const seal = forger.one(listed);
    const text = inflateRawSync(Buffer.from(seal.leaves, 'base64')).toString();
    const other = changedText(text, forger.pick(100_000));
    forger.putSeal({ ...seal, leaves: deflateRawSync(other).toString('base64') });
    return { deed: `list of seal ${seal.n}`, named: [`eal ${seal.n}`] };
  },
  sealRemoved: (forger) => {
    const seals = forger.seals();
    if (seals.length < 2) return null;
    const { n } = forger.one(seals.slice(0, -1));
    forger.run("DELETE FROM journals WHERE journal = 'seals' AND n = ?", n);
    if (forger.pick(2) === 0) {
      forger.run("UPDATE journals SET n = -(n - 1) WHERE journal = 'seals' AND n > ?", n);
      forger.run("UPDATE journals SET n = -n WHERE journal = 'seals' AND n < 0");
    }
    return { deed: `seal ${n} removed`, named: [`eal ${n}`, `eal ${n + 1}`] };
  },
  tail: (forger) => {
    const seals = forger.seals();
    const left = forger.pick(seals.length);
    const cut = left === 0 ? 0 : Number(forger.bodies()[left - 1]?.toSeq);
    const last = seals.at(-1)?.n;
    forger.run("DELETE FROM journals WHERE journal = 'seals' AND n > ?", left);
    if (forger.pick(2) === 0) cutHistory(forger, cut);
    return { deed: `all after seal ${left} cut off`, named: [`${last} (`, 'hold'] };
  },
  cut: (forger) => {
    const cut = forger.pick(forger.sealedTo());
    cutHistory(forger, cut);
    return { deed: `all after batch ${cut} cut off`, named: ['eal '] };
  },
};

/** A clean cut, as a backup from before would have it. */
function cutHistory(forger: Forger, seq: number): void {
  for (const kind of KINDS) {
    forger.run(`DELETE FROM "${kind}" WHERE seq_from > ?`, seq);
    forger.run(`UPDATE "${kind}" SET seq_to = ? WHERE seq_to > ?`, Number.MAX_SAFE_INTEGER, seq);
  }
  forger.run('DELETE FROM ledger WHERE seq > ?', seq);
  forger.run('DELETE FROM tallies WHERE seq > ?', seq);
  forger.run('DELETE FROM tops WHERE seq > ?', seq);
  forger.run('DELETE FROM batches WHERE seq > ?', seq);
  forger.run("DELETE FROM column_blocks WHERE kind <> ''");
}

const COLUMN_OF: Readonly<Record<string, readonly string[]>> = {
  threat: ['receivedTime', 'firstReceivedTime', 'latestRemediationTime', 'remediationState'],
  case: ['lastModifiedTime', 'createdTime', 'customerVisibleTime', 'status'],
  campaign: ['lastReportedTime', 'firstReportedTime', 'judgement'],
};

function isSame(a: string, b: string): boolean {
  try {
    return JSON.stringify(JSON.parse(a)) === JSON.stringify(JSON.parse(b));
  } catch {
    return false;
  }
}
