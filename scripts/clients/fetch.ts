import { retryingFetch } from './retrying-fetch.js';

/*
 * Reads all cases with plain `fetch`, then follows their changes for some seconds. It needs no library: it pages, retries
 * what can be retried, and tells whether the data are complete and fresh. Prints what it found as JSON.
 *
 *     GATEWAY_KEY=agk_… npx tsx scripts/clients/fetch.ts http://127.0.0.1:4000/graphql 5
 */

interface Page {
  readonly cases: {
    readonly asOf: string;
    readonly totalCount: number;
    readonly nodes: readonly { readonly caseId: string }[];
    readonly pageInfo: { readonly hasNextPage: boolean; readonly endCursor: string | null };
    readonly coverage: { readonly complete: boolean };
    readonly freshness: { readonly stale: boolean; readonly reason: string | null } | null;
  };
}

interface Changes {
  readonly changes: {
    readonly nodes: readonly { readonly recordId: string; readonly change: string }[];
    readonly tail: { readonly cursor: string; readonly asOf: string; readonly caughtUp: boolean };
  };
}

interface Answer<T> {
  readonly data?: T | null;
  readonly errors?: readonly {
    readonly message: string;
    readonly extensions: { readonly code: string; readonly argumentPath?: readonly (string | number)[] };
  }[];
}

const CASES = `query Cases($after: String) {
  cases(first: 100, after: $after, orderBy: { field: LAST_MODIFIED_TIME, direction: ASC }) {
    asOf totalCount nodes { caseId severity status } pageInfo { hasNextPage endCursor }
    coverage { complete } freshness { stale reason }
  }
}`;

const CHANGES = `query Changes($since: DateTime, $after: String, $wait: Int) {
  changes(since: $since, after: $after, kinds: [CASE], wait: $wait) {
    nodes { recordId change observedFrom } tail { cursor asOf caughtUp }
  }
}`;

const [url = 'http://127.0.0.1:4000/graphql', seconds = '5'] = process.argv.slice(2);
const key = process.env.GATEWAY_KEY ?? '';

async function ask<T>(query: string, variables: object): Promise<T> {
  const response = await retryingFetch(url, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      accept: 'application/graphql-response+json, application/json',
      ...(key === '' ? {} : { authorization: `Bearer ${key}` }),
    },
    body: JSON.stringify({ query, variables }),
  });
  const { data, errors = [] } = (await response.json()) as Answer<T>;
  const [error] = errors;
  if (!error && data) return data;
  // decide by the code, never by the message
  throw new Error(`${error?.extensions.code ?? response.status}: ${error?.message ?? 'no data'}`);
}

const ids: string[] = [];
let after: string | null = null;
let page: Page['cases'];
do {
  ({ cases: page } = await ask<Page>(CASES, { after }));
  ids.push(...page.nodes.map(({ caseId }) => caseId));
  after = page.pageInfo.hasNextPage ? page.pageInfo.endCursor : null;
} while (after !== null);

const until = Date.now() + 1000 * Number(seconds);
const changed: string[] = [];
let { changes } = await ask<Changes>(CHANGES, { since: page.asOf });
for (;;) {
  changed.push(...changes.nodes.map(({ recordId, change }) => `${change} ${recordId}`));
  // store the cursor here, after the page was processed
  const left = Math.floor((until - Date.now()) / 1000);
  if (changes.tail.caughtUp && left < 1) break;
  ({ changes } = await ask<Changes>(CHANGES, {
    after: changes.tail.cursor,
    wait: Math.max(1, Math.min(left, 25)),
  }));
}

const { totalCount, coverage, freshness, asOf } = page;
const state = {
  complete: coverage.complete,
  stale: freshness?.stale ?? false,
  asOf,
  followedTo: changes.tail.asOf,
};
console.log(JSON.stringify({ totalCount, cases: ids.length, ids, changed, ...state }));
if (ids.length !== totalCount) process.exitCode = 1;
