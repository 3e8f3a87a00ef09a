import {
  Environment,
  fetchQuery,
  graphql,
  Network,
  Observable,
  RecordSource,
  requestSubscription,
  Store,
} from 'relay-runtime';
import { retryingFetch } from '../retrying-fetch.js';
import type { threatsListQuery } from './__generated__/threatsListQuery.graphql.js';

/*
 * Relay without a framework: an environment, a list of threats page by page, and a poll. Relay's compiler makes the types
 * in __generated__; docs/clients/relay.md has its configuration.
 */

export function createEnvironment(url: string, key: string): Environment {
  const network = Network.create(({ text }, variables) =>
    Observable.from(
      retryingFetch(url, {
        method: 'POST',
        headers: { 'content-type': 'application/json', authorization: `Bearer ${key}` },
        body: JSON.stringify({ query: text, variables }),
      }).then((response) => response.json()),
    ),
  );
  return new Environment({ network, store: new Store(new RecordSource()) });
}

/** For `usePaginationFragment` of a component. */
export const LIST = graphql`
  fragment threatsList on Query
  @argumentDefinitions(count: { type: "Int", defaultValue: 25 }, cursor: { type: "String" }, filter: { type: "ThreatFilter" })
  @refetchable(queryName: "threatsListPageQuery") {
    threats(first: $count, after: $cursor, filter: $filter) @connection(key: "threatsList_threats") {
      edges { node { id threatId subject receivedTime remediation { state } } }
      coverage { complete }
      freshness { stale reason }
    }
  }
`;

const PAGE = graphql`
  query threatsListQuery($after: String, $filter: ThreatFilter) {
    threats(first: 100, after: $after, filter: $filter) {
      asOf
      nodes { id threatId receivedTime messages { nodes { id recipientAddress } } }
      pageInfo { hasNextPage endCursor }
      coverage { complete }
      freshness { stale reason }
    }
  }
`;

type Page = NonNullable<threatsListQuery['response']['threats']>;

/** All threats of the last day: each page in the snapshot of the first one. */
export async function readThreats(environment: Environment): Promise<Page['nodes'][number][]> {
  const nodes: Page['nodes'][number][] = [];
  for (let after: string | null = null; ; ) {
    const variables: threatsListQuery['variables'] = { after, filter: { receivedTime: { last: 'P1D' } } };
    const options = { fetchPolicy: 'network-only' } as const;
    const { threats } =
      (await fetchQuery<threatsListQuery>(environment, PAGE, variables, options).toPromise()) ?? {};
    if (!threats) throw new Error('The list cannot be read: the network layer has the code of the error.');
    nodes.push(...threats.nodes);
    if (!threats.pageInfo.hasNextPage) return nodes;
    after = threats.pageInfo.endCursor ?? null;
  }
}

/** Calls back with each page of changes; the network layer must support server-sent events. */
export function followThreats(environment: Environment, onChange: () => void) {
  return requestSubscription(environment, {
    subscription: graphql`
      subscription threatsFollowSubscription {
        changes(start: NOW, kinds: [THREAT]) { nodes { recordId change } tail { cursor caughtUp } }
      }
    `,
    variables: {},
    onNext: onChange,
  });
}
