/** A request that is not answered as it was asked; the message is for whoever asked. */
export class HttpError extends Error {
  override readonly name = 'HttpError';

  constructor(
    readonly statusCode: number,
    /** One of the graph's error codes, or of those that the README gives for HTTP. */
    readonly code: string,
    message: string,
    readonly details: Readonly<Record<string, unknown>> = {},
  ) {
    super(message);
  }
}
