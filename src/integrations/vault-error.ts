/** Why the vault refuses. */
export type VaultErrorCode =
  /** The name is not one that an integration may have. */
  | 'BAD_NAME'
  | 'BAD_TOKEN'
  | 'BAD_ADDRESS'
  /** One of that name is there already. */
  | 'EXISTS'
  | 'NOT_FOUND'
  /** `ENCRYPTION_KEY` is not set, so that no token can be kept or opened. */
  | 'NO_KEY'
  /** A stored token was sealed under another key, or was tampered with. */
  | 'NOT_OPENED'
  /** Others kept changing the same integration. */
  | 'BUSY';

/** The vault refuses; the message is for a person, says what to do and holds neither token nor key. */
export class VaultError extends Error {
  override readonly name = 'VaultError';

  constructor(
    readonly code: VaultErrorCode,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}
