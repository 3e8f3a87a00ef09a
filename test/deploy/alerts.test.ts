import 'reflect-metadata';
import { execFileSync, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { type Simulator, startSimulator } from '../../src/simulator/server.js';
import { Playground, smallTenant } from '../support/app.js';

/*
 * The alert rules and the dashboard. Prometheus's own tool tests the rules; every metric, label and state that they name
 * must be in what a running gateway shows at /metrics.
 */

const TOKEN = 'a-token-of-the-test-0123456789';
const FOLDER = 'deploy/prometheus';
const RULES = `${FOLDER}/abnormal-gateway.rules.yml`;

interface Rule {
  readonly alert: string;
  readonly expr: string;
}
const rules = (parse(readFileSync(RULES, 'utf8')) as { groups: { rules: Rule[] }[] }).groups.flatMap(
  (group) => group.rules,
);

interface Panel {
  readonly title: string;
  readonly targets?: readonly { readonly expr: string }[];
}
interface Dashboard {
  readonly panels: readonly Panel[];
  readonly templating: { readonly list: readonly { readonly name: string; readonly query: string }[] };
}
const dashboard = JSON.parse(readFileSync('deploy/grafana/abnormal-gateway.json', 'utf8')) as Dashboard;

const { error } = spawnSync('promtool', ['--version']);
const isMissing = error !== undefined && !process.env.REQUIRE_PROMTOOL;

describe.skipIf(isMissing)('promtool', () => {
  test.each([
    ['accepts the rules', ['check', 'rules', 'abnormal-gateway.rules.yml']],
    ['passes their unit tests', ['test', 'rules', 'abnormal-gateway.test.yml']],
  ])('%s', (_, args) => {
    expect(execFileSync('promtool', args, { cwd: FOLDER, encoding: 'utf8' })).toContain('SUCCESS');
  });
});

test('every alert has a unit test', () => {
  const { tests } = parse(readFileSync(`${FOLDER}/abnormal-gateway.test.yml`, 'utf8')) as {
    tests: { alert_rule_test: { alertname: string; exp_alerts: unknown[] }[] }[];
  };
  const raised = tests.flatMap(({ alert_rule_test }) =>
    alert_rule_test.flatMap(({ alertname, exp_alerts }) => (exp_alerts.length > 0 ? alertname : [])),
  );
  expect([...new Set(raised)].sort()).toEqual(rules.map(({ alert }) => alert).sort());
});

/** A metric that an expression names, with its label matchers; Grafana's variables match anything. */
interface Selector {
  readonly metric: string;
  readonly labels: readonly { readonly name: string; readonly values: readonly string[] }[];
}

function selectorsIn(expression: string): Selector[] {
  return [...expression.matchAll(/\b((?:abnormal|nodejs|process)_\w+)(?:\{([^}]*)\})?/g)].map(
    ([, metric = '', inner = '']) => ({
      metric,
      labels: [...inner.matchAll(/(\w+)=(~?)"([^"]*)"/g)].flatMap(([, name = '', isPattern, value = '']) =>
        // the scrape adds it
        name === 'job'
          ? []
          : { name, values: value.startsWith('$') ? [] : isPattern ? value.split('|') : [value] },
      ),
    }),
  );
}

describe('what a running gateway shows at /metrics', () => {
  const playground = new Playground();
  /** By metric, the values of each label. */
  const shown = new Map<string, Map<string, Set<string>>>();
  const gauges = new Set<string>();
  let simulator: Simulator;

  beforeAll(async () => {
    // the simulated account has no token to replace
    simulator = await startSimulator({ ...smallTenant(), token: TOKEN });
    const { url } = await playground.start({
      ...{ ABNORMAL_TOKEN: TOKEN, ABNORMAL_BASE_URL: simulator.baseUrl, UPSTREAM_RPM: '60000' },
    });
    await playground.collected(url);
    await playground.ask(url, '{ nonsense }');
    // a comparison is counted when it ends, a token is known when it was used, and a control after the first scrape
    const late = ['reconciliations_total{', 'token_state{', 'control_state{'];
    let text = '';
    while (!late.every((metric) => text.includes(metric))) {
      await delay(100);
      text = await scrape(url);
    }
    for (const line of text.split('\n')) {
      const [, gauge] = /^# TYPE (\w+) gauge$/.exec(line) ?? [];
      if (gauge) gauges.add(gauge);
      const [, metric, inner = ''] = /^(\w+)(?:\{(.*)\})? \S+$/.exec(line) ?? [];
      if (!metric) continue;
      const labels = shown.get(metric) ?? new Map<string, Set<string>>();
      shown.set(metric, labels);
      for (const [, name = '', value = ''] of inner.matchAll(/(\w+)="([^"]*)"/g))
        labels.set(name, (labels.get(name) ?? new Set()).add(value));
    }
  });
  afterAll(async () => {
    await playground.clear();
    await simulator.close();
  });

  async function scrape(url: string): Promise<string> {
    return (await fetch(`${url}/metrics`)).text();
  }

  /** What is not shown: a metric, a label, or a state of a gauge, which has a series for each. */
  function missingFrom(expression: string): string[] {
    return selectorsIn(expression).flatMap(({ metric, labels }) => {
      const known = shown.get(metric);
      if (!known) return [metric];
      return labels.flatMap(({ name, values }) => {
        const has = known.get(name);
        if (!has) return [`${metric}{${name}}`];
        const isClosed = gauges.has(metric) && /^(status|state|priority)$/.test(name);
        return isClosed ? values.filter((value) => !has.has(value)) : [];
      });
    });
  }

  test.each(rules.map(({ alert, expr }) => [alert, expr]))('contains what %s compares', (_, expr) => {
    expect(selectorsIn(expr).length).toBeGreaterThan(0);
    expect(missingFrom(expr)).toEqual([]);
  });

  const panels = dashboard.panels.flatMap(({ title, targets = [] }) =>
    targets.map(({ expr }): [string, string] => [title, expr]),
  );
  const variables = dashboard.templating.list.flatMap(({ name, query }): [string, string][] =>
    query.startsWith('label_values') ? [[`variable ${name}`, query]] : [],
  );

  test.each([...panels, ...variables])('contains what the panel “%s” shows', (_, expr) => {
    expect(selectorsIn(expr).length).toBeGreaterThan(0);
    expect(missingFrom(expr)).toEqual([]);
  });

  test('a metric, a label or a state that does not exist is found', () => {
    expect(missingFrom('sum(abnormal_gateway_nothing)')).toEqual(['abnormal_gateway_nothing']);
    expect(missingFrom('abnormal_gateway_history_up{integration="a"}')).toHaveLength(1);
    expect(missingFrom('abnormal_gateway_token_state{state=~"OK|LOST"}')).toEqual(['LOST']);
  });

  test('is in the documentation', () => {
    const text = readFileSync('docs/operations.md', 'utf8');
    const short = (metric: string) =>
      metric.replace(/^abnormal_gateway_/, '').replace(/_(bucket|sum|count)$/, '');
    const names = [...shown.keys()].filter((metric) => metric.startsWith('abnormal_gateway_')).map(short);
    expect([...new Set(names)].filter((name) => !text.includes(`\`${name}\``))).toEqual([]);
  });
});
