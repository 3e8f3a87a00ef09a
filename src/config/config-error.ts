/** The configuration reads well but does not fit what is there; the message is for a person and says what to do. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
}
