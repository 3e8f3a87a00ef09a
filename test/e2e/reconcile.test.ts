import { afterEach, beforeAll, beforeEach, describe, expect, inject, test } from 'vitest';
import { type Simulator, startSimulator } from '../../src/simulator/server.js';
import { createTenant, type Tenant } from '../../src/simulator/tenant.js';
import type { ReconcileReport } from '../../src/sync/sync.js';
import { DAY, toInstant } from '../../src/values/instant.js';
import { buildService, Workplace } from '../support/service.js';

let place: Workplace;
let tenant: Tenant;
let simulator: Simulator;

beforeAll(() => buildService(inject('desk')));
beforeEach(async () => {
  place = new Workplace();
  const now = Date.now();
  tenant = createTenant({
    ...{
      seed: 'reconcile',
      threats: 120,
      cases: 40,
      campaigns: 30,
      shares: { missingThreats: 0, deletedThreats: 0 },
    },
    ...{ from: toInstant(now - 12 * DAY), to: toInstant(now + DAY) },
  });
  simulator = await startSimulator({ tenant, clock: Date.now });
});
afterEach(async () => {
  await place.clear();
  await simulator.close();
});

function run(...args: string[]) {
  return place.run(args, {
    ABNORMAL_TOKEN: simulator.token,
    ABNORMAL_BASE_URL: simulator.baseUrl,
    UPSTREAM_RPM: '1000000',
    PORT: '0',
  });
}

async function reportOf(
  ...args: string[]
): Promise<{ code: number | string | null; report: ReconcileReport }> {
  const service = run('reconcile', '--json', ...args);
  const code = await service.exit;
  return { code, report: JSON.parse(service.stdout) };
}

describe('reconcile', () => {
  test('of a complete history prints that it matches, and ends with 0', async () => {
    expect(await run('poll', '--once').exit).toBe(0);
    const service = run('reconcile');
    expect(await service.exit).toBe(0);
    const rows = service.stdout
      .trimEnd()
      .split('\n')
      .map((line) => line.split(/ {2,}/));
    expect(rows.slice(1, 4).map(([resource, , , verdict, by]) => [resource, verdict, by])).toEqual([
      ['threats', 'MATCH', 'export'],
      ['cases', 'MATCH', 'list'],
      ['campaigns', 'MATCH', 'list'],
    ]);
    expect(service.stderr).toMatch(/\d of 3 windows compared/);
    const quiet = run('reconcile', '--quiet');
    expect(await quiet.exit).toBe(0);
    expect(quiet.output).toBe('');
  });

  test('of a history with missing records names them and ends with 1; the next poll restores them', async () => {
    const [lost, found] = [tenant.idOf('threat', 60), tenant.idOf('case', 20)];
    simulator.setFaults({ rules: [{ fault: { kind: 'unlisted', ids: [lost, found] } }] });
    expect(await run('poll', '--once').exit).toBe(0);
    simulator.setFaults(null);
    const { code, report } = await reportOf('--from', '13d');
    expect(code).toBe(1);
    expect(
      report.reconciliations.map(({ resource, verdict, missing }) => [resource, verdict, missing.ids]),
    ).toEqual([
      ['threats', 'SHORT', [lost]],
      ['cases', 'SHORT', [found]],
      ['campaigns', 'MATCH', []],
    ]);
    const status = run('status', '--json');
    expect(await status.exit).toBe(0);
    expect(status.stdout).toContain(lost);
    expect(await run('poll', '--once').exit).toBe(0);
    expect((await reportOf()).code).toBe(0);
  });

  test('ends with 2 if the population could not be read', async () => {
    expect(await run('poll', '--once').exit).toBe(0);
    simulator.setFaults({ rules: [{ fault: { kind: 'notFound' }, match: /^\/threats_export/ }] });
    const { code, report } = await reportOf('--resource', 'threats', '--quiet');
    expect(code).toBe(2);
    expect(report.reconciliations).toMatchObject([{ verdict: 'UNVERIFIED', failure: 'NOT_ENABLED' }]);
  });

  test('ends with 2 if nothing was collected yet', async () => {
    const service = run('reconcile', '--resource', 'cases');
    expect(await service.exit).toBe(2);
    expect(service.stdout).toContain('Nothing has been collected yet');
  });

  test('names the process that uses the history while serve runs, and ends with 3', async () => {
    const serve = run('serve');
    await serve.url();
    const service = run('reconcile');
    expect(await service.exit).toBe(3);
    expect(service.stderr).toContain('in use');
  });

  test.each([
    [['--from', 'yesterday'], /2026-01-31/],
    [['--from', '2026-01-31', '--to', '2026-01-30'], /not before --to/],
    [['--resource', 'mails'], /threats, cases, campaigns/],
    [['--from', '2030-01-01'], /not before now/],
  ])('with %j says what is accepted, and ends with 64', async (args, right) => {
    const service = run('reconcile', ...args);
    expect(await service.exit).toBe(64);
    expect(service.stderr).toMatch(right);
  });
});

test('serve reconciles after its polls, and the graph shows the result', async () => {
  const serve = run('serve');
  const url = await serve.url();
  const [line] = await serve.until(/^.*"resource":"threats".*"verdict":"\w+".*$/m);
  expect(JSON.parse(line)).toMatchObject({ verdict: 'MATCH', missing: 0, extra: 0, msg: 'reconciled' });
  await serve.until(/"resource":"campaigns".*"verdict":"\w+"/);
  const query = '{ reconciliations { nodes { resource verdict sources population held run { trigger } } } }';
  const answer = await fetch(`${url}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ query }),
  });
  const { data } = (await answer.json()) as {
    data: { reconciliations: { nodes: Record<string, unknown>[] } };
  };
  const { nodes } = data.reconciliations;
  expect(nodes.map(({ resource, verdict, sources }) => [resource, verdict, sources])).toEqual([
    ['CAMPAIGNS', 'MATCH', ['LIST']],
    ['CASES', 'MATCH', ['LIST']],
    ['THREATS', 'MATCH', ['EXPORT']],
  ]);
  for (const { population, held } of nodes) expect(held).toBe(population);
  expect(await serve.end()).toBe(0);
});
