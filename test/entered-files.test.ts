import { spawnSync } from 'node:child_process';
import { expect, test } from 'vitest';

test('a list, a live read and a poll enter no more files than allowed, and exactly those in docs/architecture.md', () => {
  spawnSync('node', ['scripts/build.js']);
  const command = ['tsx', 'scripts/entered-files.ts', '--check'];
  const { status, stdout, stderr } = spawnSync('npx', command, { encoding: 'utf8' });
  expect(stderr).toBe('');
  expect(stdout).toMatch(/^list: \d+ .*\nlive: \d+ .*\npoll: \d+ .*\n$/);
  expect(status).toBe(0);
});
