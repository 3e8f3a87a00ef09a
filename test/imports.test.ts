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

/** For each rule a file that breaks it, and what it imports. */
const VIOLATIONS: Record<string, [file: string, statement: string]> = {
  'model-is-pure': ['src/model/a.ts', "import { readFileSync } from 'node:fs'; readFileSync;"],
  'controls-are-pure': ['src/controls/a.ts', "import { target } from '../history/store.js'; target;"],
  'layer-evidence': ['src/evidence/a.ts', "import { target } from '../sync/target.js'; target;"],
  'layer-abnormal': ['src/abnormal/a.ts', "import { target } from '../sync/target.js'; target;"],
  'layer-simulator': ['src/simulator/a.ts', "import { target } from '../abnormal/target.js'; target;"],
  'layer-history': ['src/history/a.ts', "import { target } from '../sync/target.js'; target;"],
  'layer-audit': ['src/audit/a.ts', "import { target } from '../sync/target.js'; target;"],
  'layer-integrations': ['src/integrations/a.ts', "import { target } from '../sync/target.js'; target;"],
  'layer-sync': ['src/sync/a.ts', "import { target } from '../graphql/target.js'; target;"],
  'layer-loaders': ['src/loaders/a.ts', "import { target } from '../graphql/target.js'; target;"],
  'layer-graphql': ['src/graphql/a.ts', "import { target } from '../http/target.js'; target;"],
  'layer-metrics': ['src/metrics/a.ts', "import { target } from '../http/target.js'; target;"],
  'layer-callers': ['src/callers/a.ts', "import { target } from '../sync/target.js'; target;"],
  'layer-http': ['src/http/a.ts', "import { target } from '../simulator/target.js'; target;"],
  'config-stands-alone': ['src/config/a.ts', "import { target } from '../sync/target.js'; target;"],
  'wiring-in-app': ['src/sync/b.ts', "import { target } from '../app.js'; target;"],
  'main-is-thin': ['src/main.ts', "import { target } from './sync/target.js'; target;"],
  'adapters-behind-open-store': ['src/app.ts', "import { target } from './history/sqlite-store.js'; target;"],
  'sqlite-in-its-adapter': ['src/history/b.ts', "import sqlite from '@photostructure/sqlite'; sqlite;"],
  'mongodb-in-its-adapter': ['src/history/c.ts', "import { MongoClient } from 'mongodb'; MongoClient;"],
  'type-graphql-in-graphql': ['src/loaders/b.ts', "import { Field } from 'type-graphql'; Field;"],
  'one-upstream-door': ['src/abnormal/b.ts', "import fetch from 'node-fetch'; fetch;"],
  'known-senders': ['src/callers/b.ts', "import { target } from '../outgoing.js'; target;"],
  'caches-are-bounded': ['src/http/f.ts', "import { LRUCache } from 'lru-cache'; LRUCache;"],
  'server-in-http': ['src/graphql/b.ts', "import { fastify } from 'fastify'; fastify;"],
  'log-in-log': ['src/sync/c.ts', "import { pino } from 'pino'; pino;"],
  'prometheus-in-metrics': ['src/http/c.ts', "import { Registry } from 'prom-client'; Registry;"],
  'tokens-in-callers': ['src/http/e.ts', "import { jwtVerify } from 'jose'; jwtVerify;"],
  'arguments-in-cli': ['src/http/b.ts', "import { Command } from 'commander'; Command;"],
  'no-cycles': ['src/sync/d.ts', "import { e } from './e.js'; e; export const d = 1;"],
  'no-barrels': ['src/sync/f.ts', "import { target } from './index.js'; target;"],
  'no-orphans': ['src/sync/lonely.ts', 'export const lonely = 1;'],
  'no-dev-packages': ['src/sync/g.ts', "import { test } from 'vitest'; test;"],
  'no-undeclared-packages': ['src/sync/h.ts', "import ms from 'ms'; ms;"],
  'no-unresolvable': ['src/sync/i.ts', "import { gone } from './gone.js'; gone;"],
  'no-test-code': ['src/sync/j.ts', "import { target } from '../../test/target.js'; target;"],
};

const house = new URL('../.dependency-cruiser.mjs', import.meta.url).href;
const rules = ((await import(house)) as { default: IConfiguration }).default;
const forbidden = rules.forbidden as IForbiddenRuleType[];
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
  for (const folder of ['sync', 'graphql', 'http', 'simulator', 'abnormal']) {
    write(`src/${folder}/target.ts`, 'export const target = 1;');
  }
  write('src/history/store.ts', 'export const target = 1;');
  write('test/target.ts', 'export const target = 1;');
  write('src/sync/index.ts', 'export const target = 1;');
  write('src/sync/e.ts', "import { d } from './d.js'; export const e = d;");
  write(
    'src/sync/typed.ts',
    "import type { typedToo } from './typed-too.js'; export let typed: typeof typedToo;",
  );
  write('src/sync/typed-too.ts', "import { typed } from './typed.js'; export const typedToo = typed;");
  write(
    'src/history/sqlite-store.ts',
    "import { sqlite } from './sqlite-driver.js'; export const target = sqlite;",
  );
  write('src/history/sqlite-driver.ts', "import sqlite from '@photostructure/sqlite'; export { sqlite };");
  write('src/outgoing.ts', "import fetch from 'node-fetch'; export const target = fetch;");
  write('src/abnormal/request.ts', "import { target } from '../outgoing.js'; target;");
  write('src/log.ts', "import { pino } from 'pino'; export const log = pino;");
  write('src/sync/logs.ts', "import type { log } from '../log.js'; export type L = typeof log;");
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

test('every rule has a violation here and a reason there', () => {
  expect(forbidden.map((rule) => rule.name).sort()).toEqual(Object.keys(VIOLATIONS).sort());
  for (const rule of forbidden) expect(rule.comment).toMatch(/\w+ \w+ \w+/);
});

describe('a file that breaks the rule is found:', () => {
  test.each(Object.entries(VIOLATIONS))('%s', (name, [file]) => {
    expect(found.get(name)).toContain(file);
  });
});

test('what the rules allow is let be', () => {
  const innocent = [
    'src/history/sqlite-driver.ts',
    'src/history/sqlite-store.ts',
    'src/abnormal/request.ts',
    'src/outgoing.ts',
    'src/log.ts',
    'src/sync/logs.ts',
  ];
  const accused = [...found].filter(([name]) => name !== 'no-orphans').flatMap(([, files]) => files);
  expect(accused.filter((file) => innocent.includes(file))).toEqual([]);
});

test('a type-only import crosses layers as little as any other', () => {
  expect(found.get('layer-history')).toContain('src/history/typed.ts');
});

test('a type-only import makes no cycle', () => {
  expect(found.get('no-cycles')).not.toContain('src/sync/typed.ts');
});
