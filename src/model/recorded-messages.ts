import type { MessageRecord } from '../resources/threat/threat.js';
import type { Instant } from '../values/instant.js';
import type { RevisionRecord } from './revision.js';

interface RecordedMessage<F> {
  readonly message: MessageRecord;
  /** The newest version that contains it. */
  readonly from: F;
  /** The first complete version without it, or the tombstone; `null` while no version shows that. */
  readonly noLongerGivenSince: Instant | null;
}

/**
 * Every message of any version of a threat, in its last recorded state, because Abnormal returns a sample
 * that may change. Takes the versions newest first.
 */
export class RecordedMessages<F> {
  readonly #byId = new Map<string, RecordedMessage<F>[]>();
  #versions = 0;
  #missingSince: Instant | null = null;

  add({ record, deleted, observedFrom }: RevisionRecord<'threat'>, from: F): void {
    this.#versions += 1;
    if (!deleted) this.#take(record.messages, from);
    // a version without all its pages does not show that a message is missing
    if (deleted || record.pagesComplete) this.#missingSince = observedFrom;
  }

  /** Two different messages of one version may share an id, so the id refers to both. */
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

  all(): RecordedMessage<F>[] {
    const all = [...this.#byId.values()].flat();
    // one version's messages are already sorted
    return this.#versions === 1 ? all : all.sort((a, b) => compare(a.message, b.message));
  }
}

/** A message keeps its received time, even if Abnormal no longer returns it. */
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
