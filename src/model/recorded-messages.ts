import type { MessageRecord } from '../resources/threat/threat.js';
import type { Instant } from '../values/instant.js';
import type { RevisionRecord } from './revision.js';

/** A message of a threat as the history last recorded it. */
export interface RecordedMessage<F> {
  readonly message: MessageRecord;
  /** The version that it is from: the newest that has it. */
  readonly from: F;
  /**
   * Since when Abnormal no longer returns it: the first complete version after `from`, or the tombstone. `null` while
   * it does, or while no version shows that it does not.
   */
  readonly noLongerGivenSince: Instant | null;
}

/**
 * Every message that any version of a threat has, in its last recorded state. Abnormal returns a sample of a threat's
 * messages, and another reading may return others; what it once returned stays known here. Takes the versions newest
 * first, so that it holds each message once, however many versions there are.
 */
export class RecordedMessages<F> {
  readonly #byId = new Map<string, RecordedMessage<F>[]>();
  #versions = 0;
  #missingSince: Instant | null = null;

  add({ record, deleted, observedFrom }: RevisionRecord<'threat'>, from: F): void {
    this.#versions += 1;
    if (!deleted) this.#take(record.messages, from);
    // a version of which not all pages were read does not show that a message is missing
    if (deleted || record.pagesComplete) this.#missingSince = observedFrom;
  }

  /** Two different messages of one version may share an id, so an id stands for all of a version's messages under it. */
  #take(messages: readonly MessageRecord[], from: F): void {
    const older = new Map<string, RecordedMessage<F>[]>();
    for (const message of messages) {
      const group = older.get(message.messageId) ?? [];
      group.push({ message, from, noLongerGivenSince: this.#missingSince });
      older.set(message.messageId, group);
    }
    for (const [id, group] of older) {
      const known = this.#byId.get(id);
      this.#byId.set(id, known ? withTime(known, group) : group);
    }
  }

  /** Newest first, ties by id. */
  all(): RecordedMessage<F>[] {
    const all = [...this.#byId.values()].flat();
    // one version's messages are in order
    return this.#versions === 1 ? all : all.sort((a, b) => compare(a.message, b.message));
  }
}

/** A message stays where it was received, also when Abnormal no longer says when that was. */
function withTime<F>(
  known: readonly RecordedMessage<F>[],
  older: readonly RecordedMessage<F>[],
): RecordedMessage<F>[] {
  const receivedTime =
    older.find(({ message }) => message.receivedTime !== null)?.message.receivedTime ?? null;
  return known.map((one) =>
    receivedTime === null || one.message.receivedTime !== null
      ? one
      : { ...one, message: { ...one.message, receivedTime } },
  );
}

function compare(a: MessageRecord, b: MessageRecord): number {
  const [timeA, timeB] = [a.receivedTime ?? '', b.receivedTime ?? ''];
  if (timeA !== timeB) return timeA > timeB ? -1 : 1;
  if (a.messageId === b.messageId) return 0;
  return a.messageId < b.messageId ? -1 : 1;
}
