import 'reflect-metadata';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { Session } from 'node:inspector/promises';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { pino } from 'pino';
import { isCollected, RUNS, type Runs } from '../test/support/collected.js';

/*
 * Which of our own files a request enters: those of which at least one function runs, by the engine's precise coverage
 * of the build. `npm run build && npx tsx scripts/entered-files.ts` prints them; with `--check` it fails where there are
 * more than `most` allows, or where docs/architecture.md names a file on a path that the request does not enter.
 */

const DIST = fileURLToPath(new URL('../dist/', import.meta.url));
const DOCS = fileURLToPath(new URL('../docs/architecture.md', import.meta.url));
/** What stands in for Abnormal, and what only counts or traces. */
const LEFT_OUT = /^(simulator|metrics)\/|^tracing$/;
/** The mutation that a poll is begun by here (the scheduler begins it without), and what timers of their own begin. */
const BESIDE = /^(http|graphql|callers|webhooks)\/|^app\/(operations|policy-file)$|^audit-trail$/;

/**
 * `most`: what a reader must know to follow a request to its end. Five files of a list are those that count by columns,
 * and one has the edges to records that name a threat.
 */
const TARGETS = {
  list: { heading: 'A list request', most: 50 },
  live: { heading: 'A live read', most: 60 },
  poll: { heading: 'A poll', most: 66 },
} as const;

const list = (
  first: number,
) => `{ threats(first: ${first}, filter: {receivedTime: {gte: "2020-01-01T00:00:00Z"}}) {
  totalCount nodes { threatId subject cases(first: 2) { nodes { caseId } } messages(first: 2) { nodes { subject } } }
  coverage { complete } pageInfo { endCursor } } }`;

type PathName = keyof typeof TARGETS;

const folder = mkdtempSync(join(tmpdir(), 'entered-files-'));
const session = new Session();

async function load<T>(file: string): Promise<T> {
  return (await import(pathToFileURL(join(DIST, file)).href)) as T;
}

async function ask(url: string, query: string): Promise<Record<string, unknown>> {
  const response = await fetch(`${url}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ query }),
  });
  const { data, errors } = (await response.json()) as { data: Record<string, unknown>; errors?: unknown };
  if (errors) throw new Error(JSON.stringify(errors));
  return data;
}

/** The files of the build that `work` enters. */
async function enteredBy(work: () => Promise<unknown>): Promise<string[]> {
  await session.post('Profiler.takePreciseCoverage');
  await work();
  const { result } = await session.post('Profiler.takePreciseCoverage');
  const entered = result.filter(
    ({ url, functions }) =>
      url.startsWith(pathToFileURL(DIST).href) &&
      functions.some(({ functionName, ranges }) => functionName !== '' && (ranges[0]?.count ?? 0) > 0),
  );
  const files = entered.map(({ url }) => relative(DIST, fileURLToPath(url)).replace(/[.]js$/, ''));
  return files.filter((file) => !LEFT_OUT.test(file)).sort();
}

/** The files that each of some requests enters: what runs in the background meanwhile is not in all of them. */
async function enteredByAll(requests: readonly (() => Promise<unknown>)[]): Promise<string[]> {
  const [first = [], ...others] = await requests.reduce(
    async (before, request) => [...(await before), await enteredBy(request)],
    Promise.resolve<string[][]>([]),
  );
  return first.filter((file) => others.every((files) => files.includes(file)));
}

/** Waits until what runs in the background, such as sealing, has ended: it is on no path of a request. */
async function idle(): Promise<void> {
  for (let quiet = 0, round = 0; quiet < 2 && round < 50; round += 1) {
    quiet = (await enteredBy(() => delay(200))).length === 0 ? quiet + 1 : 0;
  }
}

async function collected(url: string): Promise<void> {
  for (;;) {
    const { runs } = await ask(url, `{ ${RUNS} }`);
    if (isCollected(runs as Runs)) return;
    await delay(200);
  }
}

async function measure(): Promise<Record<PathName, string[]>> {
  await session.connect();
  await session.post('Profiler.enable');
  await session.post('Profiler.startPreciseCoverage', { callCount: true, detailed: true });
  const { createApp } = await load<typeof import('../src/app.js')>('app.js');
  const { readEnv, toConfig } = await load<typeof import('../src/config/config.js')>('config/config.js');
  const env = { PORT: '0', HISTORY: `sqlite:${join(folder, 'history.db')}`, RECONCILE_EVERY: 'off' };
  const config = toConfig(readEnv(env));
  if (!config.ok) throw new Error(JSON.stringify(config.problems));
  const app = createApp(config.config, { log: pino({ level: 'silent' }), clock: Date.now });
  try {
    const { url } = await app.start();
    await collected(url);
    await idle();
    const { threats } = await ask(url, '{ threats(first: 3) { nodes { threatId } } }');
    // the records of the lists are in memory then, as those of the newest pages are as a rule
    for (const field of ['subject', 'receivedTime'])
      await ask(url, `{ threats(first: 25) { nodes { ${field} } } }`);
    const { nodes } = threats as { nodes: { threatId: string }[] };
    const lists = await enteredByAll([20, 21, 22].map((first) => () => ask(url, list(first))));
    const record = (id: string) => `{ threat(threatId: "${id}", maxAge: 0) { threatId subject } }`;
    const live = await enteredByAll(
      nodes.map(
        ({ threatId }) =>
          () =>
            ask(url, record(threatId)),
      ),
    );
    await idle();
    const poll = await enteredBy(() => ask(url, 'mutation { pollNow(resources: [THREATS]) { __typename } }'));
    return { list: lists, live, poll: poll.filter((file) => !BESIDE.test(file)) };
  } finally {
    await app.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

/** The files that docs/architecture.md names under the heading of a path, such as "1. `http/server`: …". */
function documented(path: PathName): string[] {
  const text = readFileSync(DOCS, 'utf8');
  const section = text.split(/^#+ /m).find((part) => part.startsWith(TARGETS[path].heading)) ?? '';
  const steps = [...section.matchAll(/^\d+\. (.*)$/gm)].flatMap(
    ([, step]) => step?.split(/: | as above/)[0] ?? [],
  );
  return steps.flatMap((files) => [...files.matchAll(/`([\w/.-]+)`/g)].flatMap(([, file]) => file ?? []));
}

const entered = await measure();
const problems: string[] = [];
for (const [name, files] of Object.entries(entered) as [PathName, string[]][]) {
  const { most } = TARGETS[name];
  console.log(`${name}: ${files.length} files entered, at most ${most}`);
  if (!process.argv.includes('--check')) console.log(files.map((file) => `  ${file}`).join('\n'));
  if (files.length > most)
    problems.push(`${name}: ${files.length} files are entered, at most ${most} allowed`);
  const named = documented(name);
  if (named.length === 0) problems.push(`docs/architecture.md describes no path "${TARGETS[name].heading}"`);
  for (const file of named.filter((each) => !files.includes(each)))
    problems.push(`docs/architecture.md names ${file} on the path "${name}", which does not enter it`);
}
for (const problem of problems) console.error(problem);
if (process.argv.includes('--check') && problems.length > 0) process.exitCode = 1;
