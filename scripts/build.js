import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, renameSync, rmSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/*
 * Compiles src/ into dist/. `npm run build` always does; the command `abnormal-gateway` does only when a source is
 * newer than what was built. Types are not checked here (`npm run types` does that), so it takes about a second.
 */

export const root = fileURLToPath(new URL('..', import.meta.url));
const at = (...names) => join(root, ...names);
const OUTPUT = at('dist');
const MAIN = at('dist', 'main.js');
const SETTINGS = ['tsconfig.json', 'tsconfig.build.json', 'package-lock.json'];

/** Whether there is nothing built, or a source is newer. An installation without sources is what it is. */
export function isBuildNeeded() {
  if (!existsSync(MAIN)) return true;
  if (!existsSync(at('src'))) return false;
  const builtAt = statSync(MAIN).mtimeMs;
  const isNewer = (path) => existsSync(path) && statSync(path).mtimeMs > builtAt;
  if (SETTINGS.some((name) => isNewer(at(name)))) return true;
  // a folder is newer when a file in it was added, removed or renamed
  const entries = readdirSync(at('src'), { recursive: true });
  return isNewer(at('src')) || entries.some((entry) => isNewer(at('src', entry)));
}

/** Builds next to the old output and swaps them, so that no process ever reads half of a build. */
export function build() {
  const fresh = at(`.dist-${process.pid}`);
  try {
    const result = spawnSync(
      process.execPath,
      [compiler(), '-p', at('tsconfig.build.json'), '--noCheck', '--outDir', fresh],
      { stdio: ['ignore', 2, 2] },
    );
    if (result.status !== 0) throw new Error('The build failed: see above.');
    rmSync(OUTPUT, { recursive: true, force: true });
    renameSync(fresh, OUTPUT);
  } catch (error) {
    // another process that built at the same time has put its output there
    if (!['ENOTEMPTY', 'EEXIST'].includes(error.code)) throw error;
  } finally {
    rmSync(fresh, { recursive: true, force: true });
  }
}

export function compiler() {
  try {
    return join(
      dirname(createRequire(import.meta.url).resolve('typescript-native/package.json')),
      'bin',
      'tsc',
    );
  } catch {
    throw new Error(
      'The gateway must be built, and the compiler is not installed. Run "npm ci" in its folder, without "--omit=dev".',
    );
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) build();
