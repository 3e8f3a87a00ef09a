import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';

/*
 * A Node whose own SQLite module is used, which is also that of the image. It is installed once, from the package
 * registry. Where it cannot be, its tests are skipped, unless REQUIRE_NODE_24 is set.
 */

export const NODE_24 = '24.21.0';

const cache = resolve('node_modules/.cache/node-24');

/** The program, and why it is missing. */
export async function otherNode(): Promise<{ readonly node: string; readonly reason?: string }> {
  const platform = process.platform === 'win32' ? 'win' : process.platform;
  const name = `node-${platform}-${process.arch}`;
  const node = join(cache, 'node_modules', name, 'bin', 'node');
  if (existsSync(node)) return { node };
  try {
    await mkdir(cache, { recursive: true });
    const options = ['--no-save', '--ignore-scripts', '--no-audit', '--no-fund', '--engine-strict=false'];
    await promisify(execFile)('npm', ['install', '--prefix', cache, ...options, `${name}@${NODE_24}`], {
      timeout: 110_000,
    });
    return { node };
  } catch (error) {
    return { node, reason: error instanceof Error ? error.message : String(error) };
  }
}
