import { cursorWriter, fingerprint, readCursor } from '../lists/cursor.js';
import { Page } from '../lists/page.js';
import { toPageRequest } from '../lists/page-args.js';
import { checkIntegrations } from '../request/choose-integrations.js';
import type { Means } from '../request/services.js';
import type { RunListArgs } from './run.args.js';
import { Run, RunConnection } from './run.type.js';

const LIST = 'runs';

/** A page of runs, newest first. Runs go on while they are looked at, so nothing is pinned. */
export async function listRuns(args: RunListArgs, means: Means): Promise<RunConnection> {
  const { limit, cursor } = toPageRequest(args);
  const integrations = await checkIntegrations(means, args.integrations);
  const terms = { integrations: fingerprint(integrations) };
  const before = cursor === null ? null : placeOf(readCursor(cursor, LIST, terms).place);
  const found = await means.store.runs({ integrations, before, limit: limit + 1 });
  const page = found.slice(0, limit);
  const write = cursorWriter({ list: LIST, terms, pin: [] });
  return new RunConnection(
    new Page({
      nodes: page.map((run) => new Run(run)),
      cursorAt: (index) => write([page[index]?.startedAt ?? null, page[index]?.id ?? null]),
      hasNextPage: found.length > limit,
      hasPreviousPage: cursor !== null,
      count: ({ store }) => store.countRuns(integrations),
    }),
  );
}

function placeOf([startedAt, id]: readonly unknown[]) {
  return { startedAt: String(startedAt), id: String(id) };
}
