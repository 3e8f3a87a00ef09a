import { setTimeout } from 'node:timers/promises';
import { writePackFile } from '../../src/evidence/pack/tar.js';
import { makeTemporaryFolder } from '../../src/history/temporary-files.js';

/* A process that writes a pack without end, for a test that kills it; it prints the folder it made. */

const [path = ''] = process.argv.slice(2);
const folder = makeTemporaryFolder();
const write = async (add: (text: string) => Promise<void>) => {
  await add('the beginning');
  console.log(folder);
  for (;;) await setTimeout(1_000);
};
await writePackFile(path, [{ name: 'endless', write }], () => ({}) as never, null);
