/*
 * Sends hostile requests, so many at once, and prints what came of them as JSON. A process of its own, so that
 * making them costs neither the gateway nor whoever measures it: see hostile.ts.
 */
import { Agent } from 'node:http';
import { hostileRequests } from '../../test/support/hostile-requests.js';
import { sendAll, sendHostile } from '../../test/support/send-hostile.js';

const [url = '', key = '', count = '5000', atOnce = '4', seed = '1'] = process.argv.slice(2);
const agent = new Agent({ keepAlive: true, maxSockets: Number(atOnce) });
const headers = { 'x-api-key': key };
const requests = hostileRequests(Number(count), Number(seed));
console.log('ready');
await new Promise((resolve) => process.stdin.once('data', resolve));
const outcomes = await sendAll(requests, Number(atOnce), (each) =>
  sendHostile(url, each, headers, agent, 60_000),
);
agent.destroy();
// a pipe takes its time, and an exit would not wait for it
process.stdout.write(JSON.stringify(outcomes), () => process.exit());
