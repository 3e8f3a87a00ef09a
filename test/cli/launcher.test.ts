import { execFileSync, spawnSync } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';

/** A package with this one's launcher, build and compiler, and with a program of two files. */
let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'launcher-'));
  for (const name of ['bin', 'scripts/build.js', 'package.json', 'tsconfig.json', 'tsconfig.build.json']) {
    cpSync(name, join(folder, name), { recursive: true });
  }
  symlinkSync(join(process.cwd(), 'node_modules'), join(folder, 'node_modules'));
  mkdirSync(join(folder, 'src'));
  write('src/word.ts', "export const word: string = 'first';");
  write(
    'src/main.ts',
    "import { word } from './word.js';\nconsole.log(word, process.argv.slice(2).join());\nif (word === 'fails') throw new Error('of main');",
  );
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function write(name: string, text: string): void {
  writeFileSync(join(folder, name), `${text}\n`);
}

function run(...args: string[]) {
  const { stdout, stderr, status } = spawnSync(process.execPath, ['bin/abnormal-gateway.js', ...args], {
    cwd: folder,
    encoding: 'utf8',
  });
  expect(readdirSync(folder).filter((name) => name.startsWith('.dist'))).toEqual([]);
  return { stdout, stderr, status };
}

/** A change that a clock of whole seconds sees too; by the file's own time, since its disk may have another clock. */
function later(name: string): void {
  const at = new Date(statSync(join(folder, name)).mtimeMs + 5_000);
  utimesSync(join(folder, name), at, at);
}

const SAYS = /^Building the gateway/;
const quiet = (word: string) => ({ stdout: `${word} \n`, stderr: '', status: 0 });

test('the first start says that it builds, on standard error, and the second does not build', () => {
  const { stdout, stderr, status } = run('status', '--json');
  expect({ stdout, status }).toEqual({ stdout: 'first status,--json\n', status: 0 });
  expect(stderr).toMatch(SAYS);
  expect(run()).toEqual(quiet('first'));
});

test('a changed, an added and a removed source each cause a build, and no output of a removed source remains', () => {
  run();
  write('src/word.ts', "export const word: string = 'second';");
  later('src/word.ts');
  expect(run()).toMatchObject({ stdout: 'second \n', stderr: expect.stringMatching(SAYS) });
  write('src/other.ts', 'export const other = 1;');
  for (const name of ['dist/main.js', 'src/word.ts']) utimesSync(join(folder, name), 1, 1);
  expect(run().stderr).toMatch(SAYS);
  expect(existsSync(join(folder, 'dist/other.js'))).toBe(true);
  rmSync(join(folder, 'src/other.ts'));
  later('src');
  expect(run().stderr).toMatch(SAYS);
  expect(existsSync(join(folder, 'dist/other.js'))).toBe(false);
});

test('a source that does not compile ends the start with 2 and keeps the earlier output', () => {
  run();
  write('src/word.ts', 'export const word = ;');
  later('src/word.ts');
  const { stdout, stderr, status } = run();
  expect({ stdout, status }).toEqual({ stdout: '', status: 2 });
  expect(stderr).toMatch(/word\.ts.*error TS/s);
  expect(stderr).toMatch(/The build failed: see above\.\n$/);
  expect(existsSync(join(folder, 'dist/main.js'))).toBe(true);
});

test('an installation without sources or compiler runs the existing build', () => {
  run();
  for (const name of ['src', 'node_modules']) rmSync(join(folder, name), { recursive: true });
  expect(run()).toEqual(quiet('first'));
  rmSync(join(folder, 'dist'), { recursive: true });
  const { status, stderr } = run();
  expect(status).toBe(2);
  expect(stderr).toMatch(/Run "npm ci" in its folder, without "--omit=dev"/);
});

test('an error of the program names the line of its source', () => {
  write('src/word.ts', "export const word: string = 'fails';");
  const { status, stderr } = run();
  expect(status).toBe(1);
  expect(stderr).toContain('src/main.ts:3');
});

test('"npm start" and the command of the package are the same file', () => {
  const text = execFileSync('npm', ['pkg', 'get', 'bin', 'scripts'], { encoding: 'utf8' });
  const { bin, scripts } = JSON.parse(text) as Record<string, Record<string, string>>;
  expect(bin).toEqual({ 'abnormal-gateway': 'bin/abnormal-gateway.js' });
  expect(scripts?.start).toBe(
    'node --max-old-space-size=256 --max-semi-space-size=8 bin/abnormal-gateway.js',
  );
});
