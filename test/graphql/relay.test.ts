import 'reflect-metadata';
import { execFile } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  observeCampaign,
  observeCase,
  observeThreat,
  sampleCampaign,
  sampleCase,
  sampleMessage,
  sampleThreat,
} from '../support/records.js';
import { Graph } from './harness.js';

/* Relay's own compiler accepts the schema, and what it generates can be paged through. */

const list = (name: string, fields: string, args = '', variables = '', field = name) => `
  fragment ${name} on Query
  @argumentDefinitions(count: { type: "Int", defaultValue: 2 }, cursor: { type: "String" }${variables})
  @refetchable(queryName: "${name}Page") {
    ${field}(first: $count, after: $cursor${args}) @connection(key: "app_${field}") { edges { node { ${fields} } } }
  }`;

const SOURCES = [
  list('threats', 'id threatId', ', filter: $filter', ', filter: { type: "ThreatFilter" }'),
  list('cases', 'id caseId'),
  list('campaigns', 'id campaignId'),
  list('changes', 'recordId change node { __typename id }', ', start: BEGINNING'),
  list('everyMessage', 'id messageId threat { id }', '', '', 'messages'),
  `fragment messages on Threat
  @argumentDefinitions(count: { type: "Int", defaultValue: 2 }, cursor: { type: "String" })
  @refetchable(queryName: "messagesPage") {
    threatId messages(first: $count, after: $cursor) @connection(key: "threat_messages") { edges { node { messageId } } }
  }`,
  `query appPageQuery($id: ID!, $asOf: DateTime) {
    ...threats ...cases ...campaigns ...changes ...everyMessage
    record(id: $id, asOf: $asOf) { id ...messages @alias(as: "threat") }
  }`,
  `subscription appFollowSubscription($after: String) {
    changes(start: NOW, after: $after) { nodes { recordId node { id } } tail { cursor asOf caughtUp } }
  }`,
];

/** Compiles the sources as an application does, and returns the text of each operation by name. */
async function compile(): Promise<Record<string, string>> {
  const folder = mkdtempSync(join(tmpdir(), 'gateway-relay-'));
  try {
    mkdirSync(join(folder, 'src'));
    cpSync('schema.graphql', join(folder, 'schema.graphql'));
    const tags = SOURCES.map((text, index) => `export const part${index} = graphql\`${text}\`;\n`);
    // the compiler wants the name of the file in front of the names of operations and fragments
    writeFileSync(
      join(folder, 'src', 'app.js'),
      `import { graphql } from 'relay-runtime';\n${tags.join('')}`,
    );
    const config = { src: './src', schema: './schema.graphql', language: 'typescript' };
    writeFileSync(join(folder, 'relay.config.json'), JSON.stringify({ ...config, noSourceControl: true }));
    const compiler = createRequire(import.meta.url)('relay-compiler') as string;
    await promisify(execFile)(compiler, ['relay.config.json'], { cwd: folder });
    const names = [
      ...['threats', 'cases', 'campaigns', 'changes', 'messages', 'everyMessage'].map(
        (name) => `${name}Page`,
      ),
    ];
    names.push('appPageQuery', 'appFollowSubscription');
    return Object.fromEntries(
      names.map((name) => {
        const generated = readFileSync(join(folder, 'src', '__generated__', `${name}.graphql.ts`), 'utf8');
        const [, text = '""'] = /"text": ("(?:[^"\\]|\\.)*")/.exec(generated) ?? [];
        return [name, JSON.parse(text) as string];
      }),
    );
  } finally {
    rmSync(folder, { recursive: true });
  }
}

interface Connection {
  readonly edges: readonly { readonly cursor: string; readonly node: Record<string, unknown> }[];
  readonly pageInfo: { readonly endCursor: string; readonly hasNextPage: boolean };
}

let graph: Graph;
let operations: Record<string, string>;
let threatId = '';

beforeAll(async () => {
  operations = await compile();
  graph = await Graph.start();
  const messages = ['1', '2', '3'].map((id) => sampleMessage(id));
  await graph.observe(
    ...['1', '2', '3'].flatMap((id) => [
      observeThreat(sampleThreat(`t${id}`, { messages })),
      observeCase(sampleCase(`c${id}`)),
      observeCampaign(sampleCampaign(`k${id}`)),
    ]),
  );
  const { threats } = await graph.data<{ threats: { nodes: { id: string }[] } }>(
    '{ threats { nodes { id } } }',
  );
  threatId = threats.nodes[0]?.id ?? '';
});
afterAll(() => graph.close());

describe('what Relay generates', () => {
  test('reads the first page of each list and a record', async () => {
    const data = await graph.data<Record<string, Connection>>(operations.appPageQuery ?? '', {
      id: threatId,
    });
    for (const name of ['threats', 'cases', 'campaigns', 'changes']) {
      expect(data[name]?.edges).toHaveLength(2);
      expect(data[name]?.pageInfo.hasNextPage).toBe(true);
    }
    expect(data.record).toMatchObject({ id: threatId });
  });

  test.each(['threats', 'cases', 'campaigns'])('pages through %s without a gap', async (name) => {
    expect(await walk(name, {}, ({ id }) => String(id))).toHaveLength(3);
  });

  test('pages through the changes', async () => {
    const ids = await walk('changes', {}, ({ recordId }) => String(recordId));
    expect(ids.sort()).toEqual(['c1', 'c2', 'c3', 'k1', 'k2', 'k3', 't1', 't2', 't3']);
  });

  test('pages through the messages of all threats', async () => {
    expect(await walk('everyMessage', {}, ({ id }) => String(id), 'messages')).toHaveLength(9);
  });

  test('pages through the messages of a threat, which it finds again with “node”', async () => {
    expect(operations.messagesPage).toMatch(/node\(id: \$id\)/);
    expect(await walk('messages', { id: threatId }, ({ messageId }) => String(messageId))).toEqual([
      '1',
      '2',
      '3',
    ]);
  });

  async function walk(
    name: string,
    variables: object,
    idOf: (node: Record<string, unknown>) => string,
    field = name,
  ): Promise<string[]> {
    const ids: string[] = [];
    let cursor: string | null = null;
    do {
      const data: Record<string, Connection & Record<string, Connection>> = await graph.data(
        operations[`${name}Page`] ?? '',
        { ...variables, count: 2, cursor },
      );
      const page: Connection | undefined = data[field] ?? data.node?.[field];
      ids.push(...(page?.edges.map(({ node }) => idOf(node)) ?? []));
      cursor = page?.pageInfo.hasNextPage ? page.pageInfo.endCursor : null;
    } while (cursor !== null);
    return ids;
  }
});
