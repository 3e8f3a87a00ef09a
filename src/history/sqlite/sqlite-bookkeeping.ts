import { streamText } from '../../model/stream.js';
import { keyText, type RecordKey } from '../../resources/kind.js';
import { type Batch, releasedKeys } from '../store.js';
import type { Connection } from './sqlite-connection.js';

// an update where there is one, so that the newest row's number stays the number of runs
const RUN = `INSERT INTO runs (id, integration, started_at, run) VALUES (?1, ?2, ?3, ?4)
  ON CONFLICT (id) DO UPDATE SET integration = ?2, started_at = ?3, run = ?4`;
const ENTRY = 'INSERT INTO ledger (stream, win_from, win_to, seq, entry) VALUES (?, ?, ?, ?, ?)';
const STREAM = 'INSERT OR REPLACE INTO streams (stream, state) VALUES (?, ?)';
const SET_ASIDE = 'INSERT OR REPLACE INTO quarantine (integration, kind, id, entry) VALUES (?, ?, ?, ?)';
const RELEASE = 'DELETE FROM quarantine WHERE integration = ? AND kind = ? AND id = ? RETURNING 1';

/**
 * Writes what a batch brings besides revisions: its run, the ledger, the streams' states, the quarantine. The keys
 * that it took out of quarantine, where they had been before.
 */
export function writeBooks(connection: Connection, batch: Batch, seq: number): string[] {
  const { run, ledger, streams, quarantine } = batch;
  connection.run(RUN, [run.id, run.integration, run.startedAt, JSON.stringify(run)]);
  for (const entry of ledger) {
    const json = JSON.stringify({ ...entry, seq });
    connection.run(ENTRY, [streamText(entry), entry.from, entry.to, seq, json]);
  }
  for (const state of streams) connection.run(STREAM, [streamText(state), JSON.stringify(state)]);
  const out = new Map(releasedKeys(batch).map((key) => [keyText(key), key]));
  const freed = release(connection, out);
  for (const entry of quarantine) {
    if (out.has(keyText(entry.key))) continue;
    const { integration, kind, id } = entry.key;
    connection.run(SET_ASIDE, [integration, kind, id, JSON.stringify(entry)]);
  }
  return freed;
}

function release(connection: Connection, out: ReadonlyMap<string, RecordKey>): string[] {
  // nearly always there is nothing in quarantine
  if (connection.first('SELECT 1 FROM quarantine LIMIT 1') === undefined) return [];
  return [...out].flatMap(([text, { integration, kind, id }]) =>
    connection.all(RELEASE, [integration, kind, id]).map(() => text),
  );
}
