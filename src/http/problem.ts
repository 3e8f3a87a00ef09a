/** An HTTP failure in the shape that GraphQL clients read. */
export function problem(code: string, message: string) {
  return { errors: [{ message, extensions: { code } }] };
}
