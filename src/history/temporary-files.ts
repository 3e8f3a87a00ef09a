import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';

/*
 * Files of a process that another removes if that process is killed: their names hold the id of the process.
 */

const PREFIX = 'abnormal-gateway-';
/** What this process has made; in a container, the process before had the same id. */
const own = new Set<string>();

/** A new folder in the temporary directory, for a pack or a copy of a history. */
export function makeTemporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), `${PREFIX}${process.pid}-`));
  own.add(folder);
  return folder;
}

export function removeTemporaryFolder(folder: string): void {
  own.delete(folder);
  rmSync(folder, { recursive: true, force: true });
}

/** Removes the folders of processes that no longer run. */
export function removeLeftoverFolders(): void {
  removeLeftovers(tmpdir(), PREFIX);
}

/** The name of a file that becomes `path` once it is complete; removes those of processes that no longer run. */
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
      // it is another user's, who removes it
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
    // a process of another user runs, too
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
}
