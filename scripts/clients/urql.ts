import { setTimeout as delay } from 'node:timers/promises';
import { Client, fetchExchange, gql, type TypedDocumentNode } from '@urql/core';
import { retryingFetch } from './retrying-fetch.js';

/*
 * Pages through the messages of all threats with urql, then polls for newer ones for some seconds. Prints what it found
 * as JSON, and ends with 1 when the pages are not what `totalCount` says.
 *
 *     GATEWAY_KEY=agk_… npx tsx scripts/clients/urql.ts http://127.0.0.1:4000/graphql 5
 */

interface Messages {
  readonly messages: {
    readonly asOf: string;
    readonly totalCount: number;
    readonly nodes: readonly { readonly id: string; readonly receivedTime: string | null }[];
    readonly pageInfo: { readonly hasNextPage: boolean; readonly endCursor: string | null };
    readonly coverage: { readonly complete: boolean } | null;
    readonly freshness: { readonly stale: boolean; readonly reason: string | null } | null;
  };
}

const MESSAGES: TypedDocumentNode<Messages, { after?: string | null; filter?: object }> = gql`
  query AllMessages($after: String, $filter: MessageFilter) {
    messages(first: 100, after: $after, filter: $filter) {
      asOf
      totalCount
      nodes { id receivedTime subject attackType threat { id threatId } }
      pageInfo { hasNextPage endCursor }
      coverage { complete }
      freshness { stale reason }
    }
  }
`;

const [url = 'http://127.0.0.1:4000/graphql', seconds = '5'] = process.argv.slice(2);
const key = process.env.GATEWAY_KEY ?? '';

const client = new Client({
  url,
  exchanges: [fetchExchange],
  fetch: retryingFetch,
  fetchOptions: { headers: key === '' ? {} : { authorization: `Bearer ${key}` } },
  preferGetMethod: false,
});

async function read(variables: { after?: string | null; filter?: object }): Promise<Messages['messages']> {
  const { data, error } = await client.query(MESSAGES, variables, { requestPolicy: 'network-only' });
  if (data && !error) return data.messages;
  const code = error?.graphQLErrors[0]?.extensions.code ?? 'NETWORK';
  throw new Error(`${String(code)}: ${error?.message ?? 'no data'}`);
}

const first = await read({});
const ids = first.nodes.map(({ id }) => id);
for (let { pageInfo } = first; pageInfo.hasNextPage; ) {
  const page = await read({ after: pageInfo.endCursor });
  ids.push(...page.nodes.map(({ id }) => id));
  pageInfo = page.pageInfo;
}

const known = new Set(ids);
let newer = 0;
for (let left = Number(seconds); left > 0; left -= 1) {
  await delay(1000);
  // the same variables each time, so that the gateway can answer from memory
  const { nodes } = await read({ filter: { receivedTime: { last: 'P1D' } } });
  for (const { id } of nodes) {
    if (!known.has(id)) newer += 1;
    known.add(id);
  }
}

const { totalCount, asOf, coverage, freshness } = first;
const state = { complete: coverage?.complete ?? false, stale: freshness?.stale ?? false, asOf };
console.log(
  JSON.stringify({ totalCount, messages: ids.length, distinct: new Set(ids).size, newer, ...state }),
);
if (ids.length !== totalCount || new Set(ids).size !== totalCount) process.exitCode = 1;
