/*
 * Sends 5,000 hostile requests of many kinds to a gateway while a well-behaved caller goes on asking beside them,
 * and prints what came of each kind, how long the slowest took, and the median latency of the well-behaved caller
 * before and during. Gateway, attacker and well-behaved caller are a process each.
 *
 *   npx tsx scripts/proof/hostile.ts [--count 5000] [--at-once 4] [--seed 1] [--quiet 10]
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { Agent, request } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { isCollected, RUNS, type Runs } from '../../test/support/collected.js';
import type { Outcome } from '../../test/support/send-hostile.js';
import { buildService, Workplace } from '../../test/support/service.js';

const { values } = parseArgs({
  options: {
    count: { type: 'string', default: '5000' },
    'at-once': { type: 'string', default: '4' },
    seed: { type: 'string', default: '1' },
    /** Seconds for which the quiet latency is measured. */
    quiet: { type: 'string', default: '10' },
  },
});

const KEYS = { good: 'good-0123456789-0123456789-012345', bad: 'bad-0123456789-0123456789-0123456' };
const API_KEYS = `good:reader:${KEYS.good},bad:reader:${KEYS.bad}`;
/** How long the well-behaved caller waits between two questions. */
const PAUSE_MS = 15;

const QUESTIONS = [
  '{ cases(first: 25) { nodes { caseId severity status threats(first: 3) { nodes { threatId subject } } } pageInfo { endCursor } } }',
  '{ threats(first: 25) { nodes { threatId subject receivedTime remediation { state } } } }',
  '{ threats(first: 10, filter: { unremediated: { eq: true } }) { nodes { threatId messages(first: 2) { nodes { subject recipientAddress } } } } }',
  '{ campaigns(first: 25) { nodes { campaignId judgement subject } } }',
];

await buildService(null);
const workplace = new Workplace();
// what is counted by the minute would only keep the attacker from getting as far as what is tried here
const env = { PORT: '0', API_KEYS, RATE_LIMIT: 'off', LOG_LEVEL: 'warn' };
// with the heap that `npm start` gives it
const gateway = workplace.run(['serve'], {
  ...env,
  NODE_OPTIONS: '--max-old-space-size=256 --max-semi-space-size=16',
});
try {
  const url = await gateway.url();
  await collected(url);
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  await askFor(url, agent, 5);
  const quiet = await askFor(url, agent, Number(values.quiet));
  const attack = await startAttacker(url);
  const ended = new AbortController();
  const began = performance.now();
  const [outcomes, during] = await Promise.all([
    attack.go().finally(() => ended.abort()),
    askFor(url, agent, Number.POSITIVE_INFINITY, ended.signal),
  ]);
  report(outcomes, (performance.now() - began) / 1000, quiet, during);
} catch (error) {
  console.error(`the gateway said last:\n${gateway.output.slice(-4000)}`);
  throw error;
} finally {
  await workplace.clear();
}

/** Waits until every resource has been polled once. */
async function collected(url: string): Promise<void> {
  for (;;) {
    const { data } = await post(url, new Agent(), `{ ${RUNS} }`);
    if (isCollected((data as { runs: Runs }).runs)) return;
    await delay(500);
  }
}

/** Asks one question after the other for so long; gives how long each took, in milliseconds. */
async function askFor(url: string, agent: Agent, seconds: number, signal?: AbortSignal): Promise<number[]> {
  const taken: number[] = [];
  const until = performance.now() + seconds * 1000;
  for (let n = 0; performance.now() < until && !signal?.aborted; n += 1) {
    const began = performance.now();
    const { errors } = await post(url, agent, QUESTIONS[n % QUESTIONS.length] as string);
    taken.push(performance.now() - began);
    if (errors) throw new Error(`the well-behaved caller got ${JSON.stringify(errors)}`);
    await delay(PAUSE_MS);
  }
  return taken;
}

function post(url: string, agent: Agent, query: string): Promise<{ data?: unknown; errors?: unknown }> {
  const body = JSON.stringify({ query });
  const headers = {
    ...{ 'content-type': 'application/json', 'x-api-key': KEYS.good },
    'content-length': Buffer.byteLength(body),
  };
  return new Promise((resolve, reject) => {
    const sent = request(`${url}/graphql`, { method: 'POST', agent, headers }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (part: string) => {
        text += part;
      });
      response.on('end', () => resolve(JSON.parse(text)));
    });
    sent.on('error', reject);
    sent.end(body);
  });
}

async function startAttacker(url: string): Promise<{ go(): Promise<Outcome[]> }> {
  const file = fileURLToPath(new URL('./hostile-attacker.ts', import.meta.url));
  const args = ['--import', 'tsx', file, url, KEYS.bad, values.count, values['at-once'], values.seed];
  const child = spawn(process.execPath, args, { stdio: ['pipe', 'pipe', 'inherit'] });
  let text = '';
  child.stdout.setEncoding('utf8').on('data', (part: string) => {
    text += part;
  });
  await once(child.stdout, 'data');
  return {
    async go() {
      child.stdin.write('go\n');
      const [code] = await once(child, 'close');
      if (code !== 0) throw new Error(`the attacker ended with ${code}`);
      return JSON.parse(text.slice(text.indexOf('\n') + 1));
    },
  };
}

function report(outcomes: readonly Outcome[], seconds: number, quiet: number[], during: number[]): void {
  const kinds = grouped(outcomes);
  console.log('kind                            sent  answered  refused  cut  none  slowest  codes');
  for (const [kind, all] of kinds) {
    const count = (outcome: Outcome['outcome']) => all.filter((each) => each.outcome === outcome).length;
    const slowest = Math.max(...all.map(({ ms }) => ms));
    const codes = [...new Set(all.flatMap((each) => each.codes))].join(' ');
    const cells = [
      ...[kind.padEnd(30), String(all.length).padStart(5), String(count('ANSWERED')).padStart(9)],
      ...[String(count('REFUSED')).padStart(8), String(count('CUT')).padStart(4)],
      ...[String(count('NO_ANSWER')).padStart(5), `${slowest.toFixed(0)} ms`.padStart(8), ` ${codes}`],
    ];
    console.log(cells.join(' '));
  }
  const slowest = Math.max(...outcomes.map(({ ms }) => ms));
  const faults = outcomes.filter(({ status, outcome }) => status >= 500 || outcome === 'NO_ANSWER').length;
  console.log(
    `\n${outcomes.length} requests in ${seconds.toFixed(0)} s, the slowest ${slowest.toFixed(0)} ms`,
  );
  console.log(`without an answer, or answered with a fault of the gateway: ${faults}`);
  console.log(`the gateway's memory at its peak: ${(gateway.peakMemory() / 2 ** 20).toFixed(0)} MiB`);
  const ratio = at(during, 0.5) / at(quiet, 0.5);
  console.log(`well-behaved caller, quiet:  ${words(quiet)}`);
  console.log(`well-behaved caller, beside: ${words(during)}`);
  console.log(`its median beside them is ${ratio.toFixed(2)} times its quiet median (up to 2 is well)`);
}

function grouped(outcomes: readonly Outcome[]): Map<string, Outcome[]> {
  const kinds = new Map<string, Outcome[]>();
  for (const each of outcomes) kinds.set(each.kind, [...(kinds.get(each.kind) ?? []), each]);
  return kinds;
}

function at(values: readonly number[], share: number): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length * share)] ?? Number.NaN;
}

function words(values: readonly number[]): string {
  const [median, p95, p99] = [0.5, 0.95, 0.99].map((share) => at(values, share).toFixed(1));
  return `${values.length} answers, median ${median} ms, 95 % within ${p95} ms, 99 % within ${p99} ms`;
}
