import { type ChildProcess, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';

/** A gateway command in a process of its own, reading a simulated tenant as it would an account. */
export interface Child {
  readonly process: ChildProcess;
  /** Ends with its exit code, or `null` after a signal. */
  readonly ended: Promise<number | null>;
  /** What it has written to its standard error so far. */
  errors(): string;
  /** The most memory it has had resident, in bytes; 0 once it has ended. */
  peakMemory(): number;
  /** The memory that it has resident now, in bytes; 0 once it has ended. */
  memory(): number;
}

export interface ChildOptions {
  readonly baseUrl: string;
  readonly token: string;
  readonly history: string;
  readonly env?: Readonly<Record<string, string>>;
}

/** As `npm start` and the image have them. */
const NODE_FLAGS = ['--enable-source-maps', '--max-old-space-size=256', '--max-semi-space-size=16'];

/** Starts the built gateway (`npm run build`) with `args`. */
export function startGateway(args: readonly string[], options: ChildOptions): Child {
  const child = spawn(process.execPath, [...NODE_FLAGS, 'dist/main.js', ...args], {
    env: {
      PATH: process.env.PATH ?? '',
      // as in the image
      MALLOC_ARENA_MAX: '2',
      ABNORMAL_TOKEN: options.token,
      ABNORMAL_BASE_URL: options.baseUrl,
      HISTORY: options.history,
      UPSTREAM_RPM: '1000000',
      LOG_LEVEL: 'error',
      ...options.env,
    },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let text = '';
  child.stderr.on('data', (chunk) => {
    text = (text + chunk).slice(-4000);
  });
  return {
    process: child,
    ended: new Promise((resolve) => child.once('close', (code) => resolve(code))),
    errors: () => text,
    peakMemory: () => resident(child.pid, 'VmHWM'),
    memory: () => resident(child.pid, 'VmRSS'),
  };
}

/** What the kernel counts as a process's resident set: now (`VmRSS`), or at its peak (`VmHWM`). */
function resident(pid: number | undefined, name: 'VmHWM' | 'VmRSS'): number {
  try {
    const status = readFileSync(`/proc/${pid}/status`, 'utf8');
    return Number(new RegExp(`^${name}:\\s+(\\d+) kB$`, 'm').exec(status)?.[1] ?? 0) * 1024;
  } catch {
    return 0;
  }
}
