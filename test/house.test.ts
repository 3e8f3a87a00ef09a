import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { STREAM_STATUSES } from '../src/model/stream.js';
import { KINDS, RESOURCES } from '../src/resources/registry.js';

/** Lines of files under `folder` that match, as `file: line`. */
function linesIn(folder: string, pattern: RegExp): string[] {
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) =>
    name.endsWith('.ts'),
  );
  return files.flatMap((name) =>
    readFileSync(join(folder, name), 'utf8')
      .split('\n')
      .filter((line) => pattern.test(line) && !/^\s*(\/?\*|\/\/)/.test(line))
      .map((line) => `${join(folder, name)}: ${line.trim()}`),
  );
}

const CLOCK = /\bDate\.now\(|\bnew Date\(\)|\bperformance\.now\(|\bset(Timeout|Interval)\(/;

test('pure modules read no clock and set no timer: `now` is an argument', () => {
  const pure = ['values', 'resources', 'model', 'policy', 'controls'];
  expect(pure.flatMap((module) => linesIn(`src/${module}`, CLOCK))).toEqual([]);
});

test('credentials are revealed only where accounts are opened and where requests are sent', () => {
  const revealed = linesIn('src', /\.reveal\(/);
  expect(revealed.filter((line) => !/^src\/(integrations\/|abnormal\/request\.ts)/.test(line))).toEqual([]);
  expect(revealed.length).toBeGreaterThan(0);
});

test('no request bypasses outgoing.ts, neither by the global fetch nor by node:http', () => {
  const sent = linesIn('src', /(?<![\w.#])fetch\(|\b(https?|http2)\.(request|get|connect)\(/);
  expect(sent.filter((line) => !line.startsWith('src/outgoing.ts: '))).toEqual([]);
  expect(sent.length).toBeGreaterThan(0);
});

test('only main.ts ends the process or reads its environment', () => {
  const lines = linesIn('src', /\bprocess\.(exit\(|env\b|argv\b|on\()/);
  expect(lines.filter((line) => !line.startsWith('src/main.ts'))).toEqual([]);
});

test('the state diagram of the sync names every state of a stream and of a window', () => {
  const diagram = readFileSync('src/sync/sync.ts', 'utf8').split('*/', 1)[0] ?? '';
  const windowStates = ['model/ledger.ts: WindowStatus', 'model/ledger.ts: GapReason'].flatMap((place) => {
    const [file = '', type = ''] = place.split(': ');
    const [, rest = ''] = readFileSync(`src/${file}`, 'utf8').split(`export type ${type} =`);
    return [...(rest.split(';', 1)[0] ?? '').matchAll(/'(\w+)'/g)].map(([, state = '']) => state);
  });
  expect(windowStates).toContain('OUT_OF_RETENTION');
  const states = [...STREAM_STATUSES, ...windowStates];
  expect(states.filter((state) => !new RegExp(`\\b${state}\\b`).test(diagram))).toEqual([]);
});

/** Files that name a kind of record, each with the reason why that is no look-up in the definitions. */
const NAMING: Readonly<Record<string, string>> = {
  'abnormal/rest-client.ts':
    'the export of the threat log and the list of tokens have a place in the budget of threats',
  'controls/control.ts':
    'evidence merges the versions of a threat by message; the types of such facts are its own',
  'evidence/evaluate-period.ts': 'the times of a threat are those of its messages',
  'evidence/gather-facts.ts': 'the control attacks-captured asks for comparisons of threats',
  'evidence/walk-records.ts': 'evidence merges the versions of a threat by message',
  'integrations/connection-test.ts': 'a connection test asks for cases first',
  'model/recorded-messages.ts': 'only threats have messages',
};

const KIND = new RegExp(`['"\`](${[...KINDS, ...RESOURCES].join('|')})['"\`]`);
const AT_HOME =
  /^src\/(resources|simulator|controls\/checks|graphql\/(threat|case|campaign|vendor-case|not-analyzed-message|detection360-report|portal-audit-log))\/|^src\/abnormal\/threat-log/;

test('code names a kind of record where the kind is defined; elsewhere it looks the definition up', () => {
  const files = linesIn('src', KIND).flatMap((line) => (AT_HOME.test(line) ? [] : [line.split(': ')[0]]));
  const named = [...new Set(files)].map((file) => file?.replace('src/', '')).sort();
  expect(named).toEqual(Object.keys(NAMING));
});

test('a chain of imports inside sync/ has at most six files', () => {
  const files = readdirSync('src/sync', { recursive: true, encoding: 'utf8' });
  const imports = new Map(
    files.flatMap((file) => {
      if (!file.endsWith('.ts')) return [];
      const text = readFileSync(join('src/sync', file), 'utf8');
      const paths = [...text.matchAll(/ from '(\.[^']*)\.js'/g)].map(([, path = '']) => path);
      return [[file, paths.map((path) => `${join(file, '..', path)}.ts`)] as const];
    }),
  );
  const levelOf = (file: string): number =>
    imports.has(file) ? 1 + Math.max(...(imports.get(file) ?? []).map(levelOf), 0) : 0;
  expect(Math.max(...[...imports.keys()].map(levelOf))).toBeLessThanOrEqual(6);
  expect(levelOf('create-sync.ts')).toBeGreaterThan(3);
});

/** Names that two files export, each with the reason why one of them has no better name. */
const NAMED_TWICE: Readonly<Record<string, string>> = {
  Account: 'the account whose records a block of columns has is no more than its number and name',
  Block: 'a block of columns and a block of the overview are never seen by one file',
  KIND_OF: 'the simulator shares nothing with the client',
  PROJECTION_KEY: 'each store has its own layout',
  RESOURCE_OF: 'the simulator shares nothing with the client',
  Resource: 'the simulator shares nothing with the client',
  isComplete: 'the overview knows what is collected from the answer of the graph only',
  liveCountAt: 'both stores count the same, each in its own tables',
  orderIndex: 'both stores have these indexes, each with its own names',
  relayout: 'each store has its own layout',
};

test('at most ten names are exported by two files, each with its reason', () => {
  const exported = linesIn('src', /^export /).flatMap((line) => {
    const [file = '', text = ''] = line.split(/: (.*)/);
    const [, name] =
      /^export (?:abstract |async )?(?:function\*?|const|class|interface|type) (\w+)/.exec(text) ?? [];
    return name === undefined ? [] : [{ name, file }];
  });
  const files = new Map<string, Set<string>>();
  for (const { name, file } of exported) files.set(name, (files.get(name) ?? new Set()).add(file));
  const twice = [...files].flatMap(([name, places]) => (places.size > 1 ? name : []));
  expect(twice.sort()).toEqual(Object.keys(NAMED_TWICE).sort());
  expect(twice.length).toBeLessThanOrEqual(10);
});
