import { composeServices } from '@apollo/composition';
import { operationFromDocument, Supergraph } from '@apollo/federation-internals';
import { type FetchNode, type PlanNode, QueryPlanner, type SubscriptionNode } from '@apollo/query-planner';
import { buildSchema, type GraphQLSchema, graphql, parse } from 'graphql';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { observeThreat, sampleMessage, sampleThreat } from '../support/records.js';
import { Graph } from './harness.js';

/* Apollo's own composition and query planner, with a second subgraph that refers to threats and messages. */

const TICKETS = `
  type Query { tickets: [Ticket!]! }
  type Ticket { number: Int! threat: Threat message: Message }
  type PageInfo @shareable { hasNextPage: Boolean! hasPreviousPage: Boolean! startCursor: String endCursor: String }
  type Threat @key(fields: "id") { id: ID! ticketCount: Int! }
  type Message @key(fields: "id", resolvable: false) { id: ID! }
`;

interface Refs {
  readonly threat: string;
  readonly message: string;
}

let graph: Graph;
let refs: Refs;

beforeAll(async () => {
  graph = await Graph.start(undefined, { isSubgraph: true });
  await graph.observe(
    observeThreat(sampleThreat('t1', { messages: [sampleMessage('m1', { subject: 'Invoice' })] })),
  );
  const found = await graph.data<{
    threats: { nodes: { id: string }[] };
    messages: { nodes: { id: string }[] };
  }>('{ threats { nodes { id } } messages { nodes { id } } }');
  refs = { threat: found.threats.nodes[0]?.id ?? '', message: found.messages.nodes[0]?.id ?? '' };
});
afterAll(() => graph.close());

async function sdlOfGraph(): Promise<string> {
  const { _service } = await graph.data<{ _service: { sdl: string } }>('{ _service { sdl } }');
  return _service.sdl;
}

/** The second subgraph, as a schema with resolvers. */
function tickets(): GraphQLSchema {
  const entities =
    'scalar _Any union _Entity = Threat extend type Query { _entities(representations: [_Any!]!): [_Entity]! }';
  const schema = buildSchema(
    `directive @key(fields: String!, resolvable: Boolean) on OBJECT directive @shareable on OBJECT ${TICKETS} ${entities}`,
  );
  const fields = schema.getQueryType()?.getFields();
  const { threat, message } = refs;
  if (fields?.tickets)
    fields.tickets.resolve = () => [
      { number: 7, threat: { id: threat, ticketCount: 1 }, message: { id: message } },
    ];
  if (fields?._entities)
    fields._entities.resolve = (_, { representations }) =>
      (representations as { id: string }[]).map(({ id }) => ({ __typename: 'Threat', id, ticketCount: 1 }));
  return schema;
}

function compose(own: string): string {
  const link =
    'extend schema @link(url: "https://specs.apollo.dev/federation/v2.4", import: ["@key", "@shareable"])';
  const { errors, supergraphSdl } = composeServices([
    { name: 'abnormal', url: `${graph.url}/graphql`, typeDefs: parse(own) },
    { name: 'tickets', url: 'local', typeDefs: parse(`${link} ${TICKETS}`) },
  ]);
  expect(errors).toBeUndefined();
  return supergraphSdl ?? '';
}

type Value = Record<string, unknown>;

/** Runs a plan of Apollo's query planner, as a router does. */
class Router {
  readonly data: Value = {};

  constructor(private readonly local: GraphQLSchema) {}

  async run(node: PlanNode | SubscriptionNode | undefined): Promise<void> {
    if (node?.kind === 'Sequence' || node?.kind === 'Parallel')
      for (const each of node.nodes) await this.run(each);
    else if (node?.kind === 'Fetch') Object.assign(this.data, await this.fetch(node, {}));
    else if (node?.kind === 'Flatten' && node.node.kind === 'Fetch')
      await this.complete(node.path, node.node);
    else throw new Error(`an unexpected node: ${node?.kind}`);
  }

  /** Asks a subgraph for more fields of the entities at a path. */
  private async complete(path: readonly (string | number)[], node: FetchNode): Promise<void> {
    const entities = path.reduce<Value[]>(
      (found, name) =>
        found.flatMap((each) => (name === '@' ? (each as unknown as Value[]) : [each[name] as Value])),
      [this.data],
    );
    const representations = entities.map(({ __typename, id }) => ({ __typename, id }));
    const { _entities } = (await this.fetch(node, { representations })) as { _entities: Value[] };
    for (const [n, entity] of entities.entries()) Object.assign(entity, _entities[n]);
  }

  private async fetch({ serviceName, operation }: FetchNode, variables: Value): Promise<Value> {
    if (serviceName === 'abnormal') return graph.data(operation, variables);
    const { data, errors } = await graphql({
      schema: this.local,
      source: operation,
      variableValues: variables,
    });
    expect(errors).toBeUndefined();
    return data as Value;
  }
}

describe('the graph as a subgraph of Apollo Federation', () => {
  test('is composed with another subgraph, and both are queried by plans of Apollo’s query planner', async () => {
    const supergraph = Supergraph.build(compose(await sdlOfGraph()));
    const query = `{
      tickets { number threat { threatId ticketCount messages { nodes { subject } } } message { subject threat { threatId } } }
      threats(first: 1) { totalCount nodes { threatId ticketCount } pageInfo { hasNextPage } }
    }`;
    const plan = new QueryPlanner(supergraph).buildQueryPlan(
      operationFromDocument(supergraph.apiSchema(), parse(query)),
    );
    const router = new Router(tickets());
    await router.run(plan.node);
    expect(router.data).toMatchObject({
      tickets: [
        {
          number: 7,
          threat: { threatId: 't1', ticketCount: 1, messages: { nodes: [{ subject: 'Invoice' }] } },
          message: { subject: 'Invoice', threat: { threatId: 't1' } },
        },
      ],
      threats: {
        totalCount: 1,
        nodes: [{ threatId: 't1', ticketCount: 1 }],
        pageInfo: { hasNextPage: false },
      },
    });
  });

  test('finds entities in the order of their representations; an unknown one is null', async () => {
    const query = `query E($representations: [_Any!]!) {
      _entities(representations: $representations) { __typename ... on Threat { threatId } ... on Message { messageId } }
    }`;
    const gone = Buffer.from('Run default unknown').toString('base64url');
    const representations = [
      { __typename: 'Message', id: refs.message },
      { __typename: 'Run', id: gone },
      { __typename: 'Threat', id: refs.threat },
    ];
    const { _entities } = await graph.data(query, { representations });
    expect(_entities).toEqual([
      { __typename: 'Message', messageId: 'm1' },
      null,
      { __typename: 'Threat', threatId: 't1' },
    ]);
    const wrong = await graph.error(query, { representations: [{ __typename: 'Case', id: refs.threat }] });
    expect(wrong).toEqual({ code: 'BAD_USER_INPUT', message: 'The id is one of Threat, not of Case.' });
    expect((await graph.error(query, { representations: ['text'] })).code).toBe('BAD_USER_INPUT');
  });

  test('is off unless asked for', async () => {
    const plain = await Graph.start();
    expect((await plain.error('{ _service { sdl } }')).code).toBe('GRAPHQL_VALIDATION_FAILED');
    await plain.close();
  });
});
