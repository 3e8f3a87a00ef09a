#!/usr/bin/env node

import 'reflect-metadata';
import { existsSync } from 'node:fs';
import { EXIT } from './cli/command.js';
import { runCommand } from './cli/run-command.js';

// what the environment already says goes before the file
if (existsSync('.env')) process.loadEnvFile('.env');

const stop = new AbortController();
const signals = { SIGINT: EXIT.interrupted, SIGTERM: EXIT.terminated };
for (const [signal, code] of Object.entries(signals)) {
  process.on(signal, () => {
    // whoever asks twice means at once; a batch half written is none, so nothing is lost
    if (stop.signal.aborted) process.exit(code);
    stop.abort(signal);
  });
}
// a reader that has seen enough, such as `head`, closes the pipe
for (const stream of [process.stdout, process.stderr]) stream.on('error', () => stop.abort('EPIPE'));

process.exitCode = await runCommand({
  arguments: process.argv.slice(2),
  env: process.env,
  terminal: { out: process.stdout, err: process.stderr, in: process.stdin },
  stop: stop.signal,
  clock: Date.now,
});
// all is closed by now; a socket that will not end must not keep the process
setTimeout(() => process.exit(), 2000).unref();
