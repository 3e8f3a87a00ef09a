import { parsedJson, sha256 } from '../../values/canonical-json.js';
import type { Instant } from '../../values/instant.js';
import { treeOf } from '../seal/make-seals.js';
import { bodyOf, type LeafList, type Seal, type SealBody, unpackLeaves } from '../seal/seal.js';
import { isSignedBy, type PublicJwk, signingKeyId } from '../seal/signing-key.js';
import type { Findings } from './findings.js';

export interface ChainOptions {
  /** Keys from elsewhere. `null`: a seal is checked against the key that it names itself. */
  readonly publicKeys: readonly PublicJwk[] | null;
  readonly mustBeSigned: boolean;
  /** Seals that are held elsewhere and must be in the chain, by their hashes. */
  readonly held: readonly HeldSeal[];
}

interface HeldSeal {
  readonly hash: string;
  readonly index: number | null;
}

export interface CheckedSeal {
  readonly index: number;
  readonly body: SealBody;
  /** `null` if the list is not the seal's. */
  readonly list: LeafList | null;
}

/** Checks seals one after another, each against the one before. */
export class ChainCheck {
  #lastIndex: number;
  #last: { readonly index: number; readonly hash: string; readonly body: SealBody | null } | null = null;
  #lastSigned = 0;
  readonly #met = new Set<string>();
  readonly #keys = new Map<string, number>();

  /** `first`: the index of the first seal that must be there. */
  constructor(
    private readonly findings: Findings,
    private readonly options: ChainOptions,
    private readonly first = 1,
  ) {
    this.#lastIndex = first - 1;
  }

  get last(): SealBody | null {
    return this.#last?.body ?? null;
  }

  get signers(): ReadonlySet<string> {
    return new Set(this.#keys.keys());
  }

  get lastIndex(): number {
    return this.#lastIndex;
  }

  get count(): number {
    return this.#lastIndex - this.first + 1;
  }

  /** The seal with its index and its body; `null` if its body cannot be read. */
  async take(index: number, at: Instant | null, seal: Seal | null): Promise<CheckedSeal | null> {
    this.#missing(index);
    const body = seal && bodyOf(seal);
    const isWhole = seal !== null && body !== null && sha256(seal.text) === seal.hash;
    if (!isWhole)
      this.#add('SEAL_ALTERED', index, `Seal ${index} is not as it was made: its hash is another.`);
    else this.#met.add(seal.hash);
    if (seal && body) {
      this.#place(index, at, body);
      this.#signature(index, seal, body);
    }
    this.#lastIndex = index;
    this.#last = { index, hash: seal ? sha256(seal.text) : '', body };
    if (!seal || !body) return null;
    return { index, body, list: await this.#list(index, seal, body) };
  }

  #missing(index: number): void {
    for (let lost = this.#lastIndex + 1; lost < Math.min(index, this.#lastIndex + 100); lost++) {
      this.#add('SEAL_MISSING', lost, `Seal ${lost} is missing.`);
    }
  }

  #place(index: number, at: Instant | null, body: SealBody): void {
    if (body.index !== index) {
      this.#add('SEAL_ALTERED', index, `Seal ${body.index} is in the place of seal ${index}.`);
    }
    if (at !== null && body.at !== at) {
      this.#add('SEAL_ALTERED', index, `Seal ${index} was made at ${body.at}, but its entry has ${at}.`);
    }
    const last = this.#last;
    if (last === null) {
      if (this.first === 1 && (body.previous !== null || body.fromSeq !== 0)) {
        this.#add('SEAL_MISSING', index, `Seal ${index} is not the first, and those before it are missing.`);
      }
    } else if (last.index === index - 1 && body.previous !== last.hash) {
      const what = `Seal ${index} was made after another seal ${last.index} than the one that is here`;
      this.#add('SEAL_ALTERED', last.index, `${what}: one of the two was replaced.`);
    } else if (last.index === index - 1 && last.body && body.fromSeq !== last.body.toSeq) {
      this.#add('SEAL_ALTERED', index, `Seal ${index} does not begin where seal ${last.index} ends.`);
    }
  }

  #signature(index: number, { text, signature }: Seal, { key }: SealBody): void {
    if (key === null) {
      if (signature !== null) {
        this.#add('SEAL_SIGNATURE', index, `Seal ${index} has a signature, but declares none.`);
      }
      return;
    }
    const given = this.options.publicKeys;
    const known = given === null ? key : given.find(({ x }) => x === key.x);
    if (known === undefined || signingKeyId(key) !== key.kid) {
      const message = `Seal ${index} names the key ${key.kid}, which is not among those given.`;
      this.#add('SEAL_UNKNOWN_KEY', index, message);
    } else if (signature === null) {
      this.#add('SEAL_SIGNATURE', index, `Seal ${index} was signed, and its signature is gone.`);
    } else if (!isSignedBy(known, text, signature)) {
      this.#add('SEAL_SIGNATURE', index, `The signature of seal ${index} is not that of its key over it.`);
    } else {
      this.#lastSigned = index;
      this.#keys.set(key.kid, (this.#keys.get(key.kid) ?? 0) + 1);
    }
  }

  async #list(index: number, seal: Seal, body: SealBody): Promise<LeafList | null> {
    const list = await unpackLeaves(seal.leaves);
    if (list === null || sha256(list.text) !== body.list) {
      this.#add(
        'LIST_ALTERED',
        index,
        `The list of leaves stored with seal ${index} is not the original one.`,
      );
      return null;
    }
    const isRoot = (await treeOf(list.revisions)).root === body.revisions.root;
    const isOfBatches = !body.batches || (await treeOf(list.batches)).root === body.batches.root;
    const isOfLedger = (await treeOf(list.ledger)).root === body.ledger.root;
    if (isRoot && isOfBatches && isOfLedger) return list;
    this.#add('ROOT_DIFFERS', index, `The list of leaves of seal ${index} does not come to its roots.`);
    return list;
  }

  finish(): void {
    const { held, mustBeSigned, publicKeys } = this.options;
    for (const { hash, index } of held) if (!this.#met.has(hash)) this.#lacks(hash, index);
    const unsigned = this.#lastIndex - this.#lastSigned;
    if (this.#last === null) return;
    const whose = [...this.#keys].map(([kid, count]) => `${kid} (${count})`).join(', ');
    if (whose !== '' && publicKeys === null) {
      this.findings.notice(
        `Signed by the key ${whose}, which the seals name themselves: compare it with the one that was published, or give --public-key.`,
      );
    }
    if (unsigned === 0) return;
    const since =
      this.#lastSigned === 0
        ? 'No seal is signed'
        : `The seals after seal ${this.#lastSigned} are not signed`;
    const message = `${since}: unsigned seals are chained and can be checked against a later hash, but nothing proves who made them.`;
    if (mustBeSigned) this.#add('SEAL_NOT_SIGNED', this.#lastIndex, message);
    else this.findings.notice(message);
  }

  #lacks(hash: string, index: number | null): void {
    const name = index === null ? hash : `${index} (${hash})`;
    const isCut = index !== null && index > this.#lastIndex;
    const message = isCut
      ? `The seal ${name} that you hold is not here: the chain ends with seal ${this.#lastIndex}, so its end was cut off.`
      : `The seal ${name} is not here: the end of the chain was removed, or the chain was made again.`;
    this.findings.add(isCut ? 'TRUNCATED' : 'SEAL_NOT_IN_CHAIN', message, { seal: index });
  }

  #add(code: Parameters<Findings['add']>[0], seal: number, message: string): void {
    this.findings.add(code, message, { seal });
  }
}

/**
 * The seals that a file speaks of, by their hashes: lines of JSON as the hook writes them, a seal as a pack has it,
 * or hashes by themselves.
 */
export function knownSealsIn(text: string): HeldSeal[] {
  const whole = parsedJson(text);
  if (whole !== undefined) return sealsOf(whole);
  return text.split(/\r?\n/).flatMap((line) => {
    const [hash] = /^[0-9a-f]{64}$/i.exec(line.trim()) ?? [];
    if (hash !== undefined) return [{ hash: hash.toLowerCase(), index: null }];
    return sealsOf(parsedJson(line));
  });
}

function sealsOf(value: unknown): HeldSeal[] {
  if (Array.isArray(value)) return value.flatMap(sealsOf);
  if (typeof value !== 'object' || value === null) return [];
  const { hash, index, text } = value as Record<string, unknown>;
  const place = typeof index === 'number' ? index : null;
  if (typeof text === 'string') return [{ hash: sha256(text), index: place }];
  if (typeof hash === 'string' && /^[0-9a-f]{64}$/i.test(hash))
    return [{ hash: hash.toLowerCase(), index: place }];
  return [];
}
