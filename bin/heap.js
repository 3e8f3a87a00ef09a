import { totalmem } from 'node:os';

const MIB = 1024 * 1024;

/** What `npm start` and the image have without a limit: more than the gateway needs. */
const DEFAULT = { heapMiB: 256, youngMiB: 16 };
/** Code, caches outside the heap, pages of the database file, a thread for long queries. */
const OUTSIDE_MIB = 160;
const SMALLEST_MIB = 64;
const LARGEST_MIB = 4096;
/** With this much memory there is room for more new objects, which takes less CPU time for a request. */
const LARGE_MIB = 1024;
const SMALL_YOUNG_MIB = 8;

/**
 * The sizes of the heap in a container with this memory limit in bytes. A limit above the machine's memory is none:
 * cgroup v1 has a very large number there.
 */
export function heapFor(limit, machine = totalmem()) {
  if (!limit || limit >= machine) return DEFAULT;
  const mib = Math.floor(limit / MIB);
  const heap = Math.min(mib - OUTSIDE_MIB, Math.floor(mib * 0.75));
  return {
    heapMiB: Math.max(SMALLEST_MIB, Math.min(heap, LARGEST_MIB)),
    youngMiB: mib >= LARGE_MIB ? 32 : SMALL_YOUNG_MIB,
  };
}

/** The options of Node for these sizes. */
export function heapOptions({ heapMiB, youngMiB }) {
  return [`--max-old-space-size=${heapMiB}`, `--max-semi-space-size=${youngMiB}`];
}
