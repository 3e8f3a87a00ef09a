import fc, { type Arbitrary } from 'fast-check';
import type { Batch, Pin } from '../../src/history/store.js';
import type { QuarantineCode, WindowStatus } from '../../src/model/ledger.js';
import type { RunStatus, RunTrigger } from '../../src/model/run.js';
import type { Stream, StreamStatus } from '../../src/model/stream.js';
import { FILTER_KEYS, KIND_OF, KINDS, RESOURCES, type RecordKey } from '../../src/resources/registry.js';
import { shift } from '../../src/values/instant.js';
import { INSTANTS, type Variants, variantOf } from './arbitraries.js';
import {
  batchOf,
  ledgerEntry,
  observationOf,
  quarantineEntry,
  START,
  sampleRun,
  streamState,
} from './records.js';

/** Where generated records live: a generated number picks one of these. */
export interface World {
  readonly integrations: readonly string[];
  readonly ids: readonly string[];
  readonly variants: Variants;
}

/** What happens to one key in one batch. */
interface Deed {
  readonly key: number;
  readonly what: 'observe' | 'confirm' | 'tombstone' | 'quarantine' | 'release';
  readonly variant: number;
  /** How many batches ago the request was sent. */
  readonly age: number;
  readonly minutes: number;
}

/** A batch, but for what depends on the history that it meets. */
export interface BatchPlan {
  /** How far the clock has moved since the last batch; it may go back. */
  readonly clock: number;
  readonly run: number;
  /** Whether the next run ends with the batch too. */
  readonly hasOther: boolean;
  readonly deeds: readonly Deed[];
  readonly windows: readonly { stream: number; from: number; to: number; status: WindowStatus }[];
  readonly states: readonly { stream: number; status: StreamStatus }[];
  readonly runStatus: RunStatus;
}

const STATUSES: readonly WindowStatus[] = [
  'COMPLETE',
  'PARTIAL',
  'FAILED',
  'NOT_LICENSED',
  'OUT_OF_RETENTION',
];

const deed: Arbitrary<Deed> = fc.record({
  key: fc.nat({ max: 71 }),
  what: fc.oneof(
    { weight: 8, arbitrary: fc.constant('observe' as const) },
    { weight: 2, arbitrary: fc.constant('confirm' as const) },
    { weight: 2, arbitrary: fc.constant('tombstone' as const) },
    { weight: 1, arbitrary: fc.constant('quarantine' as const) },
    { weight: 1, arbitrary: fc.constant('release' as const) },
  ),
  variant: fc.nat({ max: 3 }),
  age: fc.nat({ max: 3 }),
  minutes: fc.integer({ min: -90, max: 90 }),
});

export const batchPlan: Arbitrary<BatchPlan> = fc.record({
  clock: fc.oneof(fc.constantFrom(0, 1, -1), fc.integer({ min: -7_200_000, max: 7_200_000 })),
  run: fc.nat({ max: 2 }),
  hasOther: fc.boolean(),
  deeds: fc.array(deed, { maxLength: 12, size: 'max' }),
  windows: fc.array(
    fc.record({
      stream: fc.nat({ max: 9 }),
      from: fc.nat({ max: 4 }),
      to: fc.integer({ min: 1, max: 2 }),
      status: fc.constantFrom(...STATUSES),
    }),
    { maxLength: 3 },
  ),
  states: fc.array(
    fc.record({ stream: fc.nat({ max: 9 }), status: fc.constantFrom('OK', 'UNAVAILABLE', 'FORBIDDEN') }),
    { maxLength: 2 },
  ),
  runStatus: fc.constantFrom('RUNNING', 'SUCCEEDED', 'FAILED'),
});

const pick = <T>(list: readonly T[], n: number): T => list[n % list.length] as T;

/** Key number `n`: few enough of them that batches meet the same ones. */
export function keyOf({ integrations, ids }: World, n: number): RecordKey {
  const kind = pick([...KINDS, 'threat', 'case', 'campaign'] as const, n);
  return { integration: pick(integrations, Math.floor(n / 9)), kind, id: pick(ids, Math.floor(n / 18)) };
}

export function streamOf({ integrations }: World, n: number): Stream {
  const resource = pick(RESOURCES, Math.floor(n / 2));
  return { integration: pick(integrations, n), resource, filterKey: pick(FILTER_KEYS[resource], n) };
}

export const RUN_TRIGGERS: readonly [RunTrigger, ...RunTrigger[]] = ['POLL', 'LIVE', 'RECONCILE'];

export function runIdOf({ integrations }: World, n: number): string {
  return `${pick(integrations, n)}-run-${n}`;
}

/** The batch that `plan` comes to after the batch `head`. */
export function batchFrom(plan: BatchPlan, id: string, world: World, head: Pin): Batch {
  const now = shift(head.seq === 0 ? START : head.at, plan.clock);
  const doing = (what: Deed['what']) => plan.deeds.filter((deed) => deed.what === what);
  const keysOf = (what: Deed['what']) => doing(what).map(({ key }) => keyOf(world, key));
  return batchOf(id, {
    now,
    run: runOf(plan, world),
    ...(plan.hasOther && { otherRuns: [runOf({ ...plan, run: plan.run + 1 }, world)] }),
    observations: doing('observe').map((deed) => observe(deed, world, head)),
    confirmed: doing('confirm').map((deed) => observe(deed, world, head)),
    tombstones: keysOf('tombstone'),
    quarantine: doing('quarantine').map((deed) => setAside(deed, world)),
    released: keysOf('release'),
    ledger: plan.windows.map(({ stream, from, to, status }) =>
      ledgerEntry({
        ...streamOf(world, stream),
        from: pick(INSTANTS, from),
        to: pick(INSTANTS, from + to),
        status,
        declared: to === 1 ? null : 7,
        reason: status === 'COMPLETE' ? null : `because of ${status}`,
      }),
    ),
    streams: plan.states.map(({ stream, status }) =>
      streamState({ ...streamOf(world, stream), status, lastAttemptAt: now, message: status }),
    ),
  });
}

function runOf(plan: BatchPlan, world: World) {
  const resource = pick(RESOURCES, plan.run);
  return sampleRun(runIdOf(world, plan.run), {
    integration: pick(world.integrations, plan.run),
    resource,
    trigger: pick(RUN_TRIGGERS, plan.run),
    status: plan.runStatus,
    // two of the three start together, so that their order goes by id
    startedAt: pick(INSTANTS, 2 + (plan.run % 2)),
    endedAt: plan.runStatus === 'RUNNING' ? null : START,
    parameters: { 'kind.of': KIND_OF[resource], $clock: plan.clock, none: null, whole: true },
    errors: plan.runStatus === 'FAILED' ? ['one', 'two'] : [],
  });
}

function observe({ key, variant, age, minutes }: Deed, world: World, head: Pin) {
  const { integration, kind, id } = keyOf(world, key);
  return observationOf(kind, id, variantOf(world.variants, kind, id, variant), {
    integration,
    basis: Math.max(0, head.seq - age),
    fetchedAt: shift(START, minutes * 60_000),
    origin: variant % 2 ? 'SIMULATED' : 'ABNORMAL',
  });
}

function setAside({ key, variant, age, minutes }: Deed, world: World) {
  const code: QuarantineCode = pick(['UNDECODABLE', 'NOT_FOUND', 'FAILED'] as const, variant);
  return quarantineEntry(keyOf(world, key), {
    code,
    body: variant === 1 ? null : '{"cut',
    lastTriedAt: shift(START, minutes * 60_000),
    tries: age + 1,
  });
}
