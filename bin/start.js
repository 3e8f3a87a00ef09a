import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { heapFor, heapOptions } from './heap.js';

/*
 * What `npm start` and the image run: the command, in a heap that follows the memory limit of the container (cgroup v2
 * or v1). Node takes the size of its heap when it starts, so a size other than the given one needs a second start.
 */

const wanted = heapOptions(heapFor(process.constrainedMemory()));

if (wanted.every((option) => process.execArgv.includes(option))) await import('./abnormal-gateway.js');
else restart();

function restart() {
  // as in the image: threads share their free memory
  process.env.MALLOC_ARENA_MAX ??= '2';
  const options = [
    ...process.execArgv.filter((option) => !/^--max-(old|semi)-space-size=/.test(option)),
    ...wanted,
  ];
  const program = fileURLToPath(new URL('./abnormal-gateway.js', import.meta.url));
  const args = [...options, program, ...process.argv.slice(2)];
  // from Node 22.15 on: the same process, so signals and the exit code need nothing
  if (process.execve) process.execve(process.execPath, [process.execPath, ...args]);
  const child = spawn(process.execPath, args, { stdio: 'inherit' });
  // a terminal sends SIGINT to both, and a second signal would end the gateway at once
  const signals = process.stdin.isTTY ? ['SIGTERM'] : ['SIGTERM', 'SIGINT'];
  for (const signal of ['SIGTERM', 'SIGINT']) {
    process.on(signal, () => void (signals.includes(signal) && child.kill(signal)));
  }
  child.once('exit', (code, signal) => {
    process.exitCode = code ?? { SIGINT: 130, SIGTERM: 143 }[signal] ?? 1;
  });
}
