import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, inject, test } from 'vitest';
import { writePackFile } from '../../src/evidence/pack/tar.js';
import {
  makeTemporaryFolder,
  removeLeftoverFolders,
  removeTemporaryFolder,
} from '../../src/history/temporary-files.js';
import { compiled } from '../support/scripts.js';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'temporary-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

const FACTS = { period: 'p' } as never;
const endless = await compiled(inject('desk'), 'test/history/endless-pack.ts');

/** Starts a process that writes a pack without end, waits until it has begun, and kills it. */
async function killedExport(path: string): Promise<string> {
  const child = spawn(process.execPath, [endless, path], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [line] = await once(child.stdout, 'data');
  child.kill('SIGKILL');
  await once(child, 'exit');
  return String(line).trim();
}

test('the next start and the next export to the same file remove what a killed export left', async () => {
  const path = join(folder, 'evidence.tar');
  const left = await killedExport(path);
  expect(existsSync(left)).toBe(true);
  expect(readdirSync(folder).some((name) => name.startsWith('evidence.tar.parts-'))).toBe(true);

  removeLeftoverFolders();
  expect(existsSync(left)).toBe(false);
  await writePackFile(path, [], () => FACTS, null);
  expect(readdirSync(folder)).toEqual(['evidence.tar']);
});

test('files of a running process, and files with other names, are not removed', () => {
  const mine = makeTemporaryFolder();
  const others = [
    `abnormal-gateway-${process.ppid}-abc`,
    'abnormal-gateway-notes',
    'abnormal-gateway-1x-abc',
  ];
  const paths = others.map((name) => join(tmpdir(), name));
  for (const path of paths) mkdirSync(path, { recursive: true });
  // in a container the process before had the id of this one
  const before = join(tmpdir(), `abnormal-gateway-${process.pid}-zzzzzz`);
  mkdirSync(before);
  writeFileSync(join(before, 'evidence.tar'), 'x');
  removeLeftoverFolders();
  expect([mine, ...paths].map((path) => existsSync(path))).toEqual([true, true, true, true]);
  expect(existsSync(before)).toBe(false);
  removeTemporaryFolder(mine);
  expect(existsSync(mine)).toBe(false);
  for (const path of paths) rmSync(path, { recursive: true });
});
