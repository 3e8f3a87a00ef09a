import type { CallMeter } from '../abnormal/client.js';
import type { ConfirmedVersion } from '../history/store.js';
import type { RevisionRecord } from '../model/revision.js';
import { keyText, RESOURCE_OF, type RecordKey, type Resource } from '../resources/registry.js';
import { latest } from '../values/instant.js';

/** A reading that found a record as it is stored, with what it cost. */
export interface LiveConfirmation extends ConfirmedVersion {
  readonly meter: CallMeter;
}

/** More are only there while the history cannot be written. */
const MOST_WAITING = 10_000;

/**
 * Live reads that found nothing new. A batch for each would be most of what they cost, so they wait for the next batch
 * of their resource. If the process is killed, only the time at which a version was last verified is lost.
 */
export class Confirmations {
  readonly #waiting = new Map<string, LiveConfirmation>();

  /** Is called for a record that was found unchanged, although another process had recorded a newer version. */
  readAgain: (key: RecordKey) => void = () => {};

  get size(): number {
    return this.#waiting.size;
  }

  add(confirmation: LiveConfirmation): void {
    this.#waiting.set(keyText(confirmation.key), confirmation);
    const [oldest] = this.#waiting.keys();
    if (this.#waiting.size > MOST_WAITING && oldest !== undefined) this.#waiting.delete(oldest);
  }

  of(integration: string, resource: Resource): LiveConfirmation[] {
    const all = [...this.#waiting.values()];
    return all.filter(({ key }) => key.integration === integration && RESOURCE_OF[key.kind] === resource);
  }

  /** Of what is waiting. */
  sources(): { readonly integration: string; readonly resource: Resource }[] {
    const sources = new Map(
      Array.from(this.#waiting.values(), ({ key: { integration, kind } }) => {
        const resource = RESOURCE_OF[kind];
        return [`${integration}/${resource}`, { integration, resource }] as const;
      }),
    );
    return [...sources.values()];
  }

  /** For records that are requested from here on: what Abnormal returns now is newer. */
  forget(keys: Iterable<RecordKey>): void {
    for (const key of keys) this.#waiting.delete(keyText(key));
  }

  /** They were recorded; `lapsed` are those of versions that were not the newest. */
  recorded(confirmations: readonly LiveConfirmation[], lapsed: readonly RecordKey[]): void {
    for (const confirmation of confirmations) {
      const text = keyText(confirmation.key);
      if (this.#waiting.get(text) === confirmation) this.#waiting.delete(text);
    }
    for (const key of lapsed) this.readAgain(key);
  }

  /** The revision as it will be once this is recorded; the same object if there is nothing to record. */
  applied<R extends RevisionRecord | null>(revision: R): R {
    if (revision === null) return revision;
    const waiting = this.#waiting.get(keyText(revision.key));
    if (!waiting || waiting.digest !== revision.digest || revision.deleted) return revision;
    return { ...revision, verifiedAt: latest(revision.verifiedAt, waiting.fetchedAt) };
  }
}
