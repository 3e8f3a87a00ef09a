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

// vite would take the package's ES modules where node takes its CommonJS: two copies, whose types are strangers
const resolve = { alias: [{ find: /^graphql$/, replacement: 'graphql/index.js' }] };

/** For what hangs only: no test may depend on how fast or busy the machine is. */
const limits = { testTimeout: 240_000, hookTimeout: 300_000, expect: { poll: { timeout: 200_000 } } };

/**
 * The folders whose tests leave nothing behind in their process. They share one: to start a process and to load the
 * graph takes longer than most of these files.
 */
const LIGHT = [
  ...['abnormal', 'async', 'callers', 'cli', 'config', 'controls', 'graphql', 'http', 'integrations'],
  ...['model', 'policy', 'resources', 'simulator', 'sync', 'values', 'webhooks'],
].join('|');

/** Files of these folders that replace modules, or measure what another file would add to. */
const ALONE = [
  'test/abnormal/fuzz.test.ts',
  'test/graphql/answers.test.ts',
  'test/graphql/operation/analyse-operation.test.ts',
  'test/resources/fourth-resource.test.ts',
  'test/values/bounded-cache.test.ts',
];

export default defineConfig({
  test: {
    globalSetup: ['test/support/global-setup.ts'],
    // the stores under test are real servers and files: two at a time is what a small machine bears
    maxWorkers: 2,
    projects: [
      {
        resolve,
        test: {
          ...{ ...limits, name: 'alone' },
          include: ['test/*.test.ts', `test/!(${LIGHT})/**/*.test.ts`, ...ALONE],
        },
      },
      {
        resolve,
        test: {
          ...{ ...limits, name: 'light', isolate: false },
          include: [`test/@(${LIGHT})/**/*.test.ts`],
          exclude: ALONE,
        },
      },
    ],
  },
});
