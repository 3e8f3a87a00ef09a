import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

/*
 * The package as users get it: packed, and installed into an empty folder from the package registry. Where the registry
 * cannot be reached the tests are skipped, unless REQUIRE_REGISTRY is set.
 */

const folder = mkdtempSync(join(tmpdir(), 'gateway-package-'));
const source = join(folder, 'source');
const empty = join(folder, 'empty');
const installed = join(empty, 'node_modules', 'abnormal-graphql-gateway');

interface Manifest {
  readonly name: string;
  readonly version: string;
  readonly files: readonly string[];
  readonly dependencies: Readonly<Record<string, string>>;
  readonly devDependencies: Readonly<Record<string, string>>;
}
const manifest = JSON.parse(readFileSync('package.json', 'utf8')) as Manifest;

const SECRETS = 'deploy/kubernetes/sqlite/secrets.env';
const run = promisify(execFile);

/** Not the settings of the npm that runs this test, which name the folder of the repository. */
const { PATH = '', HOME = '' } = process.env;
let env: Readonly<Record<string, string>> = { PATH, HOME };
const npm = async (cwd: string, ...args: string[]) => (await run('npm', args, { cwd, env })).stdout;

/** Packs a copy: other tests build in the folder of the repository at the same time. */
async function pack(): Promise<string> {
  mkdirSync(source);
  for (const name of [
    'package.json',
    'package-lock.json',
    'README.md',
    'LICENSE',
    'src',
    'scripts/prepack.js',
  ])
    cpSync(name, join(source, name), { recursive: true });
  for (const name of ['tsconfig.json', 'tsconfig.build.json', 'tsconfig.types.json'])
    cpSync(name, join(source, name));
  for (const name of manifest.files.map((each) => each.split('/**', 1)[0] ?? each)) {
    if (existsSync(name) && name !== 'dist') cpSync(name, join(source, name), { recursive: true });
  }
  symlinkSync(resolve('node_modules'), join(source, 'node_modules'));
  // as it is where the manifests are in use
  writeFileSync(join(source, SECRETS), 'ABNORMAL_TOKEN=secret');
  const packed = JSON.parse(await npm(source, 'pack', '--json', '--pack-destination', folder)) as {
    filename: string;
  }[];
  return join(folder, packed[0]?.filename ?? '');
}

/**
 * The package registry, with the packed package in it: npm uses the versions in a package's npm-shrinkwrap.json only
 * if it comes from a registry.
 */
async function registryWith(file: string): Promise<Server> {
  const registry = (await npm(folder, 'config', 'get', 'registry')).trim();
  const bytes = readFileSync(file);
  const integrity = `sha512-${createHash('sha512').update(bytes).digest('base64')}`;
  const server = createServer(({ url = '', headers }, response) => {
    if (url.endsWith('.tgz') && url.includes('/abnormal-graphql-gateway/')) return response.end(bytes);
    if (url !== '/abnormal-graphql-gateway')
      return response.writeHead(307, { location: new URL(url.slice(1), registry).href }).end();
    const { version } = manifest;
    const tarball = `http://${headers.host}/abnormal-graphql-gateway/-/package.tgz`;
    const published = { ...manifest, _hasShrinkwrap: true, dist: { tarball, integrity } };
    const body = {
      name: manifest.name,
      'dist-tags': { latest: version },
      versions: { [version]: published },
    };
    response.setHeader('content-type', 'application/json').end(JSON.stringify(body));
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  return server;
}

async function install(): Promise<string | null> {
  mkdirSync(empty);
  const server = await registryWith(await pack());
  const { port } = server.address() as AddressInfo;
  env = { PATH, HOME, npm_config_registry: `http://127.0.0.1:${port}/`, npm_config_prefer_offline: 'true' };
  try {
    await npm(empty, 'install', '--no-audit', '--no-fund', 'abnormal-graphql-gateway');
    return null;
  } catch (error) {
    const { stderr = '' } = error as { stderr?: string };
    return stderr || String(error);
  } finally {
    server.close();
  }
}

const reason = await install();
const isNetwork = /\b(ENOTFOUND|ECONNREFUSED|ETIMEDOUT|EAI_AGAIN|ENETUNREACH|network)\b/;
const isSkipped = reason !== null && isNetwork.test(reason) && !process.env.REQUIRE_REGISTRY;
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test('the packed package can be installed into an empty folder', ({ skip }) => {
  if (isSkipped) skip(`the package registry cannot be reached: ${reason}`);
  expect(reason).toBeNull();
});

describe.skipIf(isSkipped)('the installed package', () => {
  test('leaves nothing behind where it was packed', () => {
    expect(existsSync(join(source, 'npm-shrinkwrap.json'))).toBe(false);
  });

  test('has the tested version of each package, also of those that an override names, and no development package', () => {
    const lock = JSON.parse(readFileSync('package-lock.json', 'utf8')) as {
      packages: Record<string, { version: string; dev?: boolean; optional?: boolean }>;
    };
    const differing = Object.entries(lock.packages).flatMap(([path, { version, dev = false, optional }]) => {
      const file = join(installed, path, 'package.json');
      if (path === '' || (optional && !existsSync(file))) return [];
      const has = existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as Manifest).version : null;
      return has === (dev ? null : version) ? [] : [`${path}: ${has}`];
    });
    expect(differing).toEqual([]);
  });

  test('has the manifests, without the secrets that were next to them', () => {
    expect(existsSync(join(installed, SECRETS.replace('.env', '.example.env')))).toBe(true);
    expect(existsSync(join(installed, SECRETS))).toBe(false);
  });

  test('has the types of the configuration', async () => {
    writeFileSync(
      join(empty, 'check.ts'),
      `import { type Config, readEnv, toConfig } from 'abnormal-graphql-gateway/config';
const result = toConfig(readEnv({ PORT: '4001' }));
const port: Config['http']['port'] | null = result.ok ? result.config.http.port : null;
console.log(port);
// @ts-expect-error there is no such part
if (result.ok) result.config.nothing;
`,
    );
    await npm(empty, 'pkg', 'set', 'type=module');
    const compiler = resolve('node_modules/typescript-native/bin/tsc');
    const options = ['--module', 'nodenext', '--target', 'es2023', '--strict', '--skipLibCheck', 'check.ts'];
    // rejects with the messages of the compiler
    await run(process.execPath, [compiler, ...options], { cwd: empty });
    expect((await run(process.execPath, ['check.js'], { cwd: empty })).stdout).toBe('4001\n');
  });

  test('says its version', async () => {
    const printed = await npm(empty, 'exec', '--no', '--', 'abnormal-gateway', '--version');
    expect(printed.trim()).toBe(manifest.version);
  });

  describe('"npx abnormal-graphql-gateway"', () => {
    let child: ChildProcess;
    let output = '';

    beforeAll(() => {
      child = spawn('npx', ['--no', 'abnormal-graphql-gateway'], {
        cwd: empty,
        env: { ...env, PORT: '0' },
        // npx starts a shell, and that the gateway: a signal must reach all of them
        detached: true,
      });
      for (const stream of [child.stdout, child.stderr]) {
        stream?.on('data', (part: Buffer) => {
          output += part;
        });
      }
    });

    test('serves the demo, and ends with SIGTERM', async () => {
      await expect.poll(() => output).toMatch(/^ready +http:\S+$/m);
      const [, url = ''] = /^ready +(http:\S+)$/m.exec(output) ?? [];
      const ask = async (): Promise<unknown> => {
        const answer = await fetch(`${url}/graphql`, {
          method: 'POST',
          headers: { 'content-type': 'application/json' },
          body: '{"query":"{ cases(first: 1) { totalCount nodes { provenance { source } } } }"}',
        });
        return answer.json();
      };
      await expect.poll(ask).toMatchObject({
        data: { cases: { totalCount: expect.any(Number), nodes: [{ provenance: { source: 'SIMULATED' } }] } },
      });
      expect(existsSync(join(empty, 'data', 'simulated.db'))).toBe(true);
      const ended = new Promise<void>((done) => {
        child.once('close', () => done());
      });
      process.kill(-(child.pid ?? 0), 'SIGTERM');
      await ended;
      await expect(fetch(url)).rejects.toThrow();
    });
  });
});
