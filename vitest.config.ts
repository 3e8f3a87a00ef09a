import { statfsSync } from 'node:fs';
import { defineConfig } from 'vitest/config';

/** What tests write need not survive a loss of power, and waiting for a disk is most of the time of many. */
const MEMORY_DISK = '/dev/shm';
const NEEDED_BYTES = 4 * 1024 ** 3;

if (!process.env.TMPDIR && freeBytes(MEMORY_DISK) > NEEDED_BYTES) process.env.TMPDIR = MEMORY_DISK;

function freeBytes(folder: string): number {
  try {
    const { bavail, bsize } = statfsSync(folder);
    return bavail * bsize;
  } catch {
    return 0;
  }
}

export default defineConfig({
  // vite would take the package's ES modules where node takes its CommonJS: two copies, whose types are strangers
  resolve: { alias: [{ find: /^graphql$/, replacement: 'graphql/index.js' }] },
  test: {
    include: ['test/**/*.test.ts'],
    globalSetup: ['test/support/global-setup.ts'],
    // for what hangs only: no test may depend on how fast or busy the machine is
    testTimeout: 240_000,
    hookTimeout: 300_000,
    expect: { poll: { timeout: 200_000 } },
    // the stores under test are real servers and files: two at a time is what a small machine bears
    maxWorkers: 2,
  },
});
