import { type ChildProcess, execFile, spawn, spawnSync } from 'node:child_process';
import { chmodSync, cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { otherNode } from '../support/node-24.js';

/*
 * The steps of the Dockerfile without a container engine: each stage is an empty folder, COPY takes only what
 * .dockerignore lets through, and RUN is the same command. The result runs as the user of the image, with everything
 * read-only except its volume and a folder for temporary files. What the base image contains is not tested.
 */

interface Step {
  readonly word: string;
  readonly rest: string;
}

function stepsOf(text: string): Step[] {
  const lines = text.replace(/^#.*\n/gm, '').replaceAll(/\\\n\s*/g, '');
  return [...lines.matchAll(/^([A-Z]+) (.*)$/gm)].map(([, word = '', rest = '']) => ({ word, rest }));
}

const run = promisify(execFile);
const steps = stepsOf(readFileSync('Dockerfile', 'utf8'));
const folder = mkdtempSync(join(tmpdir(), 'gateway-image-'));
// the user of the image must reach it
chmodSync(folder, 0o755);
const { node, reason } = await otherNode();
const programs = reason === undefined ? [dirname(node)] : [];
const { PATH = '', HOME = '' } = process.env;
const base = { PATH: [...programs, PATH].join(delimiter), HOME };

/** Paths that .dockerignore names with "!"; the first line excludes everything. */
const allowed = readFileSync('.dockerignore', 'utf8')
  .split('\n')
  .flatMap((line) => (line.startsWith('!') ? line.slice(1) : []));
const isSent = (path: string) => allowed.some((name) => path === name || path.startsWith(`${name}/`));

interface Image {
  readonly root: string;
  /** Where its steps run. */
  work: string;
  readonly env: Record<string, string>;
  user: string;
  readonly exec: Partial<Record<'ENTRYPOINT' | 'CMD' | 'HEALTHCHECK', string[]>>;
  readonly labels: string;
}

const stages = new Map<string, Image>();

async function build(): Promise<Image> {
  let image: Image | undefined;
  for (const { word, rest } of steps) {
    if (word === 'FROM') {
      const name = / AS (\w+)$/.exec(rest)?.[1] ?? 'last';
      const root = join(folder, name);
      mkdirSync(root);
      image = { root, work: root, env: {}, user: '', exec: {}, labels: '' };
      stages.set(name, image);
    } else if (image) await take(image, word, rest);
  }
  if (!image) throw new Error('The Dockerfile has no stage.');
  return image;
}

async function take(image: Image, word: string, rest: string): Promise<void> {
  switch (word) {
    case 'WORKDIR':
      image.work = join(image.root, rest);
      mkdirSync(image.work, { recursive: true });
      return;
    case 'COPY':
      return copy(image, rest);
    case 'RUN':
      await run('sh', ['-c', rest], {
        ...{ cwd: image.work, env: { ...base, ...image.env, npm_config_prefer_offline: 'true' } },
        maxBuffer: 64_000_000,
      });
      return;
    case 'ENV':
      for (const [, name = '', value = ''] of rest.matchAll(/(\w+)=(\S+)/g)) image.env[name] = value;
      return;
    case 'USER':
      image.user = rest;
      return;
    case 'ENTRYPOINT':
    case 'CMD':
    case 'HEALTHCHECK':
      image.exec[word] = JSON.parse(rest.slice(rest.indexOf('['))) as string[];
      return;
    case 'LABEL':
      Object.assign(image, { labels: rest });
      return;
    case 'VOLUME':
    case 'EXPOSE':
    case 'STOPSIGNAL':
      return;
    default:
      throw new Error(`The test does not know the instruction ${word}.`);
  }
}

async function copy(image: Image, rest: string): Promise<void> {
  const from = /^--from=(\w+) /.exec(rest)?.[1];
  const paths = rest.replace(/^--from=\w+ /, '').split(' ');
  const target = join(image.work, paths.pop() ?? '.');
  const isFolder = rest.endsWith('/');
  for (const path of paths) {
    if (from === undefined && !isSent(path)) throw new Error(`.dockerignore keeps ${path} out of the build.`);
    const name = path.split('/').at(-1) ?? '';
    const place = isFolder ? join(target, name) : target;
    if (from === undefined) cpSync(resolve(path), place, { recursive: true, verbatimSymlinks: true });
    // links take no time, and the stage that is copied from is not changed any more
    else await run('cp', ['-al', join(stages.get(from)?.root ?? '', path), place]);
  }
}

let image: Image;
const isRoot = process.getuid?.() === 0;
/** Whether this user may have mounts of its own. */
const mayMount = isRoot && spawnSync('unshare', ['--mount', 'true']).status === 0;

// two installations, for what hangs only
beforeAll(async () => {
  image = await build();
}, 900_000);
afterAll(() => run('rm', ['-rf', folder]));

test('the image contains what it runs, and neither sources nor development packages', () => {
  const files = readdirSync(image.work).sort();
  const expected = [
    'LICENSE',
    'bin',
    'data',
    'dist',
    'docs',
    'node_modules',
    'package.json',
    'sbom.cdx.json',
    'scripts',
  ];
  expect(files).toEqual(expected);
  for (const name of ['vitest', 'typescript-native', '@biomejs'])
    expect(existsSync(join(image.work, 'node_modules', name))).toBe(false);
  expect(image.labels).toContain('org.opencontainers.image.licenses="Apache-2.0"');
});

test('its list of contents names every installed package with its version', () => {
  interface Package {
    readonly name: string;
    readonly version: string;
  }
  const sbom = JSON.parse(readFileSync(join(image.work, 'sbom.cdx.json'), 'utf8')) as {
    bomFormat: string;
    components: Package[];
  };
  expect(sbom.bomFormat).toBe('CycloneDX');
  const listed = new Set(sbom.components.map(({ name, version }) => `${name}@${version}`));
  const lock = JSON.parse(readFileSync('package-lock.json', 'utf8')) as {
    packages: Record<string, { version: string; dev?: boolean }>;
  };
  const needed = Object.entries(lock.packages).flatMap(([path, { version, dev }]) =>
    path === '' || dev || !existsSync(join(image.work, path))
      ? []
      : `${path.split('node_modules/').at(-1)}@${version}`,
  );
  expect(needed.length).toBeGreaterThan(200);
  expect(needed.filter((each) => !listed.has(each))).toEqual([]);
});

test('it does not run as root, by a number that Kubernetes can check', () => {
  expect(image.user).toMatch(/^[1-9]\d*:[1-9]\d*$/);
});

describe.skipIf(!mayMount)('with a read-only root file system, as its user', () => {
  let gateway: ChildProcess;
  let output = '';

  function start(env: Record<string, string>): ChildProcess {
    const [uid = '', gid = ''] = image.user.split(':');
    const temporary = join(folder, 'tmp');
    mkdirSync(temporary, { recursive: true });
    chmodSync(temporary, 0o777);
    const data = join(image.work, 'data');
    const script = [
      'mount --make-rprivate /',
      ...[image.work, data, temporary].map((path) => `mount --bind ${path} ${path}`),
      `mount -o remount,bind,ro ${image.work}`,
      'mount -o remount,bind,ro /',
      `cd ${image.work}`,
      `exec setpriv --reuid=${uid} --regid=${gid} --clear-groups --no-new-privs --bounding-set=-all "$@"`,
    ].join(' && ');
    const command = [...(image.exec.ENTRYPOINT ?? []), ...(image.exec.CMD ?? [])];
    return spawn('unshare', ['--mount', 'sh', '-c', script, 'sh', ...command], {
      env: { ...base, ...image.env, TMPDIR: temporary, ...env },
    });
  }

  beforeAll(() => {
    gateway = start({ PORT: '0', ALLOW_UNAUTHENTICATED: 'yes' });
    for (const stream of [gateway.stdout, gateway.stderr]) {
      stream?.on('data', (part: Buffer) => {
        output += part;
      });
    }
  });
  afterAll(() => void gateway.kill('SIGKILL'));

  test('it serves the demo, is healthy, writes to its volume only, and ends with SIGTERM', async () => {
    await expect.poll(() => output).toMatch(/^ready +http:\S+$/m);
    const [, port = ''] = /^ready +http:\S+:(\d+)$/m.exec(output) ?? [];
    const [program = '', ...args] = image.exec.HEALTHCHECK ?? [];
    await run(program, args, { env: { ...base, PORT: port } });
    const answer = await fetch(`http://127.0.0.1:${port}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: '{"query":"{ integrations { name origin } }"}',
    });
    expect(await answer.json()).toMatchObject({ data: { integrations: [{ origin: 'SIMULATED' }] } });
    const ended = new Promise((done) => gateway.once('exit', done));
    gateway.kill('SIGTERM');
    expect(await ended).toBe(0);
    expect(readdirSync(join(image.work, 'data'))).toContain('simulated.db');
  });
});
