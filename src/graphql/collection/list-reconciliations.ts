import type { Run } from '../../model/run.js';
import { cursorWriter, fingerprint, readCursor } from '../lists/cursor.js';
import { Page } from '../lists/page.js';
import { toPageRequest } from '../lists/page-args.js';
import { checkIntegrations } from '../request/choose-integrations.js';
import type { Means } from '../request/services.js';
import { Reconciliation, ReconciliationConnection, type ReconcilingRun } from './reconciliation.type.js';
import type { RunListArgs } from './run.args.js';

const LIST = 'reconciliations';
const TRIGGER = 'RECONCILE';

/** A page of reconciliations, newest first. They are recorded whole and never changed, so nothing is pinned. */
export async function listReconciliations(
  args: RunListArgs,
  means: Means,
): Promise<ReconciliationConnection> {
  const { limit, cursor } = toPageRequest(args);
  const integrations = await checkIntegrations(means, args.integrations);
  const terms = { integrations: fingerprint(integrations) };
  const before = cursor === null ? null : placeOf(readCursor(cursor, LIST, terms).place);
  const found = await means.store.runs({ integrations, before, limit: limit + 1, trigger: TRIGGER });
  const page = found.slice(0, limit).filter(hasFound);
  const write = cursorWriter({ list: LIST, terms, pin: [] });
  return new ReconciliationConnection(
    new Page({
      nodes: page.map((run) => new Reconciliation(run)),
      cursorAt: (index) => write([page[index]?.startedAt ?? null, page[index]?.id ?? null]),
      hasNextPage: found.length > limit,
      hasPreviousPage: cursor !== null,
      count: ({ store }) => store.countRuns(integrations, TRIGGER),
    }),
  );
}

function hasFound(run: Run): run is ReconcilingRun {
  return run.reconciliation !== undefined;
}

function placeOf([startedAt, id]: readonly unknown[]) {
  return { startedAt: String(startedAt), id: String(id) };
}
