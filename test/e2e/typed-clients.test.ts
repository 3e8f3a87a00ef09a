import { execFile } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { preset } from '@graphql-codegen/client-preset';
import { codegen } from '@graphql-codegen/core';
import { buildSchema, parse, validate } from 'graphql';
import { afterAll, expect, test } from 'vitest';
import config from '../../codegen.js';

/* What clients generate from the schema compiles in strict TypeScript, and their examples with it. */

const run = promisify(execFile);
const sdl = readFileSync('schema.graphql', 'utf8');
const folders: string[] = [];

afterAll(() => {
  for (const folder of folders) rmSync(folder, { recursive: true });
});

/** An application of its own, with the packages of this repository. */
function application(name: string): string {
  const folder = mkdtempSync(join(tmpdir(), `gateway-${name}-`));
  folders.push(folder);
  symlinkSync(resolve('node_modules'), join(folder, 'node_modules'));
  const { compilerOptions } = JSON.parse(readFileSync('tsconfig.json', 'utf8')) as {
    compilerOptions: object;
  };
  const options = { ...compilerOptions, lib: ['ES2023', 'DOM'], noUnusedLocals: false, types: ['node'] };
  writeFileSync(
    join(folder, 'tsconfig.json'),
    JSON.stringify({ compilerOptions: options, include: ['src'] }),
  );
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ type: 'module' }));
  mkdirSync(join(folder, 'src'));
  return folder;
}

/** The errors of the compiler, none if all is well. */
async function errorsOf(folder: string): Promise<string> {
  const compiler = resolve('node_modules/typescript-native/bin/tsc');
  const done = run(process.execPath, [compiler, '-p', folder, '--noEmit']);
  return done.then(
    () => '',
    (error: { stdout: string }) => error.stdout,
  );
}

test('codegen.ts makes types of the questions, which an application compiles with', async () => {
  const folder = application('codegen');
  const [[output, generates]] = Object.entries(config.generates) as [
    [string, (typeof config.generates)['generated/graphql/']],
  ];
  expect(output).toBe('generated/graphql/');
  const [location] = config.documents;
  const questions = readFileSync(location, 'utf8');
  const files = await preset.buildGeneratesSection({
    ...{ baseOutputDir: 'src/gql/', config: { ...generates.config, emitLegacyCommonJSImports: false } },
    ...{ presetConfig: generates.presetConfig, schema: parse(sdl), schemaAst: buildSchema(sdl) },
    documents: [{ location, document: parse(questions), rawSDL: questions }],
    ...{ plugins: [], pluginMap: {} },
  });
  for (const file of files) {
    const path = join(folder, file.filename);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, await codegen(file));
  }
  writeFileSync(
    join(folder, 'src', 'app.ts'),
    `import { ApolloClient, HttpLink, InMemoryCache } from '@apollo/client/core';
    import { Client, fetchExchange } from '@urql/core';
    import { NewThreatsDocument } from './gql/graphql.js';
    const apollo = new ApolloClient({ link: new HttpLink({ uri: '' }), cache: new InMemoryCache() });
    const { data } = await apollo.query({ query: NewThreatsDocument, variables: { last: 'P1D' } });
    export const at: string | null | undefined = data?.threats?.nodes[0]?.receivedTime;
    const urql = new Client({ url: '', exchanges: [fetchExchange] });
    const result = await urql.query(NewThreatsDocument, {}).toPromise();
    export const complete: boolean | undefined = result.data?.threats?.coverage?.complete;
    // @ts-expect-error an instant is text
    export const wrong: number | null | undefined = data?.threats?.nodes[0]?.receivedTime;
    `,
  );
  expect(await errorsOf(folder)).toBe('');
});

test('the example for Relay compiles with Relay’s compiler and in strict TypeScript', async () => {
  const folder = application('relay');
  cpSync('scripts/clients/retrying-fetch.ts', join(folder, 'src', 'retrying-fetch.ts'));
  cpSync('scripts/clients/relay', join(folder, 'src', 'relay'), { recursive: true });
  cpSync('schema.graphql', join(folder, 'schema.graphql'));
  const page = readFileSync('docs/clients/relay.md', 'utf8');
  const [, documented = '{}'] = /```json\n(.*?)```/s.exec(page) ?? [];
  const relay = { ...(JSON.parse(documented) as object), noSourceControl: true };
  writeFileSync(join(folder, 'relay.config.json'), JSON.stringify(relay));
  const compiler = createRequire(import.meta.url)('relay-compiler') as string;
  await run(compiler, ['relay.config.json'], { cwd: folder });
  // the compiler writes imports without the extension that Node wants
  const generated = readFileSync(join(folder, 'src/relay/__generated__/threatsListQuery.graphql.ts'), 'utf8');
  expect(generated).toContain('receivedTime: string | null | undefined');
  expect(await errorsOf(folder)).toBe('');
});

test('the example for Python is valid Python, and its queries are valid', async () => {
  const text = readFileSync('scripts/clients/threats.py', 'utf8');
  const queries = [...text.matchAll(/gql\("""(.*?)"""\)/gs)].map(([, query = '']) => query);
  expect(queries).toHaveLength(2);
  for (const query of queries) expect(validate(buildSchema(sdl), parse(query))).toEqual([]);
  const check = 'import ast, sys; ast.parse(open(sys.argv[1]).read())';
  const problem = await run('python3', ['-c', check, 'scripts/clients/threats.py']).then(
    () => null,
    (error: { code: string; stderr: string }) => (error.code === 'ENOENT' ? null : error.stderr),
  );
  expect(problem).toBeNull();
});
