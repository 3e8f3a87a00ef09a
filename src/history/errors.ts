/**
 * `IN_USE`: another process writes to it. `UNAVAILABLE`: it cannot be reached. `UNUSABLE`: it is not a history of this
 * version. `FULL`: its disk has no space left. `DAMAGED`: one thing in it cannot be read, the rest can.
 */
export type HistoryErrorCode = 'IN_USE' | 'UNAVAILABLE' | 'UNUSABLE' | 'FULL' | 'DAMAGED';

/** The history cannot do what was asked; the message is for a person and says what to do. */
export class HistoryError extends Error {
  override readonly name = 'HistoryError';

  constructor(
    readonly code: HistoryErrorCode,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}
