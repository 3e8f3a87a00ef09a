import { execFile } from 'node:child_process';
import { copyFileSync, mkdtempSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import type { Build } from './service.js';

/** What tests start as processes of their own, and the thread that the store starts. */
const SCRIPTS = [
  ...['test/history/endless-pack.ts', 'test/history/sqlite-child.ts', 'test/support/mongo-writer.ts'],
  'src/history/sqlite/query-worker-thread.ts',
];

/** Compiles the scripts, once for the whole run: to start one from TypeScript takes two seconds of a processor. */
export function buildScripts(): Promise<Build> {
  const folder = mkdtempSync(join(tmpdir(), 'gateway-scripts-'));
  copyFileSync('package.json', join(folder, 'package.json'));
  symlinkSync(resolve('node_modules'), join(folder, 'node_modules'));
  const settings = {
    extends: resolve('tsconfig.json'),
    compilerOptions: { noEmit: false, noCheck: true, rootDir: resolve('.'), outDir: folder },
    files: SCRIPTS.map((script) => resolve(script)),
    include: [],
  };
  writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify(settings));
  const compiler = join('node_modules', 'typescript-native', 'bin', 'tsc');
  return new Promise((done) => {
    execFile(process.execPath, [compiler, '-p', folder], (error, stdout) =>
      done(error ? { problem: stdout || error.message } : { folder }),
    );
  });
}

/** A script as JavaScript, compiled by the run's desk. */
export async function compiled(desk: number, script: string): Promise<string> {
  const built = (await (await fetch(`http://127.0.0.1:${desk}/scripts`)).json()) as Build;
  if ('problem' in built) throw new Error(`the build failed:\n${built.problem}`);
  return join(built.folder, script.replace(/\.ts$/, '.js'));
}
