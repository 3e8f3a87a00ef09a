import { rmSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { TestProject } from 'vitest/node';
import { type MongoAnswer, MongoServer } from './mongo-server.js';
import { buildScripts } from './scripts.js';
import { type Build, build } from './service.js';

/*
 * One MongoDB, one build of the service and one of the scripts for the whole run, each when the first test file asks for
 * it, and one line in the end that says which stores the run had. Test files run in other processes, so they talk to
 * this desk over loopback; `mongo.ts` is their end of it.
 */

const mongo = new MongoServer(process.env);
const desk = createServer(answer);
const ran = new Set<string>();
let asked: Promise<MongoAnswer> | undefined;
let built: Promise<Build> | undefined;
let scripts: Promise<Build> | undefined;

export async function setup(project: TestProject): Promise<void> {
  project.provide('desk', await listen(desk));
}

export async function teardown(): Promise<void> {
  desk.closeAllConnections();
  desk.close();
  for (const build of await Promise.all([built, scripts])) {
    if (build && 'folder' in build) rmSync(build.folder, { recursive: true, force: true });
  }
  const given = await asked;
  const stores = [...ran].map((name) =>
    name === 'mongodb' && given?.ok ? `mongodb ${given.version}` : name,
  );
  const missing = given && !given.ok ? [given.reason] : [];
  if (stores.length + missing.length > 0) console.log(`stores: ${[...stores.sort(), ...missing].join(', ')}`);
  await mongo.stop();
}

/**
 * `GET /mongodb` is answered when MongoDB is up, `GET /build` and `GET /scripts` when these are built; `POST
 * /ran/<store>` notes that a store was tested.
 */
async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const [, what, name] = (request.url ?? '').split('/');
  if (what === 'ran' && name) ran.add(decodeURIComponent(name));
  response.setHeader('content-type', 'application/json');
  response.end(JSON.stringify(await answerTo(what)));
}

async function answerTo(what: string | undefined): Promise<unknown> {
  if (what === 'mongodb') {
    asked ??= mongo.start();
    return asked;
  }
  if (what === 'scripts') {
    scripts ??= buildScripts();
    return scripts;
  }
  if (what !== 'build') return {};
  built ??= build();
  return built;
}

function listen(server: Server): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => resolve((server.address() as AddressInfo).port));
  });
}

declare module 'vitest' {
  interface ProvidedContext {
    /** The port of the run's desk. */
    desk: number;
  }
}
