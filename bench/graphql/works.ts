import { toInstant } from '../../src/values/instant.js';
import { randomFrom, threatId } from '../history/payloads.js';
import { CASE_COUNT, caseId, FROM_MS, THREAT_COUNT, UNTIL_MS } from './history.js';

/** A request that is measured. */
export interface Work {
  readonly name: string;
  readonly query: string | ((n: number) => string);
  /** Of request `n`; no two are the same, so that none finds a stored response. */
  readonly variables: (n: number) => object;
  /** How many are sent in a round. */
  readonly requests: number;
  /** The most CPU for each request, as a part of the rival's; `null`: the rival does not serve it. */
  readonly toRival: number | null;
  /** The most CPU of the same request again, as a part of the first; `null`: not measured. */
  readonly toFirst: number | null;
}

/** Evenly spread over `0…count`, in no order. */
const spread = (n: number, count: number) => Math.floor(randomFrom(n + 1)() * count);
const until = (n: number) => ({ until: toInstant(FROM_MS + spread(n, UNTIL_MS - FROM_MS)) });
const threatOf = (n: number) => threatId(spread(n, THREAT_COUNT));
const globalId = (n: number) => Buffer.from(`Threat default ${threatOf(n)}`).toString('base64url');

const LIST =
  'id threatId subject receivedTime recipientCount attackTypes fromAddresses remediation { state }';
const MESSAGES = `messages(first: 5) {
  nodes { messageId subject fromAddress recipientAddress receivedTime attackType remediation remediationTime }
}`;
const threats = (first: number, fields: string, name = 'Page') => `query ${name}($until: DateTime) {
  threats(first: ${first}, filter: { receivedTime: { lte: $until } }) {
    nodes { ${fields} }
    pageInfo { hasNextPage endCursor }
  }
}`;
const COUNTED = `query List($until: DateTime) {
  threats(first: 10, filter: { receivedTime: { lte: $until }, attackType: { eq: SCAM } }) {
    totalCount
    nodes { threatId receivedTime }
  }
}`;

const SAME_PAGE = `query Cases($maxAge: Int) {
  cases(first: 50, maxAge: $maxAge) {
    nodes { id caseId severity lastModifiedTime threats(first: 5) { nodes { id threatId subject } } }
    pageInfo { hasNextPage endCursor }
  }
}`;

/** The same page, sent again and again. */
export const SAME: Work = {
  ...{ name: 'the same page of cases again', query: SAME_PAGE, variables: () => ({}) },
  ...{ requests: 150, toRival: 0.25, toFirst: null },
};

export const WORKS: readonly Work[] = [
  {
    ...{ name: 'list of 50', query: threats(50, LIST), variables: until },
    ...{ requests: 60, toRival: 1, toFirst: null },
  },
  {
    ...{ name: 'page of 50 with messages', query: threats(50, `${LIST} ${MESSAGES}`), variables: until },
    ...{ requests: 50, toRival: 1.2, toFirst: null },
  },
  {
    name: 'cases with threats',
    query: `query Cases($until: DateTime) {
      cases(first: 50, filter: { lastModifiedTime: { lte: $until } }) {
        nodes { id caseId severity lastModifiedTime threats(first: 5) { nodes { id threatId subject receivedTime } } }
        pageInfo { hasNextPage endCursor }
      }
    }`,
    ...{ variables: until, requests: 30, toRival: 0.9, toFirst: null },
  },
  {
    name: 'node(id)',
    query: `query Node($id: ID!) { node(id: $id) { id ... on Threat { ${LIST} ${MESSAGES} } } }`,
    variables: (n) => ({ id: globalId(n) }),
    ...{ requests: 150, toRival: 1.8, toFirst: 0.3 },
  },
  {
    name: 'an operation text not seen before',
    query: (n) => threats(5, `${LIST} ${MESSAGES}`, `Page${n}`),
    ...{ variables: until, requests: 60, toRival: 1.5, toFirst: null },
  },
  {
    name: 'totalCount with a filter',
    ...{ query: COUNTED, variables: until, requests: 40, toRival: null, toFirst: 0.3 },
  },
  {
    name: 'coverage',
    query: `query Coverage($until: DateTime) {
      coverage(resource: THREATS, to: $until) { from to complete gaps { from to reason } declared held }
    }`,
    ...{ variables: until, requests: 60, toRival: null, toFirst: 0.3 },
  },
  {
    name: 'threat',
    query: `query Threat($id: ID!) { threat(threatId: $id) { ${LIST} ${MESSAGES} provenance { verifiedAt stale } } }`,
    variables: (n) => ({ id: threatOf(n) }),
    ...{ requests: 150, toRival: null, toFirst: 0.3 },
  },
  {
    name: 'case',
    query: `query Case($id: ID!) {
      case(caseId: $id) { id severity threats(first: 5) { nodes { ${LIST} } } provenance { verifiedAt } }
    }`,
    variables: (n) => ({ id: caseId(spread(n, CASE_COUNT)) }),
    ...{ requests: 80, toRival: null, toFirst: 0.3 },
  },
  {
    name: 'revisions',
    query: `query Revisions($id: ID!) {
      threat(threatId: $id) { revisions(first: 10) { totalCount nodes { observedFrom digestAfter change fieldChanges { field } } } }
    }`,
    variables: (n) => ({ id: threatOf(n) }),
    ...{ requests: 80, toRival: null, toFirst: 0.3 },
  },
];

/** Request `n` of a work as JSON. */
export function bodyOf({ query, variables }: Work, n: number): string {
  return JSON.stringify({ query: typeof query === 'string' ? query : query(n), variables: variables(n) });
}
