import { DatabaseSync } from '@photostructure/sqlite';
import { fastify } from 'fastify';
import mercurius from 'mercurius';
import { unpackText } from '../../src/history/stored-texts.js';
import type { CaseRecord } from '../../src/resources/case/case.js';
import type { MessageRecord, ThreatRecord } from '../../src/resources/threat/threat.js';
import { serveMeasured } from './measured.js';

/*
 * The rival: mercurius with jit and resolvers written by hand, over the SQLite file that is named as argument. It
 * serves what is measured and nothing else: no limits, roles, snapshots, freshness, costs or cursors that are checked.
 */

const schema = `
  scalar DateTime
  type Query {
    threats(first: Int, filter: ThreatFilter): ThreatConnection
    cases(first: Int, maxAge: Int, filter: CaseFilter): CaseConnection
    node(id: ID!): Node
  }
  interface Node { id: ID! }
  input DateTimeFilter { lte: DateTime }
  input ThreatFilter { receivedTime: DateTimeFilter }
  input CaseFilter { lastModifiedTime: DateTimeFilter }
  type PageInfo { hasNextPage: Boolean! endCursor: String }
  type ThreatConnection { nodes: [Threat!]! pageInfo: PageInfo! }
  type CaseConnection { nodes: [Case!]! pageInfo: PageInfo! }
  type MessageConnection { nodes: [Message!]! }
  type Threat implements Node {
    id: ID! threatId: ID! subject: String receivedTime: DateTime recipientCount: Int attackTypes: [AttackType!]!
    fromAddresses: [String!]! remediation: Remediation! messages(first: Int): MessageConnection
  }
  type Remediation { state: State! }
  type Message {
    messageId: ID! subject: String fromAddress: String recipientAddress: String receivedTime: DateTime
    attackType: AttackType remediation: State! remediationTime: DateTime
  }
  type Case implements Node {
    id: ID! caseId: ID! severity: Severity lastModifiedTime: DateTime threats(first: Int): ThreatConnection
  }
  enum Severity { NONE LOW MEDIUM HIGH OTHER }
  enum State { REMEDIATED PARTLY ATTEMPTED NOT_REMEDIATED NOT_NEEDED UNKNOWN }
  enum AttackType { CREDENTIAL_PHISHING SCAM MALWARE INVOICE_FRAUD_BEC EXTORTION OTHER }
`;

const TYPES = new Map([
  ['Phishing: Credential', 'CREDENTIAL_PHISHING'],
  ['Scam', 'SCAM'],
  ['Malware', 'MALWARE'],
  ['Invoice/Payment Fraud (BEC)', 'INVOICE_FRAUD_BEC'],
  ['Extortion', 'EXTORTION'],
]);
const STATES = new Map([
  ['Auto-Remediated', 'REMEDIATED'],
  ['Post Remediated', 'REMEDIATED'],
  ['Remediation Attempted', 'ATTEMPTED'],
  ['Not remediated', 'NOT_REMEDIATED'],
  ['Marked Safe', 'NOT_NEEDED'],
]);

type Threat = ThreatRecord & { readonly __typename: 'Threat' };
type Case = CaseRecord & { readonly __typename: 'Case' };

const [path = ''] = process.argv.slice(2);
const db = new DatabaseSync(path, { readOnly: true });
db.exec('PRAGMA cache_size = -16384');

const LIVE = 't.integration = 1 AND t.deleted = 0 AND t.seq_to > (SELECT max(seq) FROM batches)';
const newest = (kind: string, field: string) =>
  db.prepare(`SELECT b.record FROM "${kind}" t JOIN bodies b ON b.rev = t.rev
    WHERE ${LIVE} AND t.${field} <= ? ORDER BY t.${field} DESC, t.id DESC LIMIT ?`);
const threatsUntil = newest('threat', 'receivedTime');
const casesUntil = newest('case', 'lastModifiedTime');
const threatsById =
  db.prepare(`SELECT b.record FROM json_each(?) k CROSS JOIN "threat" t ON t.id = k.value AND ${LIVE}
  CROSS JOIN bodies b ON b.rev = t.rev`);

const threatOf = ({ record }: Record<string, unknown>): Threat => ({
  ...(JSON.parse(unpackText(record) ?? 'null') as ThreatRecord),
  __typename: 'Threat',
});
const caseOf = ({ record }: Record<string, unknown>): Case => ({
  ...(JSON.parse(unpackText(record) ?? 'null') as CaseRecord),
  __typename: 'Case',
});
const idOf = (type: string, id: string) => Buffer.from(`${type} default ${id}`).toString('base64url');
const findThreats = (ids: readonly string[]) => threatsById.all(JSON.stringify(ids)).map(threatOf);

interface ListArgs {
  readonly first: number;
  readonly filter?: Readonly<Record<string, { readonly lte?: string }>> | null;
}

function page<T>(nodes: T[], first: number, placeOf: (node: T) => unknown) {
  const last = nodes[first - 1] ?? nodes.at(-1);
  const endCursor =
    last === undefined ? null : Buffer.from(JSON.stringify(placeOf(last))).toString('base64url');
  return { nodes: nodes.slice(0, first), pageInfo: { hasNextPage: nodes.length > first, endCursor } };
}

const receivedOf = ({ messages }: Threat) =>
  messages.reduce<string | null>(
    (latest, { receivedTime: at }) => (at !== null && (latest === null || at > latest) ? at : latest),
    null,
  );

function stateOf({ remediationStatusRaw, remediationTime, autoRemediated, postRemediated }: MessageRecord) {
  const state = remediationStatusRaw === null ? undefined : STATES.get(remediationStatusRaw);
  return state ?? (remediationTime || autoRemediated || postRemediated ? 'REMEDIATED' : 'UNKNOWN');
}

function remediationOf({ messages }: Threat) {
  const states = new Set(messages.map(stateOf));
  states.delete('NOT_NEEDED');
  const [first = 'NOT_NEEDED'] = states;
  return { state: states.size < 2 ? first : states.has('REMEDIATED') ? 'PARTLY' : 'NOT_REMEDIATED' };
}

const attackTypeOf = ({ attackTypeRaw: raw }: MessageRecord) =>
  raw === null ? null : (TYPES.get(raw) ?? 'OTHER');
const distinct = (values: readonly (string | null)[]) =>
  [...new Set(values)].filter((value) => value !== null);

const resolvers = {
  Query: {
    threats: (_: unknown, { first, filter }: ListArgs) =>
      page(threatsUntil.all(filter?.receivedTime?.lte ?? '9', first + 1).map(threatOf), first, (threat) => [
        receivedOf(threat),
        threat.threatId,
      ]),
    cases: (_: unknown, { first, filter }: ListArgs) =>
      page(casesUntil.all(filter?.lastModifiedTime?.lte ?? '9', first + 1).map(caseOf), first, (found) => [
        found.lastModifiedTime,
        found.caseId,
      ]),
    node: (_: unknown, { id }: { id: string }) => {
      const [type, , own = ''] = Buffer.from(id, 'base64url').toString().split(' ');
      return type === 'Threat' ? findThreats([own])[0] : null;
    },
  },
  Node: { resolveType: ({ __typename }: Threat | Case) => __typename },
  Threat: {
    id: ({ threatId }: Threat) => idOf('Threat', threatId),
    subject: ({ messages }: Threat) => messages[0]?.subject ?? null,
    receivedTime: receivedOf,
    attackTypes: ({ messages }: Threat) => distinct(messages.map(attackTypeOf)),
    fromAddresses: ({ messages }: Threat) => distinct(messages.map(({ fromAddress }) => fromAddress)),
    remediation: remediationOf,
    messages: ({ messages }: Threat, { first }: { first: number }) => ({ nodes: messages.slice(0, first) }),
  },
  Message: { attackType: attackTypeOf, remediation: stateOf },
  Case: {
    id: ({ caseId }: Case) => idOf('Case', caseId),
    severity: ({ severityLevelRaw }: Case) => severityLevelRaw,
  },
};

const loaders = {
  Case: {
    threats: {
      loader: async (queries: readonly { obj: Case; params: { first: number } }[]) => {
        const wanted = new Set(queries.flatMap(({ obj }) => obj.threatIds));
        const found = new Map(findThreats([...wanted]).map((threat) => [threat.threatId, threat]));
        return queries.map(({ obj, params }) => ({
          nodes: obj.threatIds.slice(0, params.first).flatMap((id) => found.get(id) ?? []),
        }));
      },
      opts: { cache: false },
    },
  },
};

const app = fastify();
await app.register(mercurius, { schema, resolvers, loaders: loaders as never, jit: 1 });
serveMeasured(await app.listen({ host: '127.0.0.1', port: 0 }));
