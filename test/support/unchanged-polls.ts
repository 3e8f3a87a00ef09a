import { statSync } from 'node:fs';
import { pino } from 'pino';
import { createSealer, withSealing } from '../../src/app/sealing.js';
import { verifyHistory } from '../../src/evidence/verify/verify.js';
import { CORE_RESOURCES } from '../../src/resources/registry.js';
import { DAY, HOUR, toInstant } from '../../src/values/instant.js';
import { createTenantWorld } from '../sync/harness.js';

export interface Growth {
  /** How often all that is due was polled. */
  readonly polls: number;
  /** What the history took for it, in addition to the records. */
  readonly bytes: number;
  /** What a verification reports in the end. */
  readonly findings: readonly string[];
}

const START = Date.parse('2026-01-01T00:00:00.000Z');

/** Polls and seals an account that does not change, campaigns once a day as by default, and measures the file. */
export async function pollUnchanged({
  days,
  everyMs,
  cases = 40,
  say = () => {},
}: {
  readonly days: number;
  readonly everyMs: number;
  /** Open cases are read again by each poll; there are five times as many threats. */
  readonly cases?: number;
  readonly say?: (polls: number, bytes: number) => void;
}): Promise<Growth> {
  const world = await createTenantWorld({
    now: toInstant(START),
    tenant: {
      ...{ seed: 'year', threats: 5 * cases, cases, campaigns: cases },
      ...{ from: toInstant(START - 20 * DAY), to: toInstant(START - 2 * HOUR) },
      shares: { missingThreats: 0, deletedThreats: 0, hugeThreats: 0, lateArrivals: 0 },
    },
  });
  const { store, clock } = world;
  const log = pino({ level: 'silent' });
  const sealer = createSealer({ store, proof: { signer: null, hook: null }, clock, log });
  const sync = withSealing(world.sync, sealer);
  const { signal } = new AbortController();
  const size = () => statSync(world.file).size;
  await sync.poll({ signal });
  const before = size();
  let polls = 0;
  for (let at = START + everyMs; at <= START + days * DAY; at += everyMs) {
    clock.set(toInstant(at));
    const isDaily = Math.floor(at / DAY) > Math.floor((at - everyMs) / DAY);
    await sync.poll({
      signal,
      resources: CORE_RESOURCES.filter((resource) => isDaily || resource !== 'campaigns'),
    });
    polls += 1;
    if (polls % 200 === 0) say(polls, size() - before);
  }
  const bytes = size() - before;
  const { findings } = await verifyHistory(store, { publicKeys: null, mustBeSigned: false, held: [] });
  await sealer.close();
  await world.close();
  return { polls, bytes, findings: findings.map(({ code, message }) => `${code} ${message}`) };
}
