#!/usr/bin/env node

import 'reflect-metadata';
import { existsSync } from 'node:fs';
import { EXIT } from './cli/command.js';
import { runCommand } from './cli/run-command.js';

// the environment takes precedence over the file
if (existsSync('.env')) process.loadEnvFile('.env');

const stop = new AbortController();
const signals = { SIGINT: EXIT.interrupted, SIGTERM: EXIT.terminated };
for (const [signal, code] of Object.entries(signals)) {
  process.on(signal, () => {
    // a second signal ends the process at once; an incomplete batch is not recorded, so nothing is damaged
    if (stop.signal.aborted) process.exit(code);
    stop.abort(signal);
  });
}
// a reader that has enough, such as `head`, closes the pipe
for (const stream of [process.stdout, process.stderr]) stream.on('error', () => stop.abort('EPIPE'));

process.exitCode = await runCommand({
  arguments: process.argv.slice(2),
  env: process.env,
  terminal: { out: process.stdout, err: process.stderr, in: process.stdin },
  stop: stop.signal,
  clock: Date.now,
});
// everything is closed by now; a socket that stays open must not keep the process
setTimeout(() => process.exit(), 2000).unref();
