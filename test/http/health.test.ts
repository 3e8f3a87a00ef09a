import { expect, test } from 'vitest';
import { readiness } from '../../src/http/health.js';

const well = async () => ({ name: 'history', ok: true, message: 'answers' });

test('ready when every part is well', async () => {
  const part = await well();
  expect(await readiness([well])).toEqual({ ready: true, checks: [part] });
});

test('a part that throws or never answers is not well, and says why', async () => {
  const history = async () => {
    throw new Error('the disk is gone');
  };
  const collection = () => new Promise<never>(() => {});
  expect(await readiness([well, history, collection], 20)).toEqual({
    ready: false,
    checks: [
      { name: 'history', ok: true, message: 'answers' },
      { name: 'history', ok: false, message: 'the disk is gone' },
      { name: 'collection', ok: false, message: 'did not answer within 20 ms' },
    ],
  });
});
