import { ApolloClient, gql, HttpLink, InMemoryCache, type TypedDocumentNode } from '@apollo/client/core';
import { relayStylePagination } from '@apollo/client/utilities';
import { retryingFetch } from './retrying-fetch.js';

/*
 * Pages through all threats with Apollo Client, as a frontend would: a key in the Authorization header, pages joined in
 * the client's cache. Prints what it found as JSON, and ends with 1 when the pages are not what `totalCount` says.
 *
 *     GATEWAY_KEY=agk_… npx tsx scripts/clients/apollo-client.ts http://127.0.0.1:4000/graphql
 */

interface Threats {
  readonly threats: {
    readonly totalCount: number;
    readonly edges: readonly { readonly node: { readonly id: string; readonly threatId: string } }[];
    readonly pageInfo: { readonly hasNextPage: boolean; readonly endCursor: string | null };
    readonly coverage: { readonly complete: boolean };
  };
}

const THREATS: TypedDocumentNode<Threats, { first: number; after?: string | null }> = gql`
  query AllThreats($first: Int!, $after: String) {
    threats(first: $first, after: $after, orderBy: { field: RECEIVED_TIME, direction: ASC }) {
      totalCount
      edges { node { id threatId receivedTime subject remediation { state } } }
      pageInfo { hasNextPage endCursor }
      coverage { complete }
    }
  }
`;

const [uri = 'http://127.0.0.1:4000/graphql', first = '25'] = process.argv.slice(2);
const key = process.env.GATEWAY_KEY ?? '';

const client = new ApolloClient({
  link: new HttpLink({
    ...{ uri, fetch: retryingFetch, headers: key === '' ? {} : { authorization: `Bearer ${key}` } },
  }),
  cache: new InMemoryCache({
    possibleTypes: { Node: ['Threat'] },
    typePolicies: { Query: { fields: { threats: relayStylePagination(['filter', 'orderBy', 'asOf']) } } },
  }),
});

const query = client.watchQuery({ query: THREATS, variables: { first: Number(first) } });
const watching = query.subscribe(() => {});
let { data } = await client.query({ query: THREATS, variables: { first: Number(first) } });
let pages = 1;
while (data?.threats.pageInfo.hasNextPage) {
  ({ data } = await query.fetchMore({ variables: { after: data.threats.pageInfo.endCursor } }));
  pages += 1;
}
watching.unsubscribe();

const joined = client.readQuery({ query: THREATS, variables: { first: Number(first) } });
const ids = joined?.threats.edges.map(({ node }) => node.threatId) ?? [];
const totalCount = joined?.threats.totalCount ?? null;
const distinct = new Set(ids).size;
console.log(JSON.stringify({ pages, totalCount, threats: ids.length, distinct, ids }));
if (totalCount !== ids.length || distinct !== ids.length) process.exitCode = 1;
client.stop();
