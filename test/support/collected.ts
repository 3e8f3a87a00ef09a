/** What `isCollected` needs of the graph. */
export const RUNS = 'runs(first: 30) { nodes { resource status } }';

export interface Runs {
  readonly nodes: readonly { readonly resource: string; readonly status: string }[];
}

/** Collected with any `COLLECT` that tests use. */
const ALWAYS = ['THREATS', 'CASES', 'CAMPAIGNS'];

/**
 * Whether every resource was polled to the end, and no poll goes on: then nothing changes any more. A poll that was
 * interrupted is of a gateway that ran over the same history before.
 */
export function isCollected({ nodes }: Runs): boolean {
  const ended = nodes.filter(({ status }) => status !== 'INTERRUPTED');
  const polled = new Set(ended.map(({ resource }) => resource));
  return (
    ALWAYS.every((resource) => polled.has(resource)) && ended.every(({ status }) => status !== 'RUNNING')
  );
}
