import type { RecordFact, ThreatFact, Version } from '../controls/control.js';
import { earliestReceived } from '../controls/malicious.js';
import type { HistoryStore, Page, PageItem, Pin, Position } from '../history/store.js';
import type { Filter } from '../model/filter.js';
import { type Instant, shift } from '../model/instant.js';
import type { ListedKind } from '../model/kind.js';
import type { RecordOf } from '../model/records.js';
import type { Revision } from '../model/revision.js';

/** Records in one page of a walk: few, since a threat may have thousands of messages. */
const PAGE_SIZE = 100;

export interface Walk {
  readonly store: HistoryStore;
  readonly pin: Pin;
  readonly integrations: readonly string[];
  /** Source time that the records may belong to, `[from, to)`. */
  readonly from: Instant;
  readonly to: Instant;
}

/** Every record of a kind that may belong to a span, as the pin shows it, page by page. */
export async function* walkRecords(walk: Walk, kind: ListedKind): AsyncGenerator<RecordFact[]> {
  if (kind === 'threat') {
    for await (const items of pages(walk, kind, threatFilter(walk), 'receivedTime')) {
      yield items.map(({ revision }) => threatFact(revision, null));
    }
    for await (const items of pages(walk, kind, { field: 'receivedTime', eq: null }, 'id')) {
      yield await Promise.all(items.map(({ revision }) => undatedFact(walk, revision)));
    }
  } else if (kind === 'case') {
    for await (const items of pages(walk, kind, caseFilter(walk), 'customerVisibleTime')) {
      yield await Promise.all(
        items.map(async ({ revision }) => ({ ...(await versioned(walk, revision)), kind })),
      );
    }
  } else {
    for await (const items of pages(walk, kind, campaignFilter(walk), 'firstReportedTime')) {
      yield await Promise.all(
        items.map(async ({ revision }) => ({ ...(await versioned(walk, revision)), kind })),
      );
    }
  }
}

async function* pages<K extends ListedKind>(
  { store, pin, integrations }: Walk,
  kind: K,
  filter: Filter,
  orderBy: string,
): AsyncGenerator<readonly PageItem<K>[]> {
  for (let after: Position | null = null, more = true; more; ) {
    const page: Page<K> = await store.page({
      ...{ kind, integrations, filter, seq: pin.seq, orderBy, descending: false, after, limit: PAGE_SIZE },
    });
    yield page.items;
    after = page.items.at(-1)?.position ?? null;
    more = page.hasMore && after !== null;
  }
}

function threatFact(revision: Revision<'threat'>, firstRecordedAt: Instant | null): ThreatFact {
  return { kind: 'threat', key: revision.key, record: revision.record, firstRecordedAt };
}

async function undatedFact(walk: Walk, revision: Revision<'threat'>): Promise<ThreatFact> {
  const [first] = earliestReceived(revision.record) === null ? await versionsOf(walk, revision) : [];
  return threatFact(revision, first?.observedFrom ?? revision.observedFrom);
}

async function versioned<K extends 'case' | 'campaign'>(walk: Walk, revision: Revision<K>) {
  const versions = await versionsOf(walk, revision);
  return { key: revision.key, versions: versions as [Version<RecordOf[K]>, ...Version<RecordOf[K]>[]] };
}

/** A record's versions up to the pin, oldest first, tombstones left out; at least the one that is given. */
async function versionsOf<K extends ListedKind>(
  { store, pin }: Walk,
  current: Revision<K>,
): Promise<Version<RecordOf[K]>[]> {
  const newestFirst: Revision<K>[] = [];
  for (let before = pin.seq + 1, more = true; more; ) {
    const found = await store.revisions(current.key, before, PAGE_SIZE);
    newestFirst.push(...found);
    before = found.at(-1)?.seqFrom ?? 0;
    more = found.length === PAGE_SIZE;
  }
  return newestFirst
    .filter(({ deleted }) => !deleted)
    .reverse()
    .map(({ record, observedFrom, seqTo, verifiedAt }) => ({
      ...{ record, observedFrom },
      // a version still open at the pin may be confirmed again after it, and the answer must stay the same
      verifiedAt: seqTo <= pin.seq ? verifiedAt : null,
    }));
}

function between(field: string, { from, to }: Walk): Filter {
  return {
    and: [
      { field, gte: from },
      { field, lte: shift(to, -1) },
    ],
  };
}

const isUnsaid = (field: string): Filter => ({ field, eq: null });

function threatFilter({ from, to }: Walk): Filter {
  return {
    and: [
      { field: 'receivedTime', gte: from },
      { field: 'firstReceivedTime', lte: shift(to, -1) },
    ],
  };
}

/** By the first of these times that is said; what says none belongs to when it was first recorded. */
function byFirstSaid(fields: readonly string[], walk: Walk): Filter {
  const [field, ...rest] = fields;
  if (field === undefined) return { and: [] };
  return { or: [between(field, walk), { and: [isUnsaid(field), byFirstSaid(rest, walk)] }] };
}

function caseFilter(walk: Walk): Filter {
  return byFirstSaid(['customerVisibleTime', 'createdTime', 'firstObservedTime'], walk);
}

function campaignFilter(walk: Walk): Filter {
  return byFirstSaid(['firstReportedTime', 'lastReportedTime'], walk);
}
