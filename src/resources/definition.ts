/**
 * One field that lists can be filtered by.
 * `instant` and `text` hold one string, `texts` several; `order` marks those that lists can be ordered by,
 * and `reference` those that name other records and are looked up by value.
 */
export interface FieldSpec {
  readonly type: 'text' | 'texts' | 'instant' | 'number' | 'boolean';
  readonly order?: true;
  readonly reference?: true;
}

/*
 * What the gateway understands of Abnormal's details. Names are the gateway's own; a `…Raw` field holds an
 * upstream string as received, since all of the API's word lists are open sets. `null` is "not said".
 */

/** What may be wrong with what was received. */
export interface Unreadable {
  /** Parts of the answer that do not read, by path with what is wrong, at most ten; only where there are any. */
  readonly unread?: readonly string[];
}
