import { expect, test } from 'vitest';
import { readiness } from '../../src/http/health.js';

const well = { name: 'history', check: async () => ({ ok: true, message: 'answers' }) };

test('the gateway is ready if every part is healthy', async () => {
  expect(await readiness([well])).toEqual({
    ready: true,
    checks: [{ name: 'history', ok: true, message: 'answers' }],
  });
});

test('a part that throws or never responds is unhealthy, with a reason', async () => {
  const broken = { name: 'disk', check: () => Promise.reject(new Error('it is gone')) };
  const silent = { name: 'collection', check: () => new Promise<never>(() => {}) };
  expect(await readiness([well, broken, silent], 20)).toEqual({
    ready: false,
    checks: [
      { name: 'history', ok: true, message: 'answers' },
      { name: 'disk', ok: false, message: 'it is gone' },
      { name: 'collection', ok: false, message: 'did not answer within 20 ms' },
    ],
  });
});
