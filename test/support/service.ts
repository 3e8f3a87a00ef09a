import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { copyFileSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

/** What a process needs of the run's own environment: where programs are, and the run's clock (`suite-under-stress.ts`). */
const INHERITED = Object.fromEntries(
  ['PATH', 'TZ', 'LD_PRELOAD', 'FAKETIME', 'FAKETIME_DONT_FAKE_MONOTONIC'].flatMap((name) =>
    process.env[name] === undefined ? [] : [[name, process.env[name]]],
  ),
);

/** The program that this process starts, from the time it is built. */
let program: string | undefined;

/**
 * Builds the service as `npm start` does. Test files give the run's `desk`, which builds once for all of them; without
 * a desk, the build is this process's own.
 */
export async function buildService(desk: number | null): Promise<void> {
  const built = desk === null ? await build() : await askForBuild(desk);
  if ('problem' in built) throw new Error(`the build failed:\n${built.problem}`);
  program = join(built.folder, 'dist', 'main.js');
}

/** Puts the built program into a folder as the command `abnormal-gateway`, for a shell. */
export function installCommand(folder: string): void {
  if (program === undefined) throw new Error('buildService must end before a command is installed');
  const script = `#!/bin/sh\nexec '${process.execPath}' '${program}' "$@"\n`;
  writeFileSync(join(folder, 'abnormal-gateway'), script, { mode: 0o755 });
}

export type Build = { readonly folder: string } | { readonly problem: string };

async function askForBuild(desk: number): Promise<Build> {
  return (await (await fetch(`http://127.0.0.1:${desk}/build`)).json()) as Build;
}

/** A new folder for each build: one that is compiled into again gives half-written modules to processes that start. */
export async function build(): Promise<Build> {
  const folder = mkdtempSync(join(tmpdir(), 'gateway-build-'));
  copyFileSync('package.json', join(folder, 'package.json'));
  symlinkSync(resolve('node_modules'), join(folder, 'node_modules'));
  const compiler = join('node_modules', 'typescript-native', 'bin', 'tsc');
  const options = ['-p', 'tsconfig.build.json', '--noCheck', '--outDir', join(folder, 'dist')];
  return new Promise((done) => {
    execFile(process.execPath, [compiler, ...options], (error, stdout) =>
      done(error ? { problem: stdout || error.message } : { folder }),
    );
  });
}

/** One process of the built service. */
export class Service {
  stdout = '';
  stderr = '';
  /** The exit code, or the signal that ended it. */
  readonly exit: Promise<number | string | null>;
  private readonly child: ChildProcess;
  private readonly waiting = new Set<() => void>();

  /** `input` is what it reads on standard input; nothing, unless given. */
  constructor(args: readonly string[], env: Readonly<Record<string, string>>, cwd: string, input = '') {
    if (program === undefined) throw new Error('buildService must end before a service starts');
    this.child = spawn(process.execPath, ['--enable-source-maps', program, ...args], {
      cwd,
      env: { ...INHERITED, COLLECT: 'threats,cases,campaigns', ...env },
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    // most never read it
    this.child.stdin?.on('error', () => {});
    this.child.stdin?.end(input);
    this.child.stdout?.on('data', (part) => this.take('stdout', part));
    this.child.stderr?.on('data', (part) => this.take('stderr', part));
    this.exit = new Promise((done) => {
      this.child.once('close', (code, signal) => {
        done(code ?? signal);
        this.wake();
      });
    });
  }

  get output(): string {
    return this.stdout + this.stderr;
  }

  /** Waits until the output matches; an error with the output when the process ends without it. */
  async until(pattern: RegExp): Promise<RegExpExecArray> {
    let ended = false;
    void this.exit.then(() => {
      ended = true;
    });
    for (;;) {
      const match = pattern.exec(this.stdout) ?? pattern.exec(this.stderr);
      if (match) return match;
      if (ended) throw new Error(`ended without ${pattern}:\n${this.output}`);
      await new Promise<void>((wake) => this.waiting.add(wake));
    }
  }

  /** Its whole standard output, once it has ended as it should; an error with all output otherwise. */
  async result(): Promise<string> {
    const code = await this.exit;
    if (code === 0) return this.stdout;
    throw new Error(`ended with ${code}:\n${this.output}`);
  }

  /** The address that it prints once it is ready. */
  async url(): Promise<string> {
    const [, url = ''] = await this.until(/^ready +(http:\S+)$/m);
    return url;
  }

  /** The most memory it has had resident, in bytes, as the kernel counts it (Linux only); 0 once it has ended. */
  peakMemory(): number {
    return this.memory('VmHWM');
  }

  /** The memory that it has resident now, in bytes. */
  residentMemory(): number {
    return this.memory('VmRSS');
  }

  private memory(name: string): number {
    try {
      const status = readFileSync(`/proc/${this.child.pid}/status`, 'utf8');
      return Number(new RegExp(`^${name}:\\s+(\\d+) kB$`, 'm').exec(status)?.[1] ?? 0) * 1024;
    } catch {
      return 0;
    }
  }

  /** Sends a signal that does not end it. */
  signal(signal: 'SIGSTOP' | 'SIGCONT'): void {
    this.child.kill(signal);
  }

  /** Sends a signal and waits for the end. */
  end(signal: NodeJS.Signals = 'SIGTERM'): Promise<number | string | null> {
    this.child.kill(signal);
    return this.exit;
  }

  private take(stream: 'stdout' | 'stderr', part: Buffer): void {
    this[stream] += part.toString();
    this.wake();
  }

  private wake(): void {
    for (const wake of this.waiting) wake();
    this.waiting.clear();
  }
}

/** A folder for one test's processes, which end with it. */
export class Workplace {
  readonly folder = mkdtempSync(join(tmpdir(), 'gateway-'));
  private readonly services: Service[] = [];

  run(args: readonly string[], env: Readonly<Record<string, string>> = {}, input = ''): Service {
    const service = new Service(args, env, this.folder, input);
    this.services.push(service);
    return service;
  }

  async clear(): Promise<void> {
    await Promise.all(this.services.map((service) => service.end('SIGKILL')));
    rmSync(this.folder, { recursive: true, force: true });
  }
}
