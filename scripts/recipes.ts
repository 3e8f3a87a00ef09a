import { execFile, execFileSync } from 'node:child_process';
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
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { promisify } from 'node:util';

/*
 * Follows the README's "How to add a field" on a copy of the repository, and checks the copy. A step names a file and,
 * for each block of code, the line that the block goes after or before.
 */

const root = resolve(import.meta.dirname, '..');
const run = promisify(execFile);

interface Edit {
  readonly file: string;
  readonly where: 'After' | 'Before';
  readonly line: string;
  readonly code: readonly string[];
}

function section(heading: string): string {
  const [, rest = ''] = readFileSync(join(root, 'README.md'), 'utf8').split(`\n### ${heading}\n`, 2);
  return rest.split(/\n##+ /, 1)[0] ?? '';
}

/** The edits of a recipe. Throws when a step has code and does not say where it goes. */
function editsIn(recipe: string): Edit[] {
  return recipe.split(/^(?=\d+\. )/m).flatMap((step) => {
    const file = /^\d+\. `(src|test)\/[^`]+`/.exec(step)?.[0].split('`')[1] ?? '';
    const blocks = [...step.matchAll(/(After|Before) `([^`]+(?:``[^`]*)*)`:\n\n {3}```ts\n(.*?)\n {3}```/gs)];
    const count = step.match(/```ts/g)?.length ?? 0;
    if (blocks.length !== count || (count > 0 && !file)) throw new Error(`no place for the code of: ${step}`);
    return blocks.map(([, where, line = '', code = '']) => ({
      file,
      where: where as Edit['where'],
      line,
      code: code.split('\n').map((text) => text.replace(/^ {3}/, '')),
    }));
  });
}

function apply(folder: string, { file, where, line, code }: Edit): void {
  const lines = readFileSync(join(folder, file), 'utf8').split('\n');
  const [at = -1, ...others] = lines.flatMap((text, index) => (text.trim() === line ? index : []));
  if (at < 0 || others.length > 0) {
    throw new Error(
      `${file} has ${at < 0 ? 'no line' : `${others.length + 1} lines`} ${JSON.stringify(line)}`,
    );
  }
  const indent = /^ */.exec(lines[at] ?? '')?.[0] ?? '';
  const added = code.map((text) => (text === '' ? '' : indent + text));
  lines.splice(where === 'After' ? at + 1 : at, 0, ...added);
  writeFileSync(join(folder, file), lines.join('\n'));
}

/** The repository as it is now, without what git ignores, and with the packages that are installed. */
function copyTo(folder: string): void {
  const options = { cwd: root, encoding: 'utf8' } as const;
  const listed = execFileSync('git', ['ls-files', '-co', '--exclude-standard'], options).trim().split('\n');
  for (const file of listed.filter((name) => existsSync(join(root, name)))) {
    mkdirSync(dirname(join(folder, file)), { recursive: true });
    cpSync(join(root, file), join(folder, file));
  }
  symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'));
}

/** What the recipe promises: the field is read, answered, filtered and ordered by. */
const PROOF = `
import 'reflect-metadata';
import { expect, test } from 'vitest';
import { decodeCase } from '../src/resources/case/case.js';
import { observeCase, sampleCase } from './support/records.js';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { openStore } from '../src/history/open-store.js';
import { Graph } from './graphql/harness.js';

const received = (json: object) => ({ json, evidence: () => JSON.stringify(json) });

test('the decoder reads the field, and null where Abnormal sends none', () => {
  expect(decodeCase('1', received({ caseId: '1', assignee: 'sam' }), null).record.assignee).toBe('sam');
  expect(decodeCase('1', received({ caseId: '1' }), null).record.assignee).toBeNull();
});

test('the graph answers, filters and orders by the field', async () => {
  const graph = await Graph.start();
  const given = { c1: 'sam', c2: 'ann', c3: null, c4: undefined };
  await graph.observe(...Object.entries(given).map(([id, assignee]) => observeCase(sampleCase(id, { assignee }))));
  const all = await graph.data('{ cases(orderBy: { field: ASSIGNEE, direction: ASC }) { nodes { caseId assignee } } }');
  expect(all.cases.nodes.filter(({ assignee }) => assignee !== null)).toEqual([
    { caseId: 'c2', assignee: 'ann' },
    { caseId: 'c1', assignee: 'sam' },
  ]);
  const some = await graph.data('{ cases(filter: { assignee: { eq: "sam" } }) { totalCount nodes { caseId } } }');
  expect(some.cases).toEqual({ totalCount: 1, nodes: [{ caseId: 'c1' }] });
  await graph.close();
});

test('a history without the field opens, and its cases have none', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'recipe-history-'));
  const path = join(folder, 'history.db');
  writeFileSync(path, gunzipSync(readFileSync('test/fixtures/history-sqlite.db.gz')));
  const store = await openStore('sqlite:' + path, 'write');
  const cases = { kind: 'case', integrations: null, seq: (await store.head()).seq };
  const count = await store.count({ ...cases, filter: null });
  expect(count).toBeGreaterThan(0);
  expect(await store.count({ ...cases, filter: { field: 'assignee', eq: null } })).toBe(count);
  await store.close();
  rmSync(folder, { recursive: true });
});
`;

/** The tests that know what a case or the schema holds. */
const TESTS = [
  ...['test/recipe.test.ts', 'test/abnormal/case.test.ts', 'test/resources', 'test/imports.test.ts'],
  ...['test/graphql/schema.test.ts', 'test/graphql/filters.test.ts', 'test/graphql/records.test.ts'],
  ...['test/graphql/operation/personal-fields.test.ts'],
];

async function addField(folder: string): Promise<void> {
  const edits = editsIn(section('How to add a field'));
  if (edits.length < 5) throw new Error(`the README has only ${edits.length} edits for a field`);
  for (const edit of edits) apply(folder, edit);
  const files = [...new Set(edits.map(({ file }) => file))];
  const step = async (...[command = '', ...args]: string[]) => {
    process.stdout.write(`${[command, ...args].join(' ')}\n`);
    await run(command, args, { cwd: folder, maxBuffer: 64_000_000 }).catch((error) => {
      throw new Error(`${command} ${args.join(' ')} fails after the recipe:\n${error.stdout}${error.stderr}`);
    });
  };
  await step('npx', 'biome', 'check', '--error-on-warnings', '--vcs-enabled=false', ...files);
  await step('npm', 'run', 'types');
  writeFileSync(join(folder, 'test/recipe.test.ts'), PROOF);
  await step('bash', '-c', 'npm run --silent schema');
  await step('npm', 'run', 'schema:check');
  await step('npx', 'vitest', 'run', '-u', '-t', 'keeps its types', 'test/golden/texts.test.ts');
  await step('npx', 'vitest', 'run', ...TESTS);
}

const folder = mkdtempSync(join(tmpdir(), 'recipe-'));
try {
  copyTo(folder);
  await addField(folder);
} finally {
  rmSync(folder, { recursive: true, force: true });
}
