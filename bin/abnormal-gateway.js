#!/usr/bin/env node
import { build, isBuildNeeded } from '../scripts/build.js';

/* The command of this package: `npm start` and `npx abnormal-gateway` run it. Builds first when sources changed. */

process.setSourceMapsEnabled(true);

let isReady = true;
if (isBuildNeeded()) {
  // standard output belongs to the command
  process.stderr.write('Building the gateway: a few seconds, once after each change of its sources.\n');
  try {
    build();
  } catch (error) {
    process.stderr.write(`${error.message}\n`);
    process.exitCode = 2;
    isReady = false;
  }
}
if (isReady) await import('../dist/main.js');
