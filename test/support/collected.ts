/** What `isCollected` needs of the graph. */
export const RUNS = 'runs(first: 10) { nodes { resource status } }';

export interface Runs {
  readonly nodes: readonly { readonly resource: string; readonly status: string }[];
}

/** Whether every resource was polled, and no poll goes on: then nothing changes any more. */
export function isCollected({ nodes }: Runs): boolean {
  const polled = new Set(nodes.map(({ resource }) => resource));
  return polled.size >= 3 && nodes.every(({ status }) => status !== 'RUNNING');
}
