/** An HTTP failure in the shape that GraphQL clients read. */
export function problem(code: string, message: string, details: Readonly<Record<string, unknown>> = {}) {
  return { errors: [{ message, extensions: { code, ...details } }] };
}
