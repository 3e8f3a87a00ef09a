import { isDeepStrictEqual } from 'node:util';
import type { ListedKind } from '../../resources/kind.js';
import type { Message, RecordOf } from '../../resources/records.js';

type ListedRecord = RecordOf[ListedKind];

/** Fields that the graph calls otherwise than the model does. */
const SHOWN_AS: Readonly<Record<ListedKind, Readonly<Record<string, string>>>> = {
  case: { severityRaw: 'severityLabel', severityLevelRaw: 'severityRaw' },
  threat: {},
  campaign: { judgementStatusRaw: 'judgementRaw' },
};

export interface FieldDifference {
  readonly field: string;
  /** `null` when it was not said. */
  readonly before: unknown;
  readonly after: unknown;
}

/**
 * Field by field what differs between two versions of a record; `null` is no record. A threat's messages are
 * told apart by their ids, so one that joins is one difference and not a shift of all that follow.
 */
export function differencesOf(
  kind: ListedKind,
  before: ListedRecord | null,
  after: ListedRecord | null,
): FieldDifference[] {
  const old = flatten(before);
  const fresh = flatten(after);
  return [...new Set([...old.keys(), ...fresh.keys()])]
    .map((field) => ({ field, before: old.get(field) ?? null, after: fresh.get(field) ?? null }))
    .filter((difference) => !isDeepStrictEqual(difference.before, difference.after))
    .map((difference) => ({ ...difference, field: SHOWN_AS[kind][difference.field] ?? difference.field }));
}

function flatten(record: ListedRecord | null): Map<string, unknown> {
  const fields = new Map<string, unknown>();
  for (const [name, value] of Object.entries(record ?? {})) {
    if (name === 'messages') flattenMessages(value as readonly Message[], fields);
    else fields.set(name, value);
  }
  return fields;
}

function flattenMessages(messages: readonly Message[], fields: Map<string, unknown>): void {
  for (const message of messages) {
    for (const [name, value] of Object.entries(message)) {
      fields.set(`messages[${message.messageId}].${name}`, value);
    }
  }
}
