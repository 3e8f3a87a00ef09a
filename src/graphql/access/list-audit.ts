import { toAuditEntry } from '../../audit-entry.js';
import { badInput } from '../base/errors.js';
import { cursorWriter, readCursor } from '../lists/cursor.js';
import { Page } from '../lists/page.js';
import { type ForwardArgs, toPageRequest } from '../lists/page-args.js';
import type { Means } from '../request/services.js';
import { AuditConnection, AuditEntry } from './audit.type.js';

const LIST = 'auditTrail';

/** A page of the audit trail, newest first. Nothing in it ever changes, so nothing is pinned. */
export async function listAudit(args: ForwardArgs, means: Means): Promise<AuditConnection> {
  const { limit, cursor } = toPageRequest(args);
  const from = cursor === null ? null : placeOf(cursor);
  const found = await means.store.journal({ journal: 'audit', from, descending: true, limit: limit + 1 });
  const page = found.slice(0, limit);
  const write = cursorWriter({ list: LIST, terms: {}, pin: [] });
  return new AuditConnection(
    new Page({
      nodes: page.map((entry) => new AuditEntry(toAuditEntry(entry))),
      cursorAt: (index) => write([page[index]?.index ?? 0]),
      hasNextPage: found.length > limit,
      hasPreviousPage: cursor !== null,
      count: ({ store }) => store.journalLength('audit'),
    }),
  );
}

function placeOf(cursor: string): number {
  const [index] = readCursor(cursor, LIST, {}).place;
  if (typeof index === 'number') return index;
  throw badInput('This cursor is of another list: to begin a new walk, leave the cursor out.');
}
