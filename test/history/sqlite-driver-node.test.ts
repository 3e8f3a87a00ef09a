import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

/*
 * The driver's suite on a Node whose own module is used, and histories written by one driver and read by the other.
 * That Node is installed once, from the package registry. Where it cannot be, the tests are skipped, unless
 * REQUIRE_NODE_24 is set.
 */

const VERSION = '24.21.0';
const run = promisify(execFile);
const cache = resolve('node_modules/.cache/node-24');
const { node, reason } = await otherNode();

async function otherNode(): Promise<{ readonly node: string; readonly reason?: string }> {
  const platform = process.platform === 'win32' ? 'win' : process.platform;
  const name = `node-${platform}-${process.arch}`;
  const node = join(cache, 'node_modules', name, 'bin', 'node');
  if (existsSync(node)) return { node };
  try {
    await mkdir(cache, { recursive: true });
    const options = ['--no-save', '--ignore-scripts', '--no-audit', '--no-fund', '--engine-strict=false'];
    await run('npm', ['install', '--prefix', cache, ...options, `${name}@${VERSION}`], { timeout: 110_000 });
    return { node };
  } catch (error) {
    return { node, reason: error instanceof Error ? error.message : String(error) };
  }
}

const child = resolve('test/history/sqlite-child.ts');
const task = async (program: string, ...what: string[]) =>
  (await run(program, ['--import', 'tsx', child, ...what], { maxBuffer: 64_000_000 })).stdout;

it(`gets Node ${VERSION} to test with`, ({ skip }) => {
  if (reason !== undefined && !process.env.REQUIRE_NODE_24) skip(reason);
  expect(reason).toBeUndefined();
});

describe.skipIf(reason !== undefined)(`on Node ${VERSION}`, () => {
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
