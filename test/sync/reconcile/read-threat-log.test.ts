import { pino } from 'pino';
import { afterEach, describe, expect, test } from 'vitest';
import type { WindowUnderReview } from '../../../src/sync/context.js';
import { createDriftLog } from '../../../src/sync/drift-log.js';
import { type LogReading, readThreatLog } from '../../../src/sync/reconcile/read-population.js';
import { createRunRecorder, WaitingConfirmations } from '../../../src/sync/run-recorder.js';
import { DAY, toMillis, type Window } from '../../../src/values/instant.js';
import { createTenantWorld, INTEGRATION, type World } from '../harness.js';

const WINDOW = { from: '2026-03-01T00:00:00.000Z', to: '2026-03-15T00:00:00.000Z' };

let world: World | null = null;
afterEach(async () => {
  await world?.close();
  world = null;
});

/** Reads the log of a tenant whose threats arrive within the window, with the spans that were asked for. */
async function read(refused?: (span: Window) => boolean) {
  const spans: Window[] = [];
  world = await createTenantWorld({
    now: '2026-03-20T00:00:00.000Z',
    tenant: { seed: 'log', ...WINDOW, threats: 400, cases: 0, campaigns: 0 },
  });
  const { account, store, settings, clock } = world;
  const log = pino({ level: 'silent' });
  const drift = createDriftLog({ store, log });
  const env = {
    ...{ store, settings, clock, log, drift, newId: () => 'run' },
    ...{ activeRuns: new Set<string>(), confirmations: new WaitingConfirmations() },
  };
  const source = {
    account: { ...account, client: spying(world, spans, refused) },
    resource: 'threats',
  } as const;
  const inspection: WindowUnderReview = {
    ...{ ...env, ...source, window: WINDOW, signal: new AbortController().signal, priority: 'backfill' },
    stream: { integration: INTEGRATION, resource: 'threats', filterKey: 'receivedTime' },
    recorder: createRunRecorder(env, source, { trigger: 'RECONCILE', parameters: {} }),
  };
  return { log: await readThreatLog(inspection, WINDOW), spans };
}

/** The real client, which notes what it is asked for and finds some spans too large. */
function spying(
  { account, simulator }: World,
  spans: Window[],
  refused: (span: Window) => boolean = () => false,
) {
  const { client } = account;
  const threatLog: typeof client.threatLog = (span, options) => {
    spans.push(span);
    const body = '{"message":"too many rows"}';
    simulator.setFaults(refused(span) ? { rules: [{ fault: { kind: 'status', status: 400, body } }] } : null);
    return client.threatLog(span, options);
  };
  return Object.assign(Object.create(client), { threatLog });
}

function daysOf({ from, to }: Window): number {
  return (toMillis(to) - toMillis(from)) / DAY;
}

function counted({ listed, ...rest }: LogReading) {
  return { ids: [...listed.keys()].sort(), ...rest };
}

describe('the threat log of a window', () => {
  test('is read at once if it is small enough', async () => {
    const { log, spans } = await read();
    expect(spans).toEqual([WINDOW]);
    expect(log.listed.size).toBe(400);
    for (const { time, span } of log.listed.values()) {
      expect(time && time >= WINDOW.from && time < WINDOW.to).toBe(true);
      expect(span).toEqual(WINDOW);
    }
  });

  test('is read in smaller parts if Abnormal refuses it as too large, newest first, without duplicate rows', async () => {
    const { log: whole } = await read();
    await world?.close();
    const { log, spans } = await read((span) => daysOf(span) > 4);
    expect(spans.map(daysOf)).toEqual([14, 7, 3.5, 3.5, 7, 3.5, 3.5]);
    const answered = spans.filter((span) => daysOf(span) < 4);
    expect(answered.at(0)?.to).toBe(WINDOW.to);
    expect(answered.at(-1)?.from).toBe(WINDOW.from);
    for (const [i, { from }] of answered.slice(0, -1).entries()) expect(answered[i + 1]?.to).toBe(from);
    expect(counted(log)).toEqual(counted(whole));
  });

  test('fails if it is refused at every size', async () => {
    await expect(read(() => true)).rejects.toMatchObject({ code: 'BAD_REQUEST' });
  });
});
