/**
 * GraphQL over HTTP: where a query cannot be parsed, validated or given its variables, the status is 400, and
 * where its caller's role does not go as far 403, in the media type `application/graphql-response+json`, and 200 in `application/json`, whose older clients take any
 * other status for an answer that is not the graph's. A request that holds no query at all is 400 in both.
 */
export function isQueryErrorInJson(status: number, mediaType: unknown, body: unknown): boolean {
  if (
    (status !== 400 && status !== 403) ||
    !String(mediaType).startsWith('application/json') ||
    typeof body !== 'string'
  )
    return false;
  const { errors = [] } = JSON.parse(body) as { errors?: { extensions?: { code?: string } }[] };
  return errors.length > 0 && errors.every(({ extensions }) => QUERY_ERRORS.has(extensions?.code ?? ''));
}

const QUERY_ERRORS = new Set([
  'GRAPHQL_PARSE_FAILED',
  'GRAPHQL_VALIDATION_FAILED',
  'BAD_USER_INPUT',
  'FORBIDDEN',
  'LIMIT_EXCEEDED',
  'COST_EXCEEDED',
  'OPERATION_NOT_LISTED',
]);
