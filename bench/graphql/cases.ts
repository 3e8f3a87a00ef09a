import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { Agent, request } from 'node:http';
import { fileURLToPath } from 'node:url';
import { requestBody } from './query.js';

/*
 * A page of 50 cases with their threats over HTTP: the gateway over SQLite in memory, mercurius with jit that
 * serves the same from memory, and a bare server that sends the same bytes. Each is a process of its own;
 * rounds alternate, so that what else the machine does falls upon all three alike.
 *
 * The same page again is what most callers ask for, and what the gateway may answer as it did before while the
 * history stands still. So that this flatters nobody, it is also measured with a question that is new each
 * time, which is read, put together and written out from the start.
 */

const ROUNDS = 25;
const REQUESTS = 300;
/** Rounds that do not count: V8 takes some thousand requests to compile all that one passes through. */
const WARM_UP = 12;
const CONNECTIONS = 4;

/** Requests a second, the median of the rounds. */
export interface CasesBench {
  readonly gateway: number;
  readonly mercurius: number;
  readonly bytes: number;
}

/** Measures, and prints the medians and their ratios. */
export async function benchCases(
  print: (line: string) => void = console.log,
): Promise<{ readonly same: CasesBench; readonly fresh: CasesBench }> {
  const folder = compile();
  const gateway = await startServer(`${folder}/serve-gateway.js`);
  const others = [
    await startServer(`${folder}/serve-mercurius.js`, gateway.url),
    await startServer(`${folder}/serve-bytes.js`, gateway.url),
  ];
  const servers = [gateway, ...others];
  const urls = servers.map(({ url }) => url);
  let asked = 1_000;
  try {
    const same = toBench(await measure(urls, () => requestBody()));
    report(print, 'cases page', same);
    const fresh = toBench(await measure(urls, () => requestBody(asked++)));
    report(print, 'cases page, a new question each time', fresh);
    return { same, fresh };
  } finally {
    for (const { process } of servers) process.kill();
  }
}

function toBench(rates: readonly (readonly number[])[]): CasesBench {
  const [gateway = 0, mercurius = 0, bytes = 0] = rates.map(median);
  return { gateway, mercurius, bytes };
}

function report(
  print: (line: string) => void,
  what: string,
  { gateway, mercurius, bytes }: CasesBench,
): void {
  const rate = (value: number) => `${value.toFixed(0)}/s`;
  print(
    `${what}: gateway ${rate(gateway)}, mercurius with jit ${rate(mercurius)}, bare node:http ${rate(bytes)}`,
  );
  print(
    `${what}: gateway / mercurius ${(gateway / mercurius).toFixed(2)}, gateway / bare ${(gateway / bytes).toFixed(2)}`,
  );
}

async function measure(urls: readonly string[], body: () => string): Promise<number[][]> {
  const agents = urls.map(() => new Agent({ keepAlive: true, maxSockets: CONNECTIONS }));
  const rates: number[][] = urls.map(() => []);
  for (let round = -WARM_UP; round < ROUNDS; round += 1) {
    for (const [index, url] of urls.entries()) {
      const rate = await runRound(url, agents[index] as Agent, body);
      if (round >= 0) rates[index]?.push(rate);
    }
  }
  for (const agent of agents) agent.destroy();
  return rates;
}

async function runRound(url: string, agent: Agent, body: () => string): Promise<number> {
  const startedAt = performance.now();
  let left = REQUESTS;
  const work = async () => {
    while (left-- > 0) await post(url, agent, body());
  };
  await Promise.all(Array.from({ length: CONNECTIONS }, work));
  return (REQUESTS * 1000) / (performance.now() - startedAt);
}

function post(url: string, agent: Agent, body: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) };
    const sent = request(`${url}/graphql`, { method: 'POST', agent, headers }, (response) => {
      response.on('data', () => {});
      response.on('end', () => {
        if (response.statusCode === 200) resolve();
        else reject(new Error(`${url} answered with ${response.statusCode}`));
      });
    });
    sent.on('error', reject);
    sent.end(body);
  });
}

/** Compiles as for production, so that no server pays for a loader; gives the folder of the servers. */
function compile(): string {
  const root = fileURLToPath(new URL('../..', import.meta.url));
  const out = `${root}node_modules/.cache/bench`;
  const tsc = `${root}node_modules/typescript/bin/tsc`;
  const options = ['--noCheck', '--noEmit', 'false', '--sourceMap', 'false', '--outDir', out];
  execFileSync(process.execPath, [tsc, '-p', `${root}tsconfig.json`, ...options], { stdio: 'inherit' });
  return `${out}/bench/graphql`;
}

function startServer(file: string, ...args: string[]): Promise<{ process: ChildProcess; url: string }> {
  const child = spawn(process.execPath, [file, ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, NODE_ENV: 'production' },
  });
  return new Promise((resolve, reject) => {
    child.once('exit', (code) => reject(new Error(`${file} ended with ${code}`)));
    child.stdout.once('data', (line: Buffer) => resolve({ process: child, url: line.toString().trim() }));
  });
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[values.length >> 1] ?? 0;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await benchCases();
