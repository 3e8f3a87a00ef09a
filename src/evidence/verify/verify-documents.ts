import type { HistoryStore } from '../../history/store.js';
import {
  COLLECTIONS,
  type Collection,
  policyTextDocument,
  type StoredDocument,
} from '../../model/documents.js';
import { sha256 } from '../../values/canonical-json.js';
import { documentLeaf, type Leaf, tolerantRead } from '../seal/leaf.js';
import type { CheckedSeal } from './check-chain.js';
import type { Findings } from './findings.js';
import type { ExtraCheck } from './sealed-source.js';

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
