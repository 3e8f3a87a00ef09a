import type { ListedKind } from '../../resources/registry.js';
import type { Filter } from '../../values/filter.js';
import type { Unit } from '../statistics.js';
import type { Account, Block } from './block.js';
import { type Column, NULL_CODE } from './column.js';
import { countByValues, type FoundRows, foundIn, type Mask, spread } from './masks.js';

/** The records that are counted: those of some accounts, in the view that ends with revision `lastRev`. */
export interface ScanQuery {
  readonly kind: ListedKind;
  readonly accounts: readonly Account[];
  readonly filter: Filter | null;
  /** Instead of a filter that blocks cannot evaluate: the revisions that match it. */
  readonly revs?: readonly number[];
  readonly lastRev: number;
}

/** The revisions that a later revision of the view replaces. */
export class Replaced {
  readonly #bits: Uint8Array;

  constructor(
    blocks: readonly Block[],
    private readonly lastRev: number,
  ) {
    this.#bits = new Uint8Array((lastRev >>> 3) + 1);
    for (const block of blocks) this.#add(block);
  }

  #add(block: Block): void {
    const bits = this.#bits;
    if (!block.hasPriors) return;
    const { revs, priors } = block;
    for (let i = 0; i < priors.length; i += 1) {
      const prior = priors[i] as number;
      if (prior === 0 || (revs[i] as number) > this.lastRev) continue;
      bits[prior >>> 3] = (bits[prior >>> 3] as number) | (1 << (prior & 7));
    }
  }

  #isAnySet(from: number, to: number): boolean {
    for (let i = from; i <= to; i += 1) if (this.#bits[i] !== 0) return true;
    return false;
  }

  /** Whether all rows of a block are visible and of one of the accounts. */
  areAllVisible({ revs, accounts }: Block, wanted: readonly Account[]): boolean {
    const [first = 0, last = 0] = [revs[0], revs.at(-1)];
    if (last > this.lastRev || this.#isAnySet(first >>> 3, last >>> 3)) return false;
    return wantedCodes(accounts, wanted).every(
      (is, code) => is === 1 || (code === NULL_CODE && !accounts.codes.includes(code)),
    );
  }

  /** Which rows of a block are visible and of one of the accounts. */
  visible(block: Block, wanted: readonly Account[]): FoundRows {
    if (this.areAllVisible(block, wanted)) return 'ALL';
    const { revs, accounts } = block;
    const { codes } = accounts;
    const isWanted = wantedCodes(accounts, wanted);
    const mask = new Uint8Array(revs.length);
    const bits = this.#bits;
    for (let i = 0; i < mask.length; i += 1) {
      const rev = revs[i] as number;
      if (rev > this.lastRev) break;
      const isReplaced = ((bits[rev >>> 3] as number) >>> (rev & 7)) & 1;
      mask[i] = (isWanted[codes[i] as number] as number) & (isReplaced ^ 1);
    }
    return mask;
  }
}

/** 1 for each code of an account that is wanted. */
function wantedCodes({ values }: Column, wanted: readonly Account[]): Uint8Array {
  return Uint8Array.from(values, (account) => (wanted.some((each) => each === account) ? 1 : 0));
}

/** What is found in a block: which visible rows, or items of one, match. */
export type Finder = (block: Block) => FoundRows;

export function finderOf(
  replaced: Replaced,
  unit: Unit,
  { kind, accounts, filter, revs }: Omit<ScanQuery, 'lastRev'>,
): Finder {
  const wanted = revs && new Set(revs);
  return (block) => {
    const named = wanted && Uint8Array.from(block.revs, (rev) => (wanted.has(rev) ? 1 : 0));
    const matching = named ?? (filter === null ? 'ALL' : foundIn(kind, block, unit, filter));
    if (matching === 'NONE' || (matching !== 'ALL' && !matching.includes(1))) return 'NONE';
    const rows = replaced.visible(block, accounts);
    const visible = unit === 'ITEM' ? spread(rows, block.itemStarts) : rows;
    if (matching === 'ALL') return visible;
    if (visible !== 'ALL') intersect(matching, visible as Mask);
    return matching;
  };
}

function intersect(mask: Mask, other: Mask): void {
  for (let i = 0; i < mask.length; i += 1) mask[i] = (mask[i] as number) & (other[i] as number);
}

/** Block by block, so that the columns of one are in memory at a time. */
export function countIn(blocks: readonly Block[], query: ScanQuery): number {
  const { kind, accounts, filter, revs, lastRev } = query;
  const replaced = new Replaced(blocks, lastRev);
  const find = finderOf(replaced, 'RECORD', query);
  let count = 0;
  for (const block of blocks) {
    const isWhole = filter !== null && revs === undefined && replaced.areAllVisible(block, accounts);
    count += (isWhole ? countByValues(kind, block, filter) : null) ?? sizeOfFound(block, find(block));
    block.forget();
  }
  return count;
}

function sizeOfFound({ size }: Block, found: FoundRows): number {
  if (typeof found === 'string') return found === 'ALL' ? size : 0;
  let count = 0;
  for (let i = 0; i < found.length; i += 1) count += found[i] as number;
  return count;
}

/** The revisions of the records that match; `null` if there are more than `most`. */
export function findIn(blocks: readonly Block[], query: ScanQuery, most: number): number[] | null {
  const find = finderOf(new Replaced(blocks, query.lastRev), 'RECORD', query);
  const revs: number[] = [];
  for (const block of blocks) {
    const found = find(block);
    if (found !== 'NONE') {
      const mask = found === 'ALL' ? new Uint8Array(block.size).fill(1) : found;
      for (let i = mask.indexOf(1); i >= 0; i = mask.indexOf(1, i + 1)) {
        if (revs.length === most) return null;
        revs.push(block.revs[i] as number);
      }
    }
    block.forget();
  }
  return revs;
}
