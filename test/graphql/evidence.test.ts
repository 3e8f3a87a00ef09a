import 'reflect-metadata';
import { type GraphQLSchema, graphql } from 'graphql';
import { pino } from 'pino';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createContextFactory, type GatewayContext } from '../../src/graphql/request/services.js';
import { buildGatewaySchema } from '../../src/graphql/schema.js';
import { openStore } from '../../src/history/open-store.js';
import type { HistoryStore } from '../../src/history/store.js';
import { CONTROL_IDS } from '../../src/policy/policy.js';
import { mail } from '../support/control-facts.js';
import { ask, hoursAfter, recordHistory, type Seen } from '../support/evidence-history.js';
import { fixedAccounts } from '../support/fixed-accounts.js';
import { sampleCampaign, sampleCase, sampleMessage, sampleThreat } from '../support/records.js';

const NOW = '2026-10-08T00:00:00.000Z';
const LOST = { from: '2026-09-20T00:00:00.000Z', to: '2026-09-20T12:00:00.000Z', caughtUp: false };
const AT = '2026-09-10T08:00:00.000Z';

const left = Array.from({ length: 30 }, (_, i): Seen => {
  const messages = [sampleMessage(`m${i}`, mail(hoursAfter(AT, i), null, { subject: `Left ${i}` }))];
  return { at: hoursAfter(AT, i + 1), threat: sampleThreat(`t${i}`, { messages }) };
});
const seen: Seen[] = [
  ...left,
  {
    at: hoursAfter(AT, 2),
    case: sampleCase('c1', {
      customerVisibleTime: AT,
      statusRaw: 'Acknowledged (In progress)',
      lastModifiedTime: AT,
    }),
  },
  { at: hoursAfter(AT, 2), campaign: sampleCampaign('k1', { firstReportedTime: AT, lastReportedTime: AT }) },
];

let store: HistoryStore;
let schema: GraphQLSchema;
let contextOf: () => GatewayContext;

beforeAll(async () => {
  store = await openStore('sqlite::memory:', 'write');
  await recordHistory(store, {
    ...{ from: '2026-08-20T00:00:00.000Z', to: NOW, seen },
    outages: ({ resource }) => (resource === 'threats' ? [LOST] : []),
  });
  schema = buildGatewaySchema();
  contextOf = contextFor(store);
});

function contextFor(of: HistoryStore) {
  const fresh = { stale: false, verifiedAt: null, live: false } as const;
  return createContextFactory({
    ...{ store: of, accounts: fixedAccounts(), defaultMaxAgeMs: 300_000, clock: () => Date.parse(NOW) },
    live: { record: async () => fresh, list: async () => fresh },
    log: pino({ level: 'silent' }),
  });
}

afterAll(() => store.close());

async function query(source: string, variableValues: Record<string, unknown> = {}) {
  const { data, errors } = await graphql({ schema, source, variableValues, contextValue: contextOf() });
  if (errors) throw new Error(errors.map(({ message }) => message).join('\n'));
  return JSON.parse(JSON.stringify(data));
}

async function failure(source: string) {
  const { errors } = await graphql({ schema, source, contextValue: contextOf() });
  const [error] = errors ?? [];
  return { code: error?.extensions.code, message: error?.message };
}

describe('controls', () => {
  test('lists every control with its rule and its thresholds', async () => {
    const { controls } = await query(
      '{ controls { id title rule streams thresholds { name value unit description } } }',
    );
    expect(controls.map(({ id }: { id: string }) => id)).toEqual(CONTROL_IDS);
    expect(controls[2]).toMatchObject({
      title: 'Attacks are remediated',
      streams: ['threats/receivedTime', 'threats/latestTimeRemediated'],
    });
    expect(controls[2].thresholds[1]).toMatchObject({
      name: 'remediateWithin',
      value: 86_400,
      unit: 'SECONDS',
    });
    // every threshold that a rule names is among those it gives
    for (const { rule, thresholds } of controls) {
      const named = [...rule.matchAll(/`(\w+)`/g)].map(([, name]) => name);
      expect(thresholds.map(({ name }: { name: string }) => name)).toEqual(expect.arrayContaining(named));
    }
  });
});

describe('evidence', () => {
  test('gives verdicts with their measures, populations and gaps', async () => {
    const { evidence } = await query(`{
      evidence(period: "2026-09", controls: ["attacks-captured", "attacks-remediated", "account-takeover-handled"]) {
        period { text from to } asOf seq integrations
        results {
          control { id } verdict reason pending inDoubt
          measured { name value unit threshold bound } measures { name }
          population { count unit words query complete gaps { integration stream from to reason detail class } }
          exceptions(first: 2) { totalCount nodes { reason integration messageId stream at until } }
          distributions { title bars { label count before } }
        }
      }
    }`);
    expect(evidence).toMatchObject({ asOf: NOW, integrations: ['default'], period: { text: '2026-09' } });
    const [captured, remediated, handled] = evidence.results;
    expect(captured).toMatchObject({
      verdict: 'FAIL',
      population: { complete: false, gaps: [{ stream: 'threats/receivedTime', class: 'HOLE', to: LOST.to }] },
      exceptions: {
        totalCount: 1,
        nodes: [{ stream: 'threats/receivedTime', until: LOST.to, messageId: null }],
      },
    });
    expect(remediated).toMatchObject({
      verdict: 'FAIL',
      measured: { name: 'Remediated', value: 0, unit: 'SHARE', threshold: 1, bound: 'AT_LEAST' },
      population: { count: 30, unit: 'messages' },
    });
    expect(handled).toMatchObject({ verdict: 'PASS', population: { count: 1, complete: true } });
  });

  test('gives exceptions with their records, and pagination returns each once', async () => {
    const source = `query ($after: String) {
      evidence(period: "2026-09", controls: ["attacks-remediated"]) {
        results { exceptions(first: 7, after: $after) {
          totalCount pageInfo { hasNextPage hasPreviousPage endCursor }
          nodes { messageId reason record { __typename id ... on Threat { threatId messages(first: 1) { nodes { subject } } } } }
        } }
      }
    }`;
    const walked: { messageId: string; record: { __typename: string; threatId: string } }[] = [];
    for (let after: string | null = null; ; ) {
      const { evidence } = await query(source, { after });
      const { nodes, pageInfo, totalCount } = evidence.results[0].exceptions;
      expect(totalCount).toBe(30);
      expect(pageInfo.hasPreviousPage).toBe(after !== null);
      walked.push(...nodes);
      after = pageInfo.endCursor;
      if (!pageInfo.hasNextPage) break;
    }
    expect(walked.map(({ messageId }) => messageId)).toEqual(left.map((_, i) => `m${i}`));
    expect(walked.map(({ record }) => record.threatId)).toEqual(left.map((_, i) => `t${i}`));
    expect(walked[3]).toMatchObject({ record: { messages: { nodes: [{ subject: 'Left 3' }] } } });
  });

  test('keeps the view of the first page during pagination', async () => {
    const own = await openStore('sqlite::memory:', 'write');
    const span = { from: '2026-08-20T00:00:00.000Z', to: '2026-09-25T00:00:00.000Z' };
    await recordHistory(own, { ...span, seen: left });
    const fresh = { stale: false, verifiedAt: null, live: false } as const;
    const factory = createContextFactory({
      ...{ store: own, accounts: fixedAccounts(), defaultMaxAgeMs: 300_000, clock: () => Date.parse(NOW) },
      live: { record: async () => fresh, list: async () => fresh },
      log: pino({ level: 'silent' }),
    });
    const source = `query ($after: String) { evidence(period: "2026-W37", controls: ["attacks-remediated"]) {
      seq results { exceptions(first: 20, after: $after) { totalCount pageInfo { endCursor } nodes { messageId } } } } }`;
    const page = async (after: string | null) => {
      const result = await graphql({ schema, source, variableValues: { after }, contextValue: factory() });
      return JSON.parse(JSON.stringify(result.data)).evidence;
    };
    const first = await page(null);
    // all of them are remediated afterwards
    const remediated = left.map(({ threat }) => ({
      at: '2026-09-26T00:00:00.000Z',
      threat: sampleThreat(threat?.threatId ?? '', {
        messages: (threat?.messages ?? []).map(({ messageId }) => sampleMessage(messageId, mail(AT, 1000))),
      }),
    }));
    const later = { from: '2026-09-26T00:00:00.000Z', to: '2026-09-26T00:00:00.000Z', prefix: 'later' };
    await recordHistory(own, { ...later, seen: remediated });
    const second = await page(first.results[0].exceptions.pageInfo.endCursor);
    expect(second.seq).toBeGreaterThan(first.seq);
    expect((await page(null)).results[0].exceptions.totalCount).toBe(0);
    const messages = [first, second].flatMap(({ results }) => results[0].exceptions.nodes);
    expect(messages.map(({ messageId }: { messageId: string }) => messageId)).toEqual(
      left.map((_, i) => `m${i}`),
    );
    await own.close();
  });

  test('evaluates each part of a trend separately', async () => {
    const { evidence } =
      await query(`{ evidence(period: "2026-09", trend: WEEK, controls: ["attacks-captured"]) {
      trend { period { text } points { control { id } verdict measured { value } count exceptions reason } } } }`);
    expect(evidence.trend.map(({ period }: { period: { text: string } }) => period.text)).toEqual([
      '2026-W36',
      '2026-W37',
      '2026-W38',
      '2026-W39',
      '2026-W40',
    ]);
    expect(evidence.trend.map(({ points }: { points: { verdict: string }[] }) => points[0]?.verdict)).toEqual(
      ['PASS', 'PASS', 'FAIL', 'PASS', 'PASS'],
    );
  });

  test('as of an instant is the same as it was then', async () => {
    const source = (asOf: string) => `{ evidence(period: "2026-09-10/2026-09-15", asOf: "${asOf}",
      controls: ["attacks-remediated"]) { asOf results { verdict pending exceptions { totalCount } } } }`;
    const { evidence: then } = await query(source('2026-09-11T00:00:00Z'));
    expect(then).toMatchObject({
      asOf: '2026-09-11T00:00:00.000Z',
      results: [{ exceptions: { totalCount: 0 } }],
    });
    expect(then.results[0].pending).toBeGreaterThan(0);
    const { evidence: now } = await query(source(NOW));
    expect(now.results[0]).toMatchObject({ pending: 0, exceptions: { totalCount: 30 } });
  });

  test('prints queries that return the members of each population, page by page', async () => {
    const own = await openStore('sqlite::memory:', 'write');
    // records whose time falls back to another, that say none, that straddle the period, or that are gone
    const base = { customerVisibleTime: null, createdTime: null, statusRaw: 'Action Required' } as const;
    const dated = { firstReportedTime: null, lastReportedTime: AT };
    const undated = { receivedTime: null };
    const odd: Seen[] = [
      ...seen,
      ...['c2', 'c3'].map((id) => ({
        at: AT,
        case: sampleCase(id, { ...base, firstObservedTime: id === 'c2' ? AT : null, lastModifiedTime: AT }),
      })),
      { at: AT, campaign: sampleCampaign('k2', dated) },
      { at: AT, campaign: sampleCampaign('k3', { ...dated, lastReportedTime: null }) },
      { at: AT, threat: sampleThreat('u1', { messages: [] }) },
      { at: AT, threat: sampleThreat('u2', { messages: [sampleMessage('u2', mail(AT, null, undated))] }) },
      {
        at: AT,
        threat: sampleThreat('around', {
          messages: ['2026-08-21T00:00:00.000Z', '2026-10-02T00:00:00.000Z'].map((at, i) =>
            sampleMessage(`around-${i}`, mail(at, null)),
          ),
        }),
      },
      ...(['threat t1', 'case c2', 'campaign k2'] as const).map((name): Seen => {
        const [kind, id = ''] = name.split(' ');
        return { at: '2026-09-25T00:00:00.000Z', gone: { kind: kind as 'threat' | 'case' | 'campaign', id } };
      }),
      { at: '2026-09-26T00:00:00.000Z', threat: sampleThreat('t2', { messages: [] }) },
    ];
    const span = { from: '2026-08-20T00:00:00.000Z', to: NOW };
    await recordHistory(own, { ...span, seen: odd });
    const expected = new Map<string, string[]>();
    const { results } = await ask(
      own,
      { period: '2026-09' },
      {
        onFinding: (control, { subject }) => {
          if (subject.type !== 'RECORD') return;
          const { key, messageId } = subject;
          expected.set(control, [...(expected.get(control) ?? []), `${key.kind} ${key.id} ${messageId}`]);
        },
      },
    );
    // detection-active finds nothing of single threats: it is about the same ones as attacks-captured
    expected.set('detection-active', expected.get('attacks-captured') ?? []);
    contextOf = contextFor(own);
    for (const { control, population, noLongerGiven } of results) {
      if (population.query === null) continue;
      const ids: string[] = [];
      const gone: string[] = [];
      for (let after: string | null = null; ; ) {
        const args = `, first: 9${after === null ? '' : `, after: "${after}"`})`;
        const { population: page } = await query(`{ ${population.query.replace(/\)$/, args)} {
          totalCount pageInfo { hasNextPage endCursor }
          nodes { recordId messageId noLongerGivenSince record { __typename } } } }`);
        expect(page.totalCount).toBe(population.count);
        for (const node of page.nodes) {
          const name = `${node.record.__typename.toLowerCase()} ${node.recordId} ${node.messageId}`;
          ids.push(name);
          if (node.noLongerGivenSince !== null) gone.push(name);
        }
        after = page.pageInfo.endCursor;
        if (!page.pageInfo.hasNextPage) break;
      }
      expect([control, ids]).toEqual([control, expected.get(control)]);
      expect([control, gone.length]).toEqual([control, noLongerGiven.count]);
    }
    const ofControl = (id: string) => results.find(({ control }) => control === id);
    expect(ofControl('attacks-captured')).toMatchObject({
      population: { count: 32 },
      noLongerGiven: { count: 2 },
    });
    expect(ofControl('account-takeover-handled')).toMatchObject({ population: { count: 3 } });
    expect(ofControl('abuse-mailbox-operating')).toMatchObject({ population: { count: 3 } });
    const { evidence } = await query(`{ evidence(period: "2026-09", controls: ["account-takeover-handled"]) {
      results { noLongerGiven { count since members { recordId noLongerGivenSince record { ... on Case { caseId deletedAt } } } } } } }`);
    const since = '2026-09-25T00:00:00.000Z';
    expect(evidence.results[0].noLongerGiven).toEqual({
      ...{ count: 1, since },
      members: [{ recordId: 'c2', noLongerGivenSince: since, record: { caseId: 'c2', deletedAt: since } }],
    });
    contextOf = contextFor(store);
    await own.close();
  });

  test('can include all messages a threat ever had, each with the version it is from', async () => {
    const own = await openStore('sqlite::memory:', 'write');
    const [first, second, third] = [
      '2026-09-11T00:00:00.000Z',
      '2026-09-12T00:00:00.000Z',
      '2026-09-13T00:00:00.000Z',
    ];
    const given = (at: string, of: readonly (readonly [string, string])[]): Seen => ({
      at,
      threat: sampleThreat('s1', {
        messages: of.map(([id, subject]) => sampleMessage(id, mail(AT, null, { subject }))),
      }),
    });
    const steps = [
      given(first, [
        ['1', 'one'],
        ['2', 'two'],
      ]),
      given(second, [
        ['2', 'two, again'],
        ['3', 'three'],
      ]),
      given(third, [['3', 'three']]),
    ];
    await recordHistory(own, { from: first, to: third, seen: steps });
    contextOf = contextFor(own);
    const fields = 'nodes { messageId subject noLongerGivenSince version { observedFrom } } totalCount';
    const read = async (args: string, asOf = '') => {
      const { threat } = await query(`{ threat(threatId: "s1"${asOf}) { messages${args} { ${fields} } } }`);
      return threat.messages.nodes.map(
        (node: Record<string, string> & { version: { observedFrom: string } }) => [
          ...[node.messageId, node.subject, node.noLongerGivenSince, node.version.observedFrom],
        ],
      );
    };
    expect(await read('')).toEqual([['3', 'three', null, third]]);
    expect(await read('(recorded: CURRENT)')).toEqual([['3', 'three', null, third]]);
    expect(await read('(recorded: ALL)')).toEqual([
      ['1', 'one', second, first],
      ['2', 'two, again', third, second],
      ['3', 'three', null, third],
    ]);
    expect(await read('(recorded: ALL)', `, asOf: "${second}"`)).toEqual([
      ['1', 'one', second, first],
      ['2', 'two, again', null, second],
      ['3', 'three', null, second],
    ]);
    contextOf = contextFor(store);
    await own.close();
  });

  test.each([
    ['evidence(period: "2026-Q7") { seq }', 'is not a period. Accepted: a quarter (2026-Q3)'],
    [
      'evidence(period: "2026-09", controls: ["attack-captured"]) { seq }',
      'There is no control attack-captured. Known controls: detection-active',
    ],
    ['evidence(period: "2026-09", integrations: ["nobody"]) { seq }', 'Known integrations: default'],
    ['evidence(period: "2026-09", asOf: "2027-01-01T00:00:00Z") { seq }', 'must not be in the future'],
    ['evidence(period: "2020-01-01/2026-01-01", trend: DAY) { seq }', 'more than 400 parts'],
    [
      'evidence(period: "2026-09") { results { exceptions(first: 0) { totalCount } } }',
      'must be from 1 to 100',
    ],
    ['evidence(period: "2026-09") { results { exceptions(after: "x") { totalCount } } }', 'is not a cursor'],
  ])('is refused for %s with the accepted values', async (field, words) => {
    expect(await failure(`{ ${field} }`)).toMatchObject({
      code: 'BAD_USER_INPUT',
      message: expect.stringContaining(words),
    });
  });

  test('refuses a cursor of another control', async () => {
    const page = (id: string, after = '') =>
      `{ evidence(period: "2026-09", controls: ["${id}"]) { results { exceptions(first: 1 ${after}) { pageInfo { endCursor } } } } }`;
    const { evidence } = await query(page('attacks-remediated'));
    const cursor = evidence.results[0].exceptions.pageInfo.endCursor;
    expect(await failure(page('attacks-captured', `after: "${cursor}"`))).toMatchObject({
      code: 'BAD_USER_INPUT',
    });
  });
});

describe('posture', () => {
  const source = `query ($windows: [PostureWindow!], $controls: [ID!]) {
    posture(windows: $windows, controls: $controls) {
      now asOf seq integrations
      states {
        control { id } window period { text from to } verdict reason headline { text } exceptions waived count
        validUntil wouldChange since { at before } trend { direction verdict period { from to } headline { text } }
      }
    }
  }`;

  test('returns the state of each control for each window, as evidence over the same period has it', async () => {
    const { posture } = await query(source, {});
    expect(posture).toMatchObject({ now: NOW, integrations: ['default'] });
    expect(posture.states).toHaveLength(CONTROL_IDS.length * 4);
    for (const state of posture.states.filter(
      ({ window }: { window: string }) => window === 'LAST_30_DAYS',
    )) {
      const { evidence } = await query(
        `query ($period: String!, $controls: [ID!]) {
          evidence(period: $period, controls: $controls) {
            seq results { verdict reason headline { text } population { count } waived exceptions { totalCount } }
          }
        }`,
        { period: state.period.text, controls: [state.control.id] },
      );
      const { verdict, reason, headline, exceptions, waived, count } = state;
      expect(evidence).toEqual({
        seq: posture.seq,
        results: [
          {
            verdict,
            reason,
            headline,
            waived,
            population: { count },
            exceptions: { totalCount: exceptions },
          },
        ],
      });
    }
  });

  test('says since when, how it moves and what would change it', async () => {
    const variables = { windows: ['LAST_30_DAYS'], controls: ['attacks-captured'] };
    const [state] = (await query(source, variables)).posture.states;
    expect(state).toMatchObject({ verdict: 'FAIL', since: { before: 'PASS' } });
    expect(state.since.at > LOST.from).toBe(true);
    expect(state.trend.period.to).toBe(state.period.from);
    expect(state.wouldChange).toBe(
      'Run “backfill --from” from the start of the oldest hole; “status” names what keeps polls from filling it.',
    );
  });

  test('refuses a control that does not exist and an instant in the future', async () => {
    expect(await failure('{ posture(controls: ["x"]) { seq } }')).toMatchObject({ code: 'BAD_USER_INPUT' });
    expect(await failure('{ posture(asOf: "2030-01-01T00:00:00Z") { seq } }')).toMatchObject({
      code: 'BAD_USER_INPUT',
    });
  });
});

describe('a period that ends where the collection is complete', () => {
  test.each([
    ['last-30d', 30],
    ['P7D', 7],
    ['PT24H', 1],
  ])('%s has its instants in the result', async (period, days) => {
    const source = `{ evidence(period: "${period}", controls: ["attacks-captured"]) { period { text from to } } }`;
    const { evidence } = await query(source);
    const { posture } = await query(
      '{ posture(windows: LAST_7_DAYS, controls: "attacks-captured") { states { period { to } } } }',
    );
    const { from, to } = evidence.period;
    expect(to).toBe(posture.states[0].period.to);
    expect(Date.parse(to) - Date.parse(from)).toBe(days * 86_400_000);
    expect(evidence.period.text).toContain('/');
  });

  test('month-to-date begins with the month of its end', async () => {
    const { evidence } = await query(
      '{ evidence(period: "month-to-date", controls: ["attacks-captured"]) { period { from to } } }',
    );
    expect(evidence.period).toMatchObject({
      from: '2026-10-01T00:00:00.000Z',
      to: expect.stringMatching(/^2026-10-07T/),
    });
  });
});
