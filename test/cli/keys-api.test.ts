import { afterEach, beforeAll, beforeEach, describe, expect, inject, test } from 'vitest';
import { buildService, Workplace } from '../support/service.js';

let place: Workplace;

beforeAll(() => buildService(inject('desk')));
beforeEach(() => {
  place = new Workplace();
});
afterEach(() => place.clear());

async function keys(...args: string[]): Promise<{ code: unknown; stdout: string; stderr: string }> {
  const run = place.run(['keys', 'api', ...args], {});
  const code = await run.exit;
  return { code, stdout: run.stdout, stderr: run.stderr };
}

async function statusWith(url: string, key: string): Promise<number> {
  const answer = await fetch(`${url}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...(key && { authorization: `Bearer ${key}` }) },
    body: '{"query": "{ __typename }"}',
  });
  return answer.status;
}

/** Asks until the gateway has noticed what was done beside it. */
async function until(status: number, url: string, key: string): Promise<void> {
  while ((await statusWith(url, key)) !== status) await new Promise((wake) => setTimeout(wake, 100));
}

test('a key is created, listed and revoked next to a running gateway, which follows within seconds', async () => {
  const service = place.run(['serve'], { PORT: '0' });
  const url = await service.url();
  expect(await statusWith(url, '')).toBe(200);
  const made = await keys('--name', 'dashboard', '--role', 'reader', '--expires', '90d');
  const key = made.stdout.trim();
  expect([made.code, key]).toEqual([0, expect.stringMatching(/^agk_[0-9a-f]{12}_[\w-]{43}[0-9a-f]{8}$/)]);
  const id = key.slice(4, 16);
  expect(made.stderr).toContain(`not shown again. Its id is ${id}`);
  await until(401, url, '');
  await until(200, url, key);

  const listed = await keys('list', '--json');
  expect(JSON.parse(listed.stdout)).toMatchObject([
    { id, name: 'dashboard', role: 'reader', state: 'ACTIVE' },
  ]);
  expect(listed.stdout).not.toContain(key.slice(17));

  expect(await keys('revoke', id)).toMatchObject({ code: 0, stdout: expect.stringContaining(id) });
  await until(401, url, key);
  expect((await keys('list')).stdout).toMatch(new RegExp(`${id} +dashboard +reader +REVOKED`));
  // nothing opens again by itself
  expect(await statusWith(url, '')).toBe(401);
  expect(await service.end()).toBe(0);
  expect(service.output).not.toContain(key.slice(17));
});

test('the audit trail records who created and revoked a key', async () => {
  const { stdout } = await keys('--name', 'jobs', '--role', 'admin', '--json');
  const { id, key } = JSON.parse(stdout) as { id: string; key: string };
  const other = JSON.parse((await keys('--name', 'other', '--role', 'reader', '--json')).stdout) as {
    id: string;
  };
  await keys('revoke', other.id);
  const service = place.run(['serve'], { PORT: '0' });
  const url = await service.url();
  const query = '{ auditTrail(first: 10) { nodes { action target outcome caller { kind } detail } } }';
  const answer = await fetch(`${url}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${key}` },
    body: JSON.stringify({ query }),
  });
  const text = await answer.text();
  const { data } = JSON.parse(text) as { data: { auditTrail: { nodes: object[] } } };
  const entry = (action: string, target: string) => ({
    ...{ action, target, outcome: 'SUCCEEDED', caller: { kind: 'COMMAND_LINE' } },
    detail: expect.stringContaining(target),
  });
  expect(data.auditTrail.nodes).toEqual(
    expect.arrayContaining([
      entry('CREATE_API_KEY', id),
      entry('CREATE_API_KEY', other.id),
      entry('REVOKE_API_KEY', other.id),
    ]),
  );
  expect(text).not.toContain(key.slice(17));
  await service.end();
});

describe('keys api refuses, with an explanation, the arguments', () => {
  test.each<[args: string[], word: string, code: number]>([
    [[], '--name', 2],
    [['--name', 'x'], '--role', 2],
    [['--name', 'x', '--role', 'root'], 'reader, operator, admin', 2],
    [['--name', '\u001b[31mx', '--role', 'reader'], 'letters, digits', 2],
    [['--name', 'x', '--role', 'reader', '--expires', 'soon'], 'such as 90d', 2],
    [['--name', 'x', '--role', 'reader', '--expires', '0s'], 'such as 90d', 2],
    [['revoke', '000000000000'], 'There is no key', 1],
    [['revoke'], 'missing required argument', 2],
  ])('%j', async (args, word, code) => {
    expect(await keys(...args)).toMatchObject({ code, stdout: '', stderr: expect.stringContaining(word) });
  });
});
