import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeAll, beforeEach, expect, inject, test } from 'vitest';
import { type Simulator, startSimulator } from '../../src/simulator/server.js';
import { smallTenant } from '../support/app.js';
import { buildService, type Service, Workplace } from '../support/service.js';

const TOKEN = 'tok-e2e-stored-5b81f07c';

let place: Workplace;
let upstream: Simulator;

beforeAll(() => buildService(inject('desk')));
beforeEach(async () => {
  place = new Workplace();
  upstream = await startSimulator({
    ...smallTenant(),
    token: TOKEN,
  });
});
afterEach(async () => {
  await place.clear();
  await upstream.close();
});

async function ask(url: string): Promise<string> {
  const answer = await fetch(`${url}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ query: '{ integrations { name tokenHint tokenState } }' }),
  });
  return answer.text();
}

/** Everything in the folder, whatever it is. */
function held(): string {
  const files = readdirSync(place.folder, { recursive: true, encoding: 'utf8' });
  const paths = files.map((file) => join(place.folder, file)).filter((path) => statSync(path).isFile());
  return paths.map((path) => readFileSync(path, 'latin1')).join('');
}

test('an account is added next to a running gateway, which reads it and refuses another key after a restart', async () => {
  const keys = await Promise.all([1, 2].map(() => ended(place.run(['keys', 'encryption']))));
  const [key = '', other = ''] = keys.map(({ stdout }) => stdout.trim());
  // with the default budget the first collection would wait for the next minute
  const env = { ENCRYPTION_KEY: key, PORT: '0', LOG_LEVEL: 'debug', UPSTREAM_RPM: '60000' };
  const gateway = place.run(['serve'], env);
  const url = await gateway.url();
  expect(await ask(url)).toContain('"integrations":[]');

  const args = ['integrations', 'add', 'acme', '--base-url', upstream.baseUrl];
  const added = await ended(place.run(args, env, `${TOKEN}\n`));
  expect(added.stdout).toMatch(/^Added acme: .* token …f07c\nacme works\n/);
  expect(await added.exit).toBe(0);
  await gateway.until(/"resource":"cases".*"msg":"run ended"/);
  let answer = '';
  while (!answer.includes('acme')) {
    await delay(50);
    answer = await ask(url);
  }
  expect(answer).toContain('{"name":"acme","tokenHint":"f07c","tokenState":"OK"}');
  expect(await gateway.end()).toBe(0);

  const refused = await ended(place.run(['serve'], { ...env, ENCRYPTION_KEY: other }));
  expect(await refused.exit).toBe(2);
  expect(refused.stdout).toBe('');
  expect(refused.stderr).toContain('ENCRYPTION_KEY is not the key of the token of the integration "acme"');

  const written = [gateway, added, refused].map(({ output }) => output).join('') + answer + held();
  for (const secret of [TOKEN, key, other]) expect(written).not.toContain(secret);
});

async function ended(service: Service): Promise<Service> {
  await service.exit;
  return service;
}
