import { defineConfig } from 'vitest/config';

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
