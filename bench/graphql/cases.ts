import { type ChildProcess, spawn } from 'node:child_process';
import { Agent, request } from 'node:http';
import { fileURLToPath } from 'node:url';
import { QUERY } from './query.js';

/*
 * A page of 50 cases with their threats over HTTP: the gateway over SQLite in memory, mercurius with jit that
 * serves the same from memory, and a bare server that sends the same bytes. Each is a process of its own;
 * rounds alternate, so that what else the machine does falls upon all three alike.
 */

const ROUNDS = 15;
const REQUESTS = 300;
const CONNECTIONS = 4;

export interface CasesBench {
  /** Requests a second, the median of the rounds. */
  readonly gateway: number;
  readonly mercurius: number;
  readonly bytes: number;
}

/** Measures, and prints the medians and their ratios. */
export async function benchCases(print: (line: string) => void = console.log): Promise<CasesBench> {
  const gateway = await startServer('serve-gateway.ts');
  const others = [
    await startServer('serve-mercurius.ts', gateway.url),
    await startServer('serve-bytes.ts', gateway.url),
  ];
  const servers = [gateway, ...others];
  try {
    const rates = await measure(servers.map(({ url }) => url));
    const [own = 0, mercurius = 0, bytes = 0] = rates.map(median);
    print(
      `cases page: gateway ${own.toFixed(0)}/s, mercurius with jit ${mercurius.toFixed(0)}/s, bare node:http ${bytes.toFixed(0)}/s`,
    );
    print(
      `cases page: gateway / mercurius ${(own / mercurius).toFixed(2)}, gateway / bare ${(own / bytes).toFixed(2)}`,
    );
    return { gateway: own, mercurius, bytes };
  } finally {
    for (const { process } of servers) process.kill();
  }
}

async function measure(urls: readonly string[]): Promise<number[][]> {
  const agents = urls.map(() => new Agent({ keepAlive: true, maxSockets: CONNECTIONS }));
  const rates: number[][] = urls.map(() => []);
  for (let round = -2; round < ROUNDS; round += 1) {
    for (const [index, url] of urls.entries()) {
      const rate = await runRound(url, agents[index] as Agent);
      if (round >= 0) rates[index]?.push(rate);
    }
  }
  for (const agent of agents) agent.destroy();
  return rates;
}

async function runRound(url: string, agent: Agent): Promise<number> {
  const startedAt = performance.now();
  let left = REQUESTS;
  const work = async () => {
    while (left-- > 0) await post(url, agent);
  };
  await Promise.all(Array.from({ length: CONNECTIONS }, work));
  return (REQUESTS * 1000) / (performance.now() - startedAt);
}

const BODY = JSON.stringify({ query: QUERY });

function post(url: string, agent: Agent): Promise<void> {
  return new Promise((resolve, reject) => {
    const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(BODY) };
    const sent = request(`${url}/graphql`, { method: 'POST', agent, headers }, (response) => {
      response.on('data', () => {});
      response.on('end', () =>
        response.statusCode === 200 ? resolve() : reject(new Error(`${response.statusCode}`)),
      );
    });
    sent.on('error', reject);
    sent.end(BODY);
  });
}

function startServer(file: string, ...args: string[]): Promise<{ process: ChildProcess; url: string }> {
  const path = fileURLToPath(new URL(file, import.meta.url));
  const child = spawn(process.execPath, ['--import', 'tsx', path, ...args], {
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
