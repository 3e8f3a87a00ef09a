import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { NODE_24, otherNode } from '../support/node-24.js';

/* The service on the Node of the image, while the other tests run on the installed one. */

const { node, reason } = await otherNode();

test(`on Node ${NODE_24}, all tests of the running service pass`, { timeout: 900_000 }, async ({ skip }) => {
  if (reason !== undefined && !process.env.REQUIRE_NODE_24) skip(reason);
  const suite = ['run', '--maxWorkers=1', 'test/e2e/service.test.ts'];
  const { stdout } = await promisify(execFile)(node, ['node_modules/vitest/vitest.mjs', ...suite], {
    env: { ...process.env, NO_COLOR: '1' },
  });
  expect(stdout).toMatch(/Tests +\d+ passed \(\d+\)/);
});
