/**
 * Answers a DataLoader's batch whose keys fall into groups that the store reads one call each. The answers
 * stand in the order of the keys; a group that fails fails its own keys only.
 */
export async function alignGroups<K, V>(
  keys: readonly K[],
  groupOf: (key: K) => string,
  read: (group: readonly [K, ...K[]]) => Promise<readonly V[]>,
): Promise<(V | Error)[]> {
  const groups = new Map<string, number[]>();
  keys.forEach((key, index) => {
    const group = groupOf(key);
    const indexes = groups.get(group);
    if (indexes) indexes.push(index);
    else groups.set(group, [index]);
  });
  const answers: (V | Error)[] = new Array(keys.length);
  const readGroup = async (indexes: readonly number[]) => {
    const group = indexes.map((index) => keys[index] as K) as [K, ...K[]];
    const values = await read(group).catch((error: unknown) => toError(error));
    indexes.forEach((index, place) => {
      answers[index] = values instanceof Error ? values : (values[place] as V);
    });
  };
  await Promise.all([...groups.values()].map(readGroup));
  return answers;
}

function toError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}
