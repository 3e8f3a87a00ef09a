import { userInfo } from 'node:os';
import type { Caller } from '../values/caller.js';

/** Whoever runs a command: the user of the operating system, who may do whatever the files and keys at hand allow. */
export function commandCaller(): Caller {
  const name = userName();
  return { kind: 'COMMAND_LINE', id: name, name, role: 'admin' };
}

function userName(): string {
  try {
    return userInfo().username;
  } catch {
    // in a container a user may have a number and no name
    return `uid ${process.getuid?.() ?? 'unknown'}`;
  }
}
