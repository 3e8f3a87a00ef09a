import { hash } from 'node:crypto';
import type { HistoryStore } from '../../history/store.js';
import {
  COLLECTIONS,
  type Collection,
  policyTextDocument,
  type StoredDocument,
} from '../../model/documents.js';
import { OPEN_SEQ, type RevisionRecord } from '../../model/revision.js';
import { KINDS, keyText, type RecordKey } from '../../resources/registry.js';
import { sha256 } from '../../values/canonical-json.js';
import { toMillis } from '../../values/instant.js';
import { documentLeaf, type Leaf, tolerantRead } from '../seal/leaf.js';
import type { CheckedSeal } from './check-chain.js';
import type { Findings } from './findings.js';
import type { ExtraCheck } from './sealed-source.js';

/** Two numbers for each 64-bit hash: 24 bytes an entry, outside of the heap. */
export class HashTable {
  #size = 1 << 12;
  #used = 0;
  #hashes = new BigUint64Array(this.#size);
  #first = new Float64Array(this.#size);
  #second = new Float64Array(this.#size);

  get firsts(): Float64Array {
    return this.#first;
  }

  set(hash: bigint, first: number, second: number): void {
    const place = this.#find(hash);
    if (this.#hashes[place] === 0n) this.#used += 1;
    // 0 stands for a free place
    this.#hashes[place] = hash || 1n;
    this.#first[place] = first;
    this.#second[place] = second;
    if (this.#used * 3 > this.#size * 2) this.#grow();
  }

  get(hash: bigint): readonly [first: number, second: number] | null {
    const place = this.#find(hash);
    return this.#hashes[place] === 0n ? null : [this.#first[place] ?? 0, this.#second[place] ?? 0];
  }

  #find(hash: bigint): number {
    const wanted = hash || 1n;
    let place = Number(wanted % BigInt(this.#size));
    while (this.#hashes[place] !== 0n && this.#hashes[place] !== wanted) place = (place + 1) % this.#size;
    return place;
  }

  #grow(): void {
    const [hashes, first, second] = [this.#hashes, this.#first, this.#second];
    this.#size *= 2;
    this.#used = 0;
    this.#hashes = new BigUint64Array(this.#size);
    this.#first = new Float64Array(this.#size);
    this.#second = new Float64Array(this.#size);
    for (const [i, hash] of hashes.entries()) if (hash !== 0n) this.set(hash, first[i] ?? 0, second[i] ?? 0);
  }
}

const isEnd = (seq: number) => seq !== 0 && seq !== OPEN_SEQ;

/** How the newest version of each record read so far ended. */
export class VersionEnds {
  readonly #ends = new HashTable();

  /** Whether a version begins where the one before it ended; both as of batch `head`. */
  follows({ key, seqFrom, seqTo, observedFrom, observedTo }: RevisionRecord, head: number): boolean {
    const hash = hashOf(key);
    const before = this.#ends.get(hash);
    const isOpen = seqTo > head;
    this.#ends.set(hash, isOpen ? OPEN_SEQ : seqTo, isOpen || observedTo === null ? 0 : toMillis(observedTo));
    return before === null || (before[0] === seqFrom && before[1] === toMillis(observedFrom));
  }

  isLastEnded(key: RecordKey): boolean {
    return isEnd(this.#ends.get(hashOf(key))?.[0] ?? 0);
  }

  /** Whether any record's last version is stored as ended; in an intact history none is. */
  get hasEnded(): boolean {
    return this.#ends.firsts.some(isEnd);
  }
}

function hashOf(key: RecordKey): bigint {
  return hash('sha256', keyText(key), 'buffer').readBigUInt64LE();
}

/** Read at once; a text may be long. */
const TEXTS_AT_ONCE = 100;

/** What was received for versions that are asked for in the order of changes, read some at a time. */
export class ReceivedTexts {
  #texts = new Map<string, string>();
  #last: { readonly seqFrom: number; readonly key: RecordKey } | null = null;
  /** So many versions are read one by one after a page that cannot be read. */
  #oneByOne = 0;

  constructor(
    private readonly store: HistoryStore,
    private readonly head: number,
  ) {}

  /** `null` or `undefined` if it cannot be read. */
  async of({ key, seqFrom }: RevisionRecord): Promise<string | null | undefined> {
    const name = nameOf(key, seqFrom);
    if (!this.#texts.has(name) && this.#oneByOne-- <= 0) await this.#load(seqFrom);
    return this.#texts.get(name) ?? tolerantRead(this.store, () => this.store.received(key, seqFrom));
  }

  async #load(seqFrom: number): Promise<void> {
    const after = this.#last?.seqFrom === seqFrom ? this.#last : null;
    const query = { afterSeq: seqFrom - 1, toSeq: this.head, kinds: KINDS, integrations: null, after };
    const found = await tolerantRead(this.store, () =>
      this.store.changesReceived({ ...query, limit: TEXTS_AT_ONCE }),
    );
    this.#oneByOne = found ? 0 : TEXTS_AT_ONCE;
    this.#last = found?.at(-1) ?? null;
    this.#texts = new Map(found?.map((each) => [nameOf(each.key, each.seqFrom), each.received]));
  }
}

function nameOf(key: RecordKey, seqFrom: number): string {
  return `${seqFrom} ${keyText(key)}`;
}

/** Each change of these leaves an entry in the audit trail. */
const AUDITED: readonly Collection[] = ['integrations', 'apiKeys'];

/**
 * Checks the documents against the last seal that lists them. Documents change between seals: one of the sealed version
 * must be the sealed one, and one of a later version cannot be compared.
 */
export class DocumentCheck implements ExtraCheck {
  #listed: readonly Leaf[] = [];
  #auditedTo = 0;
  #seal: number | null = null;
  /** The policies that seals name, each with the first of them. */
  readonly #policies = new Map<string, number>();

  constructor(
    private readonly store: HistoryStore,
    private readonly findings: Findings,
  ) {}

  take({ index, body, list }: CheckedSeal): void {
    if (body.policy && !this.#policies.has(body.policy)) this.#policies.set(body.policy, index);
    if (!body.batches || !list) return;
    this.#listed = list.documents;
    this.#auditedTo = body.audit?.index ?? 0;
    this.#seal = index;
  }

  async finish(): Promise<void> {
    await this.#checkPolicies();
    if (this.#seal === null) return;
    const found = new Map<Collection, readonly StoredDocument[] | undefined>();
    for (const collection of COLLECTIONS) {
      found.set(collection, await tolerantRead(this.store, () => this.store.documents(collection)));
    }
    const hasChanged = (await this.store.journalLength('audit')) !== this.#auditedTo;
    for (const [collection, documents] of found) {
      if (documents) this.#check(collection, documents, AUDITED.includes(collection), hasChanged);
      else this.#say(collection, null, 'cannot be read any more');
    }
  }

  /** The text of every policy that was ever sealed must be there, as it was. */
  async #checkPolicies(): Promise<void> {
    for (const [digest, seal] of this.#policies) {
      const id = policyTextDocument(digest);
      const kept = await tolerantRead(this.store, () => this.store.document('settings', id));
      const text = kept?.body.text;
      if (typeof text === 'string' && sha256(text) === digest) continue;
      this.#say('settings', id, kept ? 'is not the policy that was in use' : 'is missing', seal);
    }
  }

  #check(
    collection: Collection,
    documents: readonly StoredDocument[],
    isAudited: boolean,
    hasChanged: boolean,
  ): void {
    // a document that is removed and added again begins with version 1
    if (isAudited && hasChanged) return;
    const own = this.#listed.filter(({ name }) => name[0] === collection);
    const left = new Map(own.map((leaf) => [leaf.name[1] ?? '', leaf]));
    const added = isAudited ? 'was added, and the audit trail does not say so' : null;
    for (const document of documents) {
      const known = left.get(document.id);
      left.delete(document.id);
      const how = known ? changeOf(documentLeaf(collection, document), known) : added;
      if (how) this.#say(collection, document.id, how);
    }
    for (const id of left.keys()) this.#say(collection, id, 'is missing');
  }

  #say(collection: Collection, id: string | null, how: string, seal = this.#seal): void {
    const what = id === null ? collection : `${collection}/${id}`;
    this.findings.sealed('STATE_ALTERED', `The document ${what}`, how, seal, what);
  }
}

function changeOf({ seq: version, hash }: Leaf, sealed: Leaf): string | null {
  if (version < sealed.seq) return `is of version ${version}, and version ${sealed.seq} was sealed`;
  return version === sealed.seq && hash !== sealed.hash ? 'was altered' : null;
}
