import type { RevisionRecord } from '../../model/revision.js';
import { DEFAULT_ORDER, DEFINITION_OF, keyText, type ListedKind } from '../../resources/registry.js';
import { toMillis } from '../../values/instant.js';
import { type Statistics, type StatisticsQuery, summarize } from '../statistics.js';
import { type HistoryStore, type PageItem, walkPages } from '../store.js';
import { Block, type BlockRow, encodeBlock, recordValues } from './block.js';
import { statisticsRows } from './statistics.js';

const AT_ONCE = 200;
const ROWS = 4_096;

/** Statistics from the records themselves, for a store that has no blocks of columns. */
export async function walkStatistics(
  store: Pick<HistoryStore, 'page' | 'versions'>,
  query: StatisticsQuery,
): Promise<Statistics> {
  const { kind, unit, integrations, seq, measure } = query;
  const filter = unit === 'RECORD' ? query.filter : null;
  const rows = new RowList(kind);
  const areVersionsNeeded = measure.type === 'DURATION' && measure.to === null;
  const list = { kind, integrations, filter, seq, orderBy: DEFAULT_ORDER[kind], descending: false };
  const read = async (last: PageItem | null) =>
    store.page({ ...list, after: last?.position ?? null, limit: AT_ONCE });
  for await (const items of walkPages(read, (item: PageItem) => item)) {
    const found = items.map(({ revision }) => revision);
    if (!areVersionsNeeded) {
      for (const revision of found) rows.add([revision]);
      continue;
    }
    const keys = found.map(({ key }) => ({ ...key, kind }));
    for await (const versions of store.versions(keys, seq))
      for (const version of versions) rows.addOlder(version);
    rows.add([]);
  }
  const scan = {
    kind,
    accounts: rows.accounts,
    filter: unit === 'RECORD' ? null : query.filter,
    lastRev: rows.last,
  };
  const facts = {
    nameOf: String,
    recordedAt: (rev: number) => rows.times[rev] ?? Number.NaN,
    unsettled: DEFINITION_OF[kind].unsettledField,
  };
  return summarize(statisticsRows(rows.blocks(), scan, query, facts), query);
}

class RowList {
  readonly #rows: BlockRow[] = [];
  readonly #accounts = new Set<string>();
  readonly #versions: RevisionRecord<ListedKind>[] = [];
  /** When each revision was recorded, in ms. */
  readonly times: number[] = [Number.NaN];

  constructor(private readonly kind: ListedKind) {}

  get last(): number {
    return this.#rows.length;
  }

  get accounts(): string[] {
    return [...this.#accounts];
  }

  /** A version, after all newer ones of the same record. */
  addOlder(version: RevisionRecord<ListedKind>): void {
    const [before] = this.#versions;
    if (before && keyText(before.key) !== keyText(version.key)) this.add([]);
    this.#versions.unshift(version);
  }

  /** The versions of one record, of which the last is visible, after those that were added one by one. */
  add(versions: readonly RevisionRecord<ListedKind>[]): void {
    const older = this.#versions.splice(0);
    if (older.length > 0) this.add(older);
    for (const [i, { key, deleted, record, observedFrom }] of versions.entries()) {
      const rev = this.#rows.length + 1;
      this.#accounts.add(key.integration);
      this.times.push(toMillis(observedFrom));
      const values = deleted ? null : recordValues(this.kind, record);
      this.#rows.push({ rev, prior: i === 0 ? 0 : rev - 1, account: key.integration, values });
    }
  }

  blocks(): Block[] {
    const blocks: Block[] = [];
    for (let after = 0; after < this.#rows.length; after += ROWS) {
      const columns = encodeBlock(this.kind, after, this.#rows.slice(after, after + ROWS));
      blocks.push(new Block(after, (name) => columns.get(name) ?? new Uint8Array()));
    }
    return blocks;
  }
}
