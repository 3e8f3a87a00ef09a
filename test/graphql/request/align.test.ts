import { expect, test } from 'vitest';
import { alignGroups } from '../../../src/graphql/request/loaders.js';

const byTens = (n: number) => `${Math.floor(n / 10)}`;

test('results are in the order of their keys, whatever the groups', async () => {
  const answers = await alignGroups([31, 5, 30, 7, 12, 5], byTens, async (group) => group.map((n) => n * 2));
  expect(answers).toEqual([62, 10, 60, 14, 24, 10]);
});

test('one read serves a group', async () => {
  const groups: number[][] = [];
  await alignGroups([1, 11, 2, 12, 21], byTens, async (group) => {
    groups.push([...group]);
    return group;
  });
  expect(groups).toEqual([[1, 2], [11, 12], [21]]);
});

test('a group that fails affects only its own keys', async () => {
  const answers = await alignGroups([1, 11, 2], byTens, async (group) => {
    if (group[0] > 10) throw new Error('tens are out');
    return group;
  });
  expect(answers).toEqual([1, new Error('tens are out'), 2]);
});

test('without keys nothing is read', async () => {
  expect(await alignGroups([], byTens, async (group) => group)).toEqual([]);
});
