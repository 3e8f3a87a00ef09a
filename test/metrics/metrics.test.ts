import 'reflect-metadata';
import { afterEach, describe, expect, test } from 'vitest';
import { createApp } from '../../src/app.js';
import { Playground } from '../support/app.js';

/*
 * What Prometheus finds at /metrics of a gateway that collects and is asked things, some of them on purpose so that
 * they might show in a label.
 */

let playground: Playground;
afterEach(() => playground.clear());

interface Series {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

function parse(text: string): Series[] {
  return text
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => {
      const [, name = '', inner = '', value] = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)$/.exec(line) ?? [];
      const labels = [...inner.matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)].map(([, key, word]) => [key, word]);
      return { name, labels: Object.fromEntries(labels), value: Number(value) };
    });
}

async function scrape(url: string): Promise<{ text: string; series: Series[] }> {
  const answer = await fetch(`${url}/metrics`);
  expect(answer.status).toBe(200);
  expect(answer.headers.get('content-type')).toMatch(/^text\/plain; version=0\.0\.4/);
  const text = await answer.text();
  return { text, series: parse(text) };
}

const OWN_WORD = /^([a-z]+(\d+)?([A-Z][a-z]+)*|[a-z]+(-[a-z]+)+|[A-Z]+\d*(_[A-Z]+)*|\d+[hd]|[\d.]+|\+Inf)$/;

const EXPECTED = [
  ...['upstream_requests_total', 'upstream_wait_seconds_bucket', 'upstream_budget_limit_requests'],
  ...['upstream_budget_used_requests', 'upstream_budget_waiting_requests', 'stream_status'],
  ...['integration_status', 'stream_last_attempt_timestamp_seconds', 'stream_last_success_timestamp_seconds'],
  ...['gaps', 'longest_gap_seconds', 'windows_total', 'records_total', 'quarantine_records', 'runs_total'],
  ...['run_duration_seconds_bucket', 'history_up', 'history_head_seq', 'history_head_timestamp_seconds'],
  ...['graphql_requests_total', 'graphql_request_duration_seconds_bucket', 'graphql_errors_total'],
  ...['http_answers_total', 'cache_bytes', 'cache_limit_bytes'],
].map((name) => `abnormal_gateway_${name}`);

describe('the metrics', () => {
  test('of a busy gateway are complete, have help texts and agree with the graph', async () => {
    playground = new Playground();
    const { url } = await playground.start({ RECONCILE_EVERY: 'off' });
    await playground.collected(url);
    await playground.ask(url, '{ nonsense }');
    const { text, series } = await scrape(url);
    const names = new Set(series.map(({ name }) => name));
    expect([...EXPECTED].filter((name) => !names.has(name))).toEqual([]);
    expect(
      [...names].filter((name) => name.startsWith('process_') || name.startsWith('nodejs_')),
    ).not.toEqual([]);
    for (const name of names) {
      const base = name.replace(/_(bucket|sum|count)$/, '');
      expect(text.includes(`# HELP ${name} `) || text.includes(`# HELP ${base} `), name).toBe(true);
    }

    const { data } = await playground.ask(
      url,
      '{ threats { totalCount } runs { nodes { counts { calls } } } }',
    );
    const { threats, runs } = data as {
      threats: { totalCount: number };
      runs: { nodes: { counts: { calls: number } }[] };
    };
    const sum = (name: string, labels: Record<string, string>) =>
      series
        .filter((each) => each.name === `abnormal_gateway_${name}`)
        .filter((each) => Object.entries(labels).every(([key, value]) => each.labels[key] === value))
        .reduce((total, { value }) => total + value, 0);
    expect(sum('records_total', { resource: 'threats', outcome: 'added' })).toBe(threats.totalCount);
    const calls = runs.nodes.reduce((total, run) => total + run.counts.calls, 0);
    expect(sum('upstream_requests_total', {})).toBe(calls);
    expect(sum('runs_total', { trigger: 'POLL', status: 'SUCCEEDED' })).toBe(3);
    expect(sum('stream_status', { status: 'OK' })).toBe(4);
    expect(sum('integration_status', { integration: 'simulated', status: 'OK' })).toBe(1);
    expect(sum('graphql_requests_total', { outcome: 'REFUSED' })).toBe(1);
    expect(sum('graphql_errors_total', { code: 'GRAPHQL_VALIDATION_FAILED' })).toBe(1);
  });

  test('have labels that callers cannot invent, and none names a person or a record', async () => {
    playground = new Playground();
    const { url } = await playground.start({ RECONCILE_EVERY: 'off' });
    await playground.collected(url);
    await playground.ask(url, '{ __typename }');
    await playground.ask(url, '{ nonsense }');
    await playground.ask(url, '{ case(caseId: "nobody") { caseId } }');
    await playground.ask(url, '{ cases(integrations: ["none"]) { totalCount } }');
    await fetch(`${url}/made/up`);
    // the states of the controls are evaluated in the background
    const isEvaluated = ({ series }: Awaited<ReturnType<typeof scrape>>) =>
      series.some(({ name }) => name === 'abnormal_control_state');
    await expect.poll(async () => isEvaluated(await scrape(url))).toBe(true);
    const before = (await scrape(url)).series.length;
    for (let i = 0; i < 20; i += 1) {
      await playground.ask(url, `query Made${i} { nonsense${i} }`);
      await playground.ask(url, `{ case(caseId: "nobody-${i}") { caseId } }`);
      await playground.ask(url, `{ cases(integrations: ["made-up-${i}"]) { totalCount } }`);
      await fetch(`${url}/made/up/${i}`, { headers: { 'x-request-id': `made-up-${i}` } });
    }
    const { series } = await scrape(url);
    const own = series.filter(({ name }) => name.startsWith('abnormal_gateway_'));
    expect(series.length).toBe(before);
    const words = new Set(own.flatMap(({ labels: { route, ...labels } }) => Object.values(labels)));
    const routes = new Set(own.flatMap(({ labels }) => labels.route ?? []));
    expect([...routes].sort()).toEqual(['/graphql', '/metrics', 'none']);
    // names of the gateway's own, of controls, windows such as 24h, and the bounds of buckets
    for (const word of words) expect(word).toMatch(OWN_WORD);
    expect(words.size).toBeLessThan(120);
  });
});

describe('access to the metrics', () => {
  const KEYS = { API_KEYS: 'scraper:reader:a-key-that-is-long-enough-to-be-one-0123456789' };

  test('requires the role reader if authentication is on', async () => {
    playground = new Playground();
    const { url } = await playground.start(KEYS);
    const refused = await fetch(`${url}/metrics`);
    expect(refused.status).toBe(401);
    expect(await refused.text()).not.toContain('abnormal_gateway_');
    const headers = { authorization: `Bearer ${KEYS.API_KEYS.split(':')[2]}` };
    const allowed = await fetch(`${url}/metrics`, { headers });
    expect(allowed.status).toBe(200);
    expect(await allowed.text()).toContain('abnormal_gateway_history_up 1');
  });

  test('is open with METRICS=open, and nothing else is', async () => {
    playground = new Playground();
    const { url } = await playground.start({ ...KEYS, METRICS: 'open' });
    expect((await scrape(url)).text).toContain('abnormal_gateway_history_up 1');
    const graph = await fetch(`${url}/graphql?query={__typename}`, {
      headers: { 'apollo-require-preflight': 'yes' },
    });
    expect(graph.status).toBe(401);
  });
});

test('two gateways in one process have separate counts', async () => {
  playground = new Playground();
  const one = await playground.start({ HISTORY: playground.history('one.db') });
  const two = createApp(playground.config({ HISTORY: playground.history('two.db') }), playground.options);
  const { url } = await two.start();
  try {
    await playground.ask(one.url, '{ nonsense }');
    const refused = ({ name, labels }: Series) =>
      name === 'abnormal_gateway_graphql_requests_total' && labels.outcome === 'REFUSED';
    expect((await scrape(one.url)).series.filter(refused)).toHaveLength(1);
    expect((await scrape(url)).series.filter(refused)).toHaveLength(0);
  } finally {
    await two.close();
  }
});
