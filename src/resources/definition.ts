/**
 * `instant` and `text` contain one string, `texts` several; lists can be sorted by fields with `order`, and
 * fields with `reference` name other records.
 */
export interface FieldSpec {
  readonly type: 'text' | 'texts' | 'instant' | 'number' | 'boolean';
  readonly order?: true;
  readonly reference?: true;
}

/*
 * The decoded form of Abnormal's details. A `…Raw` field is the upstream string as received, because all word
 * lists are open. `null` means "not given".
 */

export interface Unreadable {
  /** Unreadable parts by path with the problem, at most ten; missing if there are none. */
  readonly unread?: readonly string[];
}
