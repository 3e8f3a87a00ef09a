import { execFileSync, spawn, spawnSync } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmdirSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';

interface Sizes {
  readonly heapMiB: number;
  readonly youngMiB: number;
}

const { heapFor, heapOptions } = (await import(new URL('../../bin/heap.js', import.meta.url).href)) as {
  heapFor(limit: number, machine?: number): Sizes;
  heapOptions(sizes: Sizes): string[];
};

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

test('both names of the command are one file, and "npm start" starts it with its heap', () => {
  const text = execFileSync('npm', ['pkg', 'get', 'bin', 'scripts'], { encoding: 'utf8' });
  const { bin, scripts } = JSON.parse(text) as Record<string, Record<string, string>>;
  const command = 'bin/abnormal-gateway.js';
  expect(bin).toEqual({ 'abnormal-graphql-gateway': command, 'abnormal-gateway': command });
  expect(scripts?.start).toBe(['node', ...heapOptions(heapFor(0)), 'bin/start.js'].join(' '));
});

const MIB = 1024 * 1024;

test.each([
  ['no limit', 0, 256, 16],
  ['a limit above the memory of the machine', 2 ** 63, 256, 16],
  ['256 MiB', 256 * MIB, 96, 8],
  ['384 MiB', 384 * MIB, 224, 8],
  ['512 MiB', 512 * MIB, 352, 8],
  ['1 GiB', 1024 * MIB, 768, 32],
  ['8 GiB', 8192 * MIB, 4096, 32],
])('with %s the heap leaves room for what is outside of it', (_, limit, heapMiB, youngMiB) => {
  expect(heapFor(limit, 16_384 * MIB)).toEqual({ heapMiB, youngMiB });
});

/** A group of processes with a memory limit, as a container engine makes one; `null` where this user cannot. */
function memoryGroup(bytes: number): string | null {
  const name = `gateway-launcher-${process.pid}`;
  for (const [root, file] of [
    ['/sys/fs/cgroup/memory', 'memory.limit_in_bytes'],
    ['/sys/fs/cgroup', 'memory.max'],
  ] as const) {
    const group = join(root, name);
    try {
      mkdirSync(group);
      if (existsSync(join(group, file))) {
        writeFileSync(join(group, file), String(bytes));
        return group;
      }
      rmdirSync(group);
    } catch {
      // a machine has one of the two versions
    }
  }
  return null;
}

test('in a container with a memory limit the heap follows it, and signals and the exit code pass through', async ({
  skip,
}) => {
  const group = memoryGroup(512 * MIB);
  if (group === null) return skip('this user cannot set a memory limit');
  try {
    write(
      'src/main.ts',
      "const timer = setInterval(() => {}, 1000);\nprocess.once('SIGTERM', () => { clearInterval(timer); process.exitCode = 7; });\nconsole.log(JSON.stringify({ options: process.execArgv, args: process.argv.slice(2) }));",
    );
    const shell = `echo $$ > ${group}/cgroup.procs && exec ${process.execPath} ${heapOptions(heapFor(0)).join(' ')} bin/start.js serve`;
    const child = spawn('sh', ['-c', shell], { cwd: folder, stdio: ['ignore', 'pipe', 'inherit'] });
    const first = await new Promise<string>((done) =>
      child.stdout.once('data', (part) => done(String(part))),
    );
    expect(JSON.parse(first)).toEqual({
      options: expect.arrayContaining(['--max-old-space-size=352', '--max-semi-space-size=8']),
      args: ['serve'],
    });
    const ended = new Promise((done) => child.once('exit', done));
    child.kill('SIGTERM');
    expect(await ended).toBe(7);
  } finally {
    rmdirSync(group);
  }
});
