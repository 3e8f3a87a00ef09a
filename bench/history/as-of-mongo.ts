import { pathToFileURL } from 'node:url';
import { MongoServer } from '../../test/support/mongo-server.js';
import { asOfReport, measureAsOf } from './as-of.js';
import { mongoBench } from './record-mongo.js';

/** The figures for MongoDB; where there is none, why not. */
export async function mongoAsOfReport(sizes?: readonly number[]): Promise<string> {
  const server = new MongoServer(process.env);
  try {
    const answer = await server.start();
    if (!answer.ok) return `asOf page of 50, MongoDB: ${answer.reason}`;
    const store = await mongoBench(answer.url).openStore();
    try {
      return asOfReport(`MongoDB ${answer.version}`, await measureAsOf(store, sizes));
    } finally {
      await store.close();
    }
  } finally {
    await server.stop();
  }
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const sizes = process.argv.slice(2).map(Number);
  console.log(await mongoAsOfReport(sizes.length > 0 ? sizes : undefined));
}
