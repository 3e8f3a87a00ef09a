import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { NODE_24, otherNode } from '../support/node-24.js';
import { compiled } from '../support/scripts.js';

/*
 * The driver's suite on a Node whose own module is used, and histories written by one driver and read by the other.
 */

const run = promisify(execFile);
const { node, reason } = await otherNode();

const child = await compiled(inject('desk'), 'test/history/sqlite-child.ts');
const task = async (program: string, ...what: string[]) =>
  (await run(program, [child, ...what], { maxBuffer: 64_000_000 })).stdout;

it(`gets Node ${NODE_24} to test with`, ({ skip }) => {
  if (reason !== undefined && !process.env.REQUIRE_NODE_24) skip(reason);
  expect(reason).toBeUndefined();
});

describe.skipIf(reason !== undefined)(`on Node ${NODE_24}`, () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'driver-node-'));
  });
  afterAll(() => rm(folder, { recursive: true }));

  it('passes the test suite of the driver', { timeout: 300_000 }, async () => {
    const suite = ['run', '--maxWorkers=1', '--reporter=verbose', 'test/history/sqlite/driver.test.ts'];
    const { stdout } = await run(node, ['node_modules/vitest/vitest.mjs', ...suite], {
      env: { ...process.env, NO_COLOR: '1' },
    });
    expect(stdout).toContain('the SQLite driver (node:sqlite)');
    expect(stdout).toMatch(/Tests +\d+ passed \(\d+\)/);
  });

  it.each([
    ['the package wrote', process.execPath, node],
    ['the module wrote', node, process.execPath],
  ])('reads all of a history that %s', async (_, writer, reader) => {
    const path = join(folder, `${_}.db`);
    await task(writer, 'sample', path);
    const read = await task(reader, 'dump', path);
    expect(read).toBe(await task(writer, 'dump', path));
    expect(JSON.parse(read.slice(read.indexOf('{')))).toMatchObject({ equal: 1, part: 1, runs: 1 });
    expect(read).toContain('a\\u0000b');
  });
});
