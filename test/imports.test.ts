import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import {
  cruise,
  type IConfiguration,
  type IForbiddenRuleType,
  type IReporterOutput,
} from 'dependency-cruiser';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

const config = new URL('../.dependency-cruiser.mjs', import.meta.url).href;
const { default: rules, MODULES } = (await import(config)) as {
  default: IConfiguration;
  MODULES: Record<string, unknown>;
};
const forbidden = rules.forbidden as IForbiddenRuleType[];

/** Each module imports the wiring, which only the commands may; the wiring imports a command. */
const MODULE_VIOLATIONS = Object.keys(MODULES).map((name): [string, [string, string]] => {
  const file = name === 'main' ? 'src/main.ts' : `src/${name}/broken.ts`;
  const target = { app: '../cli/target.js', cli: '../metrics/target.js', main: './app.js' }[name];
  return [`module-${name}`, [file, `import { target } from '${target ?? '../app.js'}'; target;`]];
});

const SCHEDULE = "import { target } from '../schedule/target.js'; target;";

/** For each rule a file that breaks it, and what it imports. */
const VIOLATIONS: Record<string, [file: string, statement: string]> = {
  ...Object.fromEntries(MODULE_VIOLATIONS),
  'sync-context': ['src/sync/context.ts', "import { target } from './schedule/target.js'; target;"],
  'sync-shared': ['src/sync/drift-log.ts', "import { target } from './schedule/target.js'; target;"],
  'sync-records': ['src/sync/records/a.ts', SCHEDULE],
  'sync-window': ['src/sync/window/a.ts', SCHEDULE],
  'sync-pass': ['src/sync/pass/a.ts', SCHEDULE],
  'sync-reconcile': ['src/sync/reconcile/a.ts', SCHEDULE],
  'sync-live': ['src/sync/live/a.ts', SCHEDULE],
  'sync-schedule': ['src/sync/schedule/a.ts', "import { target } from '../context.js'; target;"],
  'pure-modules': ['src/model/a.ts', "import { readFileSync } from 'node:fs'; readFileSync;"],
  'adapters-are-separate': ['src/history/mongo/a.ts', "import { target } from '../sqlite/store.js'; target;"],
  'adapters-behind-open-store': [
    'src/app/a.ts',
    "import { target } from '../history/sqlite/store.js'; target;",
  ],
  'simulator-on-demand': ['src/app/b.ts', "import { target } from '../simulator/target.js'; target;"],
  'sqlite-in-its-adapter': ['src/history/b.ts', "import sqlite from '@photostructure/sqlite'; sqlite;"],
  'mongodb-in-its-adapter': ['src/history/c.ts', "import { MongoClient } from 'mongodb'; MongoClient;"],
  'type-graphql-in-graphql': ['src/sync/b.ts', "import { Field } from 'type-graphql'; Field;"],
  'one-upstream-door': ['src/abnormal/b.ts', "import fetch from 'node-fetch'; fetch;"],
  'known-senders': ['src/callers/b.ts', "import { target } from '../outgoing.js'; target;"],
  'caches-are-bounded': ['src/http/f.ts', "import { LRUCache } from 'lru-cache'; LRUCache;"],
  'server-in-http': ['src/graphql/b.ts', "import { fastify } from 'fastify'; fastify;"],
  'log-in-log': ['src/sync/c.ts', "import { pino } from 'pino'; pino;"],
  'prometheus-in-metrics': ['src/http/c.ts', "import { Registry } from 'prom-client'; Registry;"],
  'traces-in-tracing': ['src/http/g.ts', "import { trace } from '@opentelemetry/api'; trace;"],
  'tokens-in-callers': ['src/http/e.ts', "import { jwtVerify } from 'jose'; jwtVerify;"],
  'yaml-in-policy': ['src/app/c.ts', "import { parse } from 'yaml'; parse;"],
  'arguments-in-cli': ['src/http/b.ts', "import { Command } from 'commander'; Command;"],
  'no-cycles': ['src/sync/d.ts', "import { e } from './e.js'; e; export const d = 1;"],
  'no-barrels': ['src/sync/f.ts', "import { target } from './index.js'; target;"],
  'no-orphans': ['src/sync/lonely.ts', 'export const lonely = 1;'],
  'no-dev-packages': ['src/sync/g.ts', "import { test } from 'vitest'; test;"],
  'no-undeclared-packages': ['src/sync/h.ts', "import ms from 'ms'; ms;"],
  'no-unresolvable': ['src/sync/i.ts', "import { gone } from './gone.js'; gone;"],
  'no-test-code': ['src/sync/j.ts', "import { target } from '../../test/target.js'; target;"],
};

const found = new Map<string, string[]>();
let tree: string;

function write(file: string, text: string): void {
  mkdirSync(dirname(join(tree, file)), { recursive: true });
  writeFileSync(join(tree, file), `${text}\n`);
}

beforeAll(async () => {
  tree = mkdtempSync(join(tmpdir(), 'imports-'));
  symlinkSync(join(process.cwd(), 'node_modules'), join(tree, 'node_modules'));
  symlinkSync(join(process.cwd(), 'package.json'), join(tree, 'package.json'));
  for (const folder of ['sync', 'sync/schedule', 'simulator', 'cli', 'metrics']) {
    write(`src/${folder}/target.ts`, 'export const target = 1;');
  }
  write('src/app.ts', 'export const target = 1;');
  write('test/target.ts', 'export const target = 1;');
  write('src/sync/index.ts', 'export const target = 1;');
  write('src/sync/e.ts', "import { d } from './d.js'; export const e = d;");
  write('src/sync/typed.ts', "import type { too } from './typed-too.js'; export let typed: typeof too;");
  write('src/sync/typed-too.ts', "import { typed } from './typed.js'; export const too = typed;");
  write('src/history/sqlite/store.ts', "import { sqlite } from './driver.js'; export const target = sqlite;");
  write('src/history/sqlite/driver.ts', "import sqlite from '@photostructure/sqlite'; export { sqlite };");
  write('src/outgoing.ts', "import fetch from 'node-fetch'; export const target = fetch;");
  write('src/abnormal/request.ts', "import { target } from '../outgoing.js'; target;");
  write('src/log.ts', "import { pino } from 'pino'; export const log = pino;");
  write('src/sync/logs.ts', "import type { log } from '../log.js'; export type L = typeof log;");
  write(
    'src/app/lazy.ts',
    "import type { target } from '../simulator/target.js'; export const lazy = (): Promise<{ target: typeof target }> => import('../simulator/target.js');",
  );
  write(
    'src/history/typed.ts',
    "import type { target } from '../sync/target.js'; export type T = typeof target;",
  );
  for (const [file, statement] of Object.values(VIOLATIONS)) write(file, statement);
  const { output } = (await cruise(['src'], {
    ...rules.options,
    baseDir: tree,
    preserveSymlinks: true,
    tsConfig: undefined,
    validate: true,
    ruleSet: { forbidden },
  } as never)) as IReporterOutput;
  if (typeof output === 'string') throw new Error(output);
  for (const { rule, from } of output.summary.violations) {
    found.set(rule.name, [...(found.get(rule.name) ?? []), from]);
  }
});

afterAll(() => rmSync(tree, { recursive: true, force: true }));

test('every rule has a violation here and a reason in the configuration', () => {
  expect(forbidden.map((rule) => rule.name).sort()).toEqual(Object.keys(VIOLATIONS).sort());
  for (const rule of forbidden) expect(rule.comment).toMatch(/\w+ \w+ \w+/);
});

describe('the file that breaks the rule is reported:', () => {
  test.each(Object.entries(VIOLATIONS))('%s', (name, [file]) => {
    expect(found.get(name)).toContain(file);
  });
});

test('a file that keeps the rules is not reported', () => {
  const innocent = [
    'src/history/sqlite/driver.ts',
    'src/history/sqlite/store.ts',
    'src/abnormal/request.ts',
    'src/outgoing.ts',
    'src/app/lazy.ts',
    'src/log.ts',
    'src/sync/logs.ts',
  ];
  const accused = [...found].filter(([name]) => name !== 'no-orphans').flatMap(([, files]) => files);
  expect(accused.filter((file) => innocent.includes(file))).toEqual([]);
});

test('a type-only import of another module is reported like any other', () => {
  expect(found.get('module-history')).toContain('src/history/typed.ts');
});

test('two files that import each other for types only are reported as a cycle', () => {
  expect(found.get('no-cycles')?.join()).toContain('src/sync/typed');
});
