import { KINDS, type Kind, type RecordKey } from '../../resources/kind.js';
import { cursorWriter, fingerprint, readCursor } from '../lists/cursor.js';
import { Page } from '../lists/page.js';
import { toPageRequest } from '../lists/page-args.js';
import { checkIntegrations } from '../request/choose-integrations.js';
import type { Means } from '../request/services.js';
import type { QuarantineArgs } from './quarantine.args.js';
import { QuarantinedRecord, QuarantinedRecordConnection } from './quarantine.type.js';

const LIST = 'quarantine';

/**
 * A page of what is set aside now, by integration, kind and id. What is released meanwhile is gone from the next
 * page, so nothing is pinned.
 */
export async function listQuarantine(
  args: QuarantineArgs,
  means: Means,
): Promise<QuarantinedRecordConnection> {
  const { limit, cursor } = toPageRequest(args);
  const integrations = await checkIntegrations(means, args.integrations);
  const kinds = KINDS.filter((kind) => args.kinds?.includes(kind) ?? true);
  const terms = { integrations: fingerprint(integrations), kinds: fingerprint(kinds) };
  const after = cursor === null ? null : keyOf(readCursor(cursor, LIST, terms).place);
  const found = await means.store.quarantine({ integrations, kinds, after, limit: limit + 1 });
  const page = found.slice(0, limit);
  const write = cursorWriter({ list: LIST, terms, pin: [] });
  return new QuarantinedRecordConnection(
    new Page({
      nodes: page.map((entry) => new QuarantinedRecord(entry)),
      cursorAt: (index) => write(placeOf(page[index]?.key)),
      hasNextPage: found.length > limit,
      hasPreviousPage: cursor !== null,
      count: ({ store }) => store.countQuarantine({ integrations, kinds }),
    }),
  );
}

function placeOf(key: RecordKey | undefined): string[] {
  return key ? [key.integration, key.kind, key.id] : [];
}

function keyOf([integration, kind, id]: readonly unknown[]): RecordKey {
  return { integration: String(integration), kind: String(kind) as Kind, id: String(id) };
}
