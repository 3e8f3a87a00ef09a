import { streamText } from '../model/stream.js';
import type { Connection } from './sqlite-connection.js';
import { type Batch, releasedKeys } from './store.js';

// an update where there is one, so that the newest row's number stays the number of runs
const RUN = `INSERT INTO runs (id, integration, started_at, run) VALUES (?1, ?2, ?3, ?4)
  ON CONFLICT (id) DO UPDATE SET integration = ?2, started_at = ?3, run = ?4`;
const ENTRY = 'INSERT INTO ledger (stream, win_from, win_to, seq, entry) VALUES (?, ?, ?, ?, ?)';
const STREAM = 'INSERT OR REPLACE INTO streams (stream, state) VALUES (?, ?)';
const SET_ASIDE = 'INSERT OR REPLACE INTO quarantine (integration, kind, id, entry) VALUES (?, ?, ?, ?)';
const RELEASE = 'DELETE FROM quarantine WHERE integration = ? AND kind = ? AND id = ?';

/** Writes what a batch brings besides revisions: its run, the ledger, the streams' states, the quarantine. */
export function writeBooks(connection: Connection, batch: Batch, seq: number): void {
  const { run, ledger, streams, quarantine } = batch;
  connection.run(RUN, [run.id, run.integration, run.startedAt, JSON.stringify(run)]);
  for (const entry of ledger) {
    const json = JSON.stringify({ ...entry, seq });
    connection.run(ENTRY, [streamText(entry), entry.from, entry.to, seq, json]);
  }
  for (const state of streams) connection.run(STREAM, [streamText(state), JSON.stringify(state)]);
  for (const entry of quarantine) {
    const { integration, kind, id } = entry.key;
    connection.run(SET_ASIDE, [integration, kind, id, JSON.stringify(entry)]);
  }
  release(connection, batch);
}

function release(connection: Connection, batch: Batch): void {
  // nearly always there is nothing in quarantine
  if (connection.first('SELECT 1 FROM quarantine LIMIT 1') === undefined) return;
  for (const { integration, kind, id } of releasedKeys(batch))
    connection.run(RELEASE, [integration, kind, id]);
}
