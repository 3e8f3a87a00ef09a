import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeAll, beforeEach, describe, expect, inject, test } from 'vitest';
import { startSimulator } from '../../src/simulator/server.js';
import { createTenant, demoTenant } from '../../src/simulator/tenant.js';
import { buildService, Workplace } from '../support/service.js';

const TOKEN = 'tok-e2e-91f3b7c2d8';

let place: Workplace;

beforeAll(() => buildService(inject('desk')));
beforeEach(() => {
  place = new Workplace();
});
afterEach(() => place.clear());

/** A service on a free port, against its simulated tenant. */
function serve(env: Record<string, string> = {}) {
  return place.run(['serve'], { PORT: '0', ...env });
}

async function query<T>(url: string, text: string): Promise<T> {
  const answer = await fetch(`${url}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ query: text }),
  });
  const body = (await answer.json()) as { data: T; errors?: unknown };
  expect(body.errors).toBeUndefined();
  return body.data;
}

interface Cases {
  cases: { totalCount: number; nodes: { provenance: { source: string } }[]; coverage: { complete: boolean } };
}
const CASES =
  '{ cases(first: 5) { totalCount nodes { caseId provenance { source } } coverage { complete } } }';

describe('serve without any configuration', () => {
  test('says that the tenant is simulated, prints its addresses, serves, and ends cleanly on SIGTERM', async () => {
    const service = serve();
    const url = await service.url();
    expect(service.stdout.split('\n').map((line) => line.split(/ +/))).toEqual([
      ['graphql', `${url}/graphql`],
      ['ide', `${url}/ide`],
      ['health', `${url}/healthz`],
      ['account', 'simulated'],
      ['ready', url],
      [''],
    ]);
    await service.until(/SIMULATED/);
    await service.until(/"resource":"cases".*"msg":"run ended"/);
    const { cases } = await query<Cases>(url, CASES);
    expect(cases.totalCount).toBeGreaterThan(20);
    expect(cases.nodes.map((node) => node.provenance.source)).toEqual(Array(5).fill('SIMULATED'));
    expect((await fetch(`${url}/readyz`)).status).toBe(200);
    expect(await service.end()).toBe(0);
    await expect(fetch(url)).rejects.toThrow();
  });

  test('continues after a kill with the same file', async () => {
    const first = serve();
    await first.url();
    await first.until(/"msg":"run ended"/);
    expect(await first.end('SIGKILL')).toBe('SIGKILL');
    const second = serve();
    const url = await second.url();
    await second.until(/"resource":"cases".*"msg":"run ended"/);
    const { cases } = await query<Cases>(url, CASES);
    expect(cases.totalCount).toBeGreaterThan(20);
    expect(await second.end('SIGINT')).toBe(0);
  });
});

describe('SIGTERM', () => {
  test('lets a request that waits for Abnormal finish, and accepts no new one', async () => {
    const upstream = await slowUpstream();
    const service = serve({ ABNORMAL_TOKEN: TOKEN, ABNORMAL_BASE_URL: upstream.baseUrl });
    const url = await service.url();
    const answer = query(url, '{ case(caseId: "4711", maxAge: 0) { caseId status } }');
    await upstream.asked;
    const ended = service.end();
    await waitFor(() =>
      fetch(url).then(
        () => false,
        () => true,
      ),
    );
    upstream.release();
    expect(await answer).toEqual({ case: { caseId: '4711', status: 'ACTION_REQUIRED' } });
    expect(await ended).toBe(0);
    upstream.close();
  });
});

/** An account without anything in its lists, whose one case takes until it is released. */
async function slowUpstream() {
  const gate = deferred();
  const asked = deferred();
  const server = createServer(async (request, response) => {
    const [, resource = ''] = /^\/v1\/(\w+)/.exec(request.url ?? '') ?? [];
    const isDetail = request.url === '/v1/cases/4711';
    if (isDetail) {
      asked.resolve();
      await gate.promise;
    }
    const key = resource === 'abusecampaigns' ? 'campaigns' : resource;
    const body = isDetail
      ? { caseId: '4711', case_status: 'Action Required', threatIds: [] }
      : { [key]: [], pageNumber: 1 };
    response.setHeader('content-type', 'application/json').end(JSON.stringify(body));
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const { port } = server.address() as AddressInfo;
  const close = () => server.close();
  return { baseUrl: `http://127.0.0.1:${port}/v1`, asked: asked.promise, release: gate.resolve, close };
}

function deferred() {
  let resolve: () => void = () => {};
  const promise = new Promise<void>((settle) => {
    resolve = settle;
  });
  return { promise, resolve };
}

describe('one writer, many readers', () => {
  test('a second writer is told that the file is in use, while status works', async () => {
    const service = serve();
    await service.url();
    await service.until(/"resource":"cases".*"msg":"run ended"/);
    for (const command of [['serve'], ['poll', '--once'], ['backfill', '--from', '40d']]) {
      const second = place.run(command, { PORT: '0' });
      expect(await second.exit).toBe(3);
      expect(second.stderr).toContain('in use');
    }
    expect(await heldCases()).toBeGreaterThan(20);
    expect(await service.end()).toBe(0);
  });

  test('status without a history says that there is none', async () => {
    const status = place.run(['status']);
    expect(await status.exit).toBe(4);
    expect(status.stderr).toContain('there is no history');
  });
});

describe('poll and backfill', () => {
  test('print their cost and result, and a second poll costs almost nothing', async () => {
    const first = await place.run(['poll', '--once', '--resource', 'cases', '--json']).result();
    const second = await place.run(['poll', '--once', '--resource', 'cases']).result();
    const report = JSON.parse(first) as Report;
    const [pass] = report.passes;
    expect(pass).toMatchObject({ resource: 'cases', status: 'SUCCEEDED' });
    expect(pass.counts.added).toBeGreaterThan(20);
    expect(second).toMatch(/^RESOURCE +STATUS +NEW/);
    expect(second).toMatch(/^cases +SUCCEEDED +0 /m);
  });

  test('backfill goes back to the given day', async () => {
    await place.run(['poll', '--once', '--resource', 'cases']).result();
    const before = await heldCases();
    await place.run(['backfill', '--from', '90d', '--resource', 'cases']).result();
    expect(await heldCases()).toBeGreaterThan(before * 2);
  });

  test('a collection that a signal ends has the exit code of the signal and keeps what was read', async () => {
    // at this rate it takes half an hour, so it has not ended when the signal comes
    const poll = place.run(['backfill', '--from', '2000d', '--resource', 'cases'], { UPSTREAM_RPM: '120' });
    await poll.until(/back to/);
    const held = await waitFor(heldCases);
    expect(await poll.end('SIGINT')).toBe(130);
    expect(poll.stdout).toContain('INTERRUPTED');
    expect(await heldCases()).toBeGreaterThanOrEqual(held);
  });
});

async function heldCases(): Promise<number> {
  const status = await place.run(['status', '--json']).result();
  return (JSON.parse(status) as { held: { cases: number } }).held.cases;
}

interface Report {
  passes: [{ counts: { added: number } }];
}

describe('a real account', () => {
  test('is read with its token, which appears in no output and no file', async () => {
    const tenant = createTenant(demoTenant(Date.now()));
    const simulator = await startSimulator({ tenant, clock: Date.now, token: TOKEN });
    const env = {
      ABNORMAL_TOKEN: TOKEN,
      ABNORMAL_BASE_URL: simulator.baseUrl,
      LOG_LEVEL: 'trace',
      UPSTREAM_RPM: '60000',
    };
    const service = serve(env);
    const url = await service.url();
    await service.until(/"resource":"cases".*"msg":"run ended"/);
    const data = await query<{ integrations: { name: string; origin: string }[] }>(
      url,
      '{ integrations { name origin } }',
    );
    expect(data.integrations).toEqual([{ name: 'default', origin: 'ABNORMAL' }]);
    expect(await service.end()).toBe(0);
    await simulator.close();
    expect(service.output).not.toContain(TOKEN);
  });

  test('with a refused token is served, with instructions in the log', async () => {
    const upstream = createServer((_request, response) => {
      response.writeHead(401, { 'content-type': 'application/json' }).end('{"message":"not authorized"}');
    });
    await new Promise<void>((done) => upstream.listen(0, '127.0.0.1', done));
    const { port } = upstream.address() as AddressInfo;
    const env = { ABNORMAL_TOKEN: TOKEN, ABNORMAL_BASE_URL: `http://127.0.0.1:${port}/v1` };
    const service = serve(env);
    const url = await service.url();
    await service.until(/TOKEN_REJECTED/);
    await waitFor(async () => {
      const answer = await fetch(`${url}/readyz`);
      return answer.status === 200 && (await answer.text()).includes('TOKEN_REJECTED');
    });
    expect(await service.end()).toBe(0);
    upstream.close();
    expect(service.output).not.toContain(TOKEN);
  });

  test('does not share a history with the simulated tenant', async () => {
    const history = { HISTORY: 'sqlite:./one.db' };
    expect(await place.run(['poll', '--once', '--resource', 'campaigns'], history).exit).toBe(0);
    const mixed = place.run(['poll', '--once'], { ...history, ABNORMAL_TOKEN: TOKEN });
    expect(await mixed.exit).toBe(2);
    expect(mixed.stderr).toContain('contains records of the simulated tenant');
    expect(mixed.output).not.toContain(TOKEN);
  });
});

describe('an error at startup', () => {
  test('in the configuration lists every problem at once and ends with 2', async () => {
    const service = serve({
      PORT: 'http',
      TRUST_PROXY: 'everybody',
      ABNORMAL_TOKEN: `Bearer ${TOKEN}`,
      UPSTREAM_RPM: '-1',
    });
    expect(await service.exit).toBe(2);
    for (const name of ['PORT', 'TRUST_PROXY', 'ABNORMAL_TOKEN', 'UPSTREAM_RPM']) {
      expect(service.stderr).toMatch(new RegExp(`^  ${name} `, 'm'));
    }
    expect(service.stderr).toContain('4 problems');
    expect(service.output).not.toContain(TOKEN);
  });

  test('for a reachable address without authentication explains how to create a key', async () => {
    const service = serve({ HOST: '0.0.0.0' });
    expect(await service.exit).toBe(2);
    expect(service.stderr).toMatch(/HOST is "0.0.0.0".*keys api --name/);
  });

  test('is not raised for a misspelt variable, which causes a warning', async () => {
    const status = place.run(['status'], { ABNORMAL_TOKN: TOKEN });
    await status.exit;
    expect(status.stderr).toContain('did you mean ABNORMAL_TOKEN?');
    expect(status.output).not.toContain(TOKEN);
  });

  test('for a port in use names the port and ends with 5', async () => {
    const other = createServer();
    await new Promise<void>((done) => other.listen(0, '127.0.0.1', done));
    const { port } = other.address() as AddressInfo;
    const service = serve({ PORT: String(port) });
    expect(await service.exit).toBe(5);
    expect(service.stderr).toContain(`Port ${port} is in use`);
    other.close();
  });

  test.each([[['report-please']], [['backfill']], [['poll', '--resource', 'vendors']]])(
    'for the unknown command line %j ends with 2',
    async (args) => {
      const service = place.run(args);
      expect(await service.exit).toBe(2);
      expect(service.stderr).toContain('error:');
    },
  );
});

/** Asks again until the answer is neither false nor nought. */
async function waitFor<T>(ask: () => Promise<T>): Promise<T> {
  for (;;) {
    const answer = await ask();
    if (answer) return answer;
    await delay(50);
  }
}
