/*
 * What each measured server does: it sends its URL to the process that started it, and replies to each message with
 * the CPU time that it has used.
 */

/** Microseconds of CPU, of all threads. */
export interface CpuReport {
  readonly cpu: number;
}

export function serveMeasured(url: string): void {
  process.on('message', () => {
    const { user, system } = process.cpuUsage();
    process.send?.({ cpu: user + system } satisfies CpuReport);
  });
  process.send?.({ url });
}
