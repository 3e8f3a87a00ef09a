import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';

// Files whose names contain the id of the process: if it is killed, another process removes them.

const PREFIX = 'abnormal-gateway-';
/** Made by this process: in a container, an earlier process may have had the same id. */
const own = new Set<string>();

/** For a pack or a copy of a history. */
export function makeTemporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), `${PREFIX}${process.pid}-`));
  own.add(folder);
  return folder;
}

export function removeTemporaryFolder(folder: string): void {
  own.delete(folder);
  rmSync(folder, { recursive: true, force: true });
}

export function removeLeftoverFolders(): void {
  removeLeftovers(tmpdir(), PREFIX);
}

/** The name of a file that becomes `path` when it is complete. */
export function partialNameOf(path: string, kind: 'partial' | 'parts'): string {
  removeLeftovers(dirname(path), `${basename(path)}.${kind}-`);
  const name = `${path}.${kind}-${process.pid}`;
  own.add(join(dirname(path), basename(name)));
  return name;
}

function removeLeftovers(folder: string, prefix: string): void {
  for (const name of namesIn(folder)) {
    if (!name.startsWith(prefix)) continue;
    const [, digits] = /^(\d+)(?:-\w+)?$/.exec(name.slice(prefix.length)) ?? [];
    const path = join(folder, name);
    const pid = Number(digits);
    if (digits === undefined || (pid === process.pid ? own.has(path) : isRunning(pid))) continue;
    try {
      rmSync(path, { recursive: true, force: true });
    } catch {
      // it belongs to another user, who removes it
    }
  }
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // a process of another user is running
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
}
