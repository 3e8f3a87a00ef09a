import { setImmediate } from 'node:timers/promises';
import type { Origin } from '../../model/revision.js';
import type { Kind } from '../../resources/kind.js';
import { DamagedRecordError, HistoryError } from '../errors.js';
import type { ReceivedRevision } from '../store.js';
import type { Row } from './driver.js';
import type { Connection } from './sqlite-connection.js';
import type { Integrations } from './sqlite-integrations.js';

/** How many texts are read before other work is let in. */
const AT_ONCE = 200;

/** The revisions of one kind with these numbers, in their order, as they stand, with what was received. */
export async function readReceived(
  connection: Connection,
  integrations: Integrations,
  kind: Kind,
  revs: readonly number[],
): Promise<ReceivedRevision[]> {
  const sql = `SELECT t.seq_to, (SELECT at FROM batches WHERE seq = t.seq_to), t.verified_at, t.integration, t.id,
      t.seq_from, f.at, t.digest, f.run_id, t.origin, t.deleted,
      b.received
    FROM json_each(?) r CROSS JOIN "${kind}" t ON t.rev = r.value
    CROSS JOIN batches f ON f.seq = t.seq_from
    LEFT JOIN bodies b ON b.rev = coalesce(t.body, t.rev)
    ORDER BY r.key`;
  const found: ReceivedRevision[] = [];
  for (let i = 0; i < revs.length; i += AT_ONCE) {
    if (i > 0) await setImmediate();
    for (const row of connection.all(sql, [JSON.stringify(revs.slice(i, i + AT_ONCE))]))
      found.push(toRevision(integrations, kind, row));
  }
  if (found.length !== revs.length)
    throw new HistoryError('DAMAGED', `Versions of kind ${kind} are not in the history.`);
  return found;
}

function toRevision(integrations: Integrations, kind: Kind, row: Row): ReceivedRevision {
  const [seqTo, observedTo, verifiedAt, integration, id, seqFrom, ...rest] = row;
  const [observedFrom, digest, runId, origin, deleted, received] = rest;
  const key = { integration: integrations.nameOf(Number(integration)), kind, id: String(id) };
  if (typeof received !== 'string') throw new DamagedRecordError(key, Number(seqFrom));
  return {
    key,
    seqFrom: Number(seqFrom),
    seqTo: Number(seqTo),
    observedFrom: String(observedFrom),
    observedTo: typeof observedTo === 'string' ? observedTo : null,
    verifiedAt: String(verifiedAt),
    digest: String(digest),
    runId: String(runId),
    origin: origin as Origin,
    deleted: deleted === 1,
    received,
  };
}
