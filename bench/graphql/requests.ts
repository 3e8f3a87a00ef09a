import { type ChildProcess, execFileSync, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { Agent, request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { isDeepStrictEqual } from 'node:util';
import { median } from '../history/payloads.js';
import type { BenchRow } from '../table.js';
import { makeHistory } from './history.js';
import type { CpuReport } from './measured.js';
import { bodyOf, SAME, WORKS, type Work } from './works.js';

/*
 * CPU time of requests over HTTP: the gateway and mercurius with jit over the same SQLite file, each in a process of
 * its own, with the options of `npm start`. Rounds alternate, so that other work of the machine affects both alike. No
 * two first requests are the same, and their instants and ids are spread over the whole history.
 */

const ROUNDS = Number(process.env.BENCH_ROUNDS ?? 7);
/** Rounds that do not count, for V8 to compile what all requests pass through. */
const WARM_UP = Number(process.env.BENCH_WARM_UP ?? 4);
const CONNECTIONS = 4;
/** How many different requests are sent again and again. */
const REPEATED = 10;
/** Those of `npm start`. */
export const OPTIONS = ['--max-old-space-size=256', '--max-semi-space-size=16'];

interface MeasuredServer {
  readonly process: ChildProcess;
  readonly url: string;
  readonly agent: Agent;
}

/** The CPU time of one round, in microseconds for each request. */
interface Round {
  readonly gateway: number;
  readonly rival: number | null;
  readonly again: number | null;
}

export async function requestRows(): Promise<BenchRow[]> {
  const folder = await mkdtemp(join(tmpdir(), 'bench-requests-'));
  const servers: MeasuredServer[] = [];
  try {
    const path = join(folder, 'history.db');
    await makeHistory(path);
    const programs = compile();
    const gateway = await startServer(`${programs}/bench/graphql/serve-gateway.js`, path);
    servers.push(gateway);
    const rival = await startServer(`${programs}/bench/graphql/serve-mercurius.js`, path);
    servers.push(rival);
    const works = wantedWorks();
    for (const work of works) await assertEqual(work, gateway, rival);
    const rounds = new Map(works.map((work) => [work, [] as Round[]]));
    let next = 1_000;
    for (let round = -WARM_UP; round < ROUNDS; round += 1) {
      for (const work of works) {
        const figures = await measure(work, next, gateway, rival);
        next += work.requests;
        if (round >= 0) rounds.get(work)?.push(figures);
      }
    }
    return works.flatMap((work) => rowsOf(work, rounds.get(work) ?? []));
  } finally {
    for (const { process, agent } of servers) {
      agent.destroy();
      process.kill();
    }
    await rm(folder, { recursive: true });
  }
}

function wantedWorks(): Work[] {
  const wanted = process.env.BENCH_WORK;
  return [...WORKS, SAME].filter(({ name }) => wanted === undefined || name.includes(wanted));
}

async function measure(
  work: Work,
  from: number,
  gateway: MeasuredServer,
  rival: MeasuredServer,
): Promise<Round> {
  const { requests, toRival, toFirst } = work;
  const bodies = Array.from({ length: requests }, (_, i) => bodyOf(work, from + i));
  const repeated = bodies.map((_, i) => bodyOf(work, i % REPEATED));
  if (toFirst !== null)
    await sendAll(gateway, [...repeated.slice(0, REPEATED), ...repeated.slice(0, REPEATED)]);
  return {
    gateway: await cpuOf(gateway, bodies),
    rival: toRival === null ? null : await cpuOf(rival, bodies),
    again: toFirst === null ? null : await cpuOf(gateway, repeated),
  };
}

function rowsOf({ name, toRival, toFirst }: Work, rounds: readonly Round[]): BenchRow[] {
  const of = (part: (round: Round) => number | null) => median(rounds.flatMap((round) => part(round) ?? []));
  const micros = (value: number) => (Number.isNaN(value) ? '–' : `${value.toFixed(0)} µs`);
  const figures = [of(({ gateway }) => gateway), of(({ rival }) => rival), of(({ again }) => again)];
  const [first = 0, rival = 0, again = 0] = figures;
  console.log(`${name}: gateway ${micros(first)}, mercurius ${micros(rival)}, again ${micros(again)}`);
  const row = (measure: string, limit: number | null, part: (round: Round) => number | null): BenchRow[] =>
    limit === null ? [] : [{ work: name, measure, value: of(part), limit: { atMost: limit } }];
  return [
    ...row('CPU / mercurius', toRival, (round) => round.rival && round.gateway / round.rival),
    ...row('CPU again / first', toFirst, (round) => round.again && round.again / round.gateway),
  ];
}

/** Both servers return the same data, or the comparison is void. Cursors are each server’s own. */
async function assertEqual(work: Work, gateway: MeasuredServer, rival: MeasuredServer): Promise<void> {
  for (const n of [1, 2, 3]) {
    const body = bodyOf(work, n);
    const data = await dataOf(gateway, body);
    if (work.toRival === null) continue;
    if (!isDeepStrictEqual(data, await dataOf(rival, body)))
      throw new Error(`The two servers return different data for: ${work.name}, request ${n}.`);
  }
}

async function dataOf(server: MeasuredServer, body: string): Promise<unknown> {
  const text = await post(server, body);
  const { data, errors } = JSON.parse(text, (key, value) => (key === 'endCursor' ? null : value)) as {
    readonly data: unknown;
    readonly errors?: unknown;
  };
  if (errors !== undefined || !data) throw new Error(`${body} failed: ${text.slice(0, 500)}`);
  return data;
}

/** Microseconds of CPU that the server uses for each of these requests. */
async function cpuOf(server: MeasuredServer, bodies: readonly string[]): Promise<number> {
  const before = await cpuNow(server);
  await sendAll(server, bodies);
  return ((await cpuNow(server)) - before) / bodies.length;
}

async function cpuNow({ process }: MeasuredServer): Promise<number> {
  process.send('cpu');
  const [{ cpu }] = (await once(process, 'message')) as [CpuReport];
  return cpu;
}

async function sendAll(server: MeasuredServer, bodies: readonly string[]): Promise<void> {
  let sent = 0;
  const work = async () => {
    while (sent < bodies.length) await post(server, bodies[sent++] ?? '');
  };
  await Promise.all(Array.from({ length: CONNECTIONS }, work));
}

function post({ url, agent }: MeasuredServer, body: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) };
    const sent = request(`${url}/graphql`, { method: 'POST', agent, headers }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('end', () => {
        const text = Buffer.concat(chunks).toString();
        if (response.statusCode === 200) resolve(text);
        else reject(new Error(`${url} answered ${response.statusCode}: ${text.slice(0, 500)}`));
      });
    });
    sent.on('error', reject);
    sent.end(body);
  });
}

/** Compiles as for production, so that no server pays for a loader; gives the folder of the programs. */
export function compile(): string {
  const root = fileURLToPath(new URL('../..', import.meta.url));
  const out = `${root}node_modules/.cache/bench`;
  const tsc = `${root}node_modules/typescript-native/bin/tsc`;
  const options = ['--noCheck', '--noEmit', 'false', '--sourceMap', 'false', '--outDir', out];
  execFileSync(process.execPath, [tsc, '-p', `${root}tsconfig.json`, ...options], { stdio: 'inherit' });
  return out;
}

async function startServer(file: string, path: string): Promise<MeasuredServer> {
  const child = fork(file, [path], {
    execArgv: OPTIONS,
    env: { ...process.env, NODE_ENV: 'production' },
  });
  const url = await new Promise<string>((resolve, reject) => {
    child.once('exit', (code) => reject(new Error(`${file} ended with ${code}`)));
    child.once('message', (message) => resolve((message as { url: string }).url));
  });
  return { process: child, url, agent: new Agent({ keepAlive: true, maxSockets: CONNECTIONS }) };
}
