import { spawnSync } from 'node:child_process';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { build, compiler, root } from './build.js';

/*
 * What `npm pack` does first: builds, writes the types of the configuration, and writes the versions that were tested
 * to npm-shrinkwrap.json. An installed package does not read `overrides`, so without that file it would get other
 * versions than the tests had. With --clean, as `npm pack` does last: removes that file.
 */

const SHRINKWRAP = new URL('../npm-shrinkwrap.json', import.meta.url);

function withoutDevelopment({ packages, ...lock }) {
  const { '': own, ...installed } = packages;
  const { devDependencies: _, ...needed } = own;
  const kept = Object.entries(installed).filter(([, { dev }]) => !dev);
  return { ...lock, packages: { '': needed, ...Object.fromEntries(kept) } };
}

if (process.argv.includes('--clean')) rmSync(SHRINKWRAP, { force: true });
else {
  build();
  const types = spawnSync(process.execPath, [compiler(), '-p', 'tsconfig.types.json', '--outDir', 'dist'], {
    cwd: root,
    // standard output belongs to npm
    stdio: ['ignore', 2, 2],
  });
  if (types.status !== 0) process.exit(1);
  const lock = JSON.parse(readFileSync(new URL('../package-lock.json', import.meta.url), 'utf8'));
  writeFileSync(SHRINKWRAP, `${JSON.stringify(withoutDevelopment(lock), null, 2)}\n`);
}
