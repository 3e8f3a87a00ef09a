import { fastify } from 'fastify';
import mercurius from 'mercurius';
import { type CasesAnswer, requestBody } from './query.js';

/*
 * mercurius with jit, serving the gateway's answer (fetched from the URL given) from memory under a schema of
 * the same shape. Prints its URL.
 */

const schema = `
  type Query { cases(first: Int, maxAge: Int): CaseConnection }
  type CaseConnection { edges: [CaseEdge!]! pageInfo: PageInfo! }
  type CaseEdge { cursor: String! node: Case! }
  type Case { id: ID! severity: Severity threats(first: Int): ThreatConnection }
  enum Severity { NONE LOW MEDIUM HIGH OTHER }
  type ThreatConnection { edges: [ThreatEdge!]! }
  type ThreatEdge { node: Threat! }
  type Threat { id: ID! subject: String }
  type PageInfo { hasNextPage: Boolean! endCursor: String }
`;

type Page = CasesAnswer['data']['cases'];
type Case = Page['edges'][number]['node'];

const [url = ''] = process.argv.slice(2);
const page = await fetchPage(url);
const first = <T extends { edges: readonly unknown[] }>(connection: T, count: number) => ({
  ...connection,
  edges: connection.edges.slice(0, count),
});
const resolvers = {
  Query: { cases: (_: unknown, args: { first: number }) => first(page, args.first) },
  Case: { threats: (root: Case, args: { first: number }) => first(root.threats, args.first) },
};
const app = fastify();
await app.register(mercurius, { schema, resolvers, jit: 1 });
console.log(await app.listen({ host: '127.0.0.1', port: 0 }));

async function fetchPage(from: string): Promise<Page> {
  const response = await fetch(`${from}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: requestBody(),
  });
  return ((await response.json()) as CasesAnswer).data.cases;
}
