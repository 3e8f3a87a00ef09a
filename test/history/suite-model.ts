import fc, { type Arbitrary } from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { HistoryStore, PageQuery, Position } from '../../src/history/store.js';
import { streamText } from '../../src/model/ledger.js';
import type { RevisionRecord } from '../../src/model/revision.js';
import {
  FIELDS,
  isByFields,
  KINDS,
  keyText,
  type ListedKind,
  type RecordKey,
} from '../../src/resources/registry.js';
import type { Filter } from '../../src/values/filter.js';
import { type Instant, shift } from '../../src/values/instant.js';
import {
  anyInstant,
  anyListedKind,
  IDS,
  INSTANTS,
  LISTED,
  MESSAGE_IDS,
  variants,
} from '../support/arbitraries.js';
import {
  type BatchPlan,
  batchFrom,
  batchPlan,
  keyOf,
  RUN_TRIGGERS,
  runIdOf,
  streamOf,
  type World,
} from '../support/arbitraries-batches.js';
import { listFilterOf, orderFields, referenceFields } from '../support/arbitraries-filters.js';
import { OracleStore } from '../support/oracle-store.js';
import type { OpenedStore } from './history-store-suite.js';

/** The store, the oracle that is told the same, and where they write. */
interface Model {
  readonly store: HistoryStore;
  readonly oracle: HistoryStore;
  readonly world: World;
}

/** Something done to both; it throws where they differ. Its input is shown when it does. */
interface Step {
  readonly name: string;
  readonly input: unknown;
  readonly run: (model: Model) => Promise<void>;
}

function step<T>(
  name: string,
  inputs: Arbitrary<T>,
  run: (input: T, model: Model) => Promise<void>,
): Arbitrary<Step> {
  return inputs.map((input) => ({ name, input, run: (model) => run(input, model) }));
}

/** Runs `read` on both and compares. */
async function agree<T>({ store, oracle }: Model, read: (of: HistoryStore) => Promise<T>): Promise<T> {
  const [answer, expected] = await Promise.all([read(store), read(oracle)]);
  expect(answer).toStrictEqual(expected);
  return expected;
}

let batches = 0;

async function write(model: Model, plan: BatchPlan, twice = false): Promise<void> {
  const head = await model.oracle.head();
  const batch = batchFrom(plan, `batch-${++batches}`, model.world, head);
  await agree(model, (of) => of.record(batch));
  if (twice) await agree(model, (of) => of.record({ ...batch, observations: [], tombstones: [] }));
}

/** Where a read looks from: some batches before the newest, or beyond it. */
const back = fc.oneof({ weight: 2, arbitrary: fc.constant(0) }, fc.integer({ min: -2, max: 12 }));

const seqOf = async ({ oracle }: Model, ago: number) => Math.max(0, (await oracle.head()).seq - ago);

const integrationsOf = ({ integrations }: World, choice: number): readonly string[] | null => {
  if (choice === 0) return null;
  return choice === 1 ? integrations.slice(0, 1) : choice === 2 ? [] : [...integrations, 'nobody'];
};
const choice = fc.oneof({ weight: 6, arbitrary: fc.constant(3) }, fc.nat({ max: 3 }));
const numbers = fc.array(fc.nat({ max: 71 }), { maxLength: 20 });

const writing = step(
  'write',
  fc.record({ plan: batchPlan, repeat: fc.integer({ min: 0, max: 5 }) }),
  ({ plan, repeat }, model) => write(model, plan, repeat === 0),
);

const reading: readonly Arbitrary<Step>[] = [
  step('pins', fc.integer({ min: -5_000_000, max: 5_000_000 }), async (ms, model) => {
    const { at } = await agree(model, (of) => of.head());
    await agree(model, (of) => of.pinAt(at));
    await agree(model, (of) => of.pinAt(shift(at, -1)));
    await agree(model, (of) => of.pinAt(shift(at, ms)));
  }),

  step(
    'records',
    fc.record({ keys: numbers, ago: back, limit: fc.integer({ min: 1, max: 4 }) }),
    async ({ keys, ago, limit }, model) => {
      const seq = await seqOf(model, ago);
      const wanted = keys.map((n) => keyOf(model.world, n));
      const found = await agree(model, (of) => of.get(wanted, seq));
      for (const key of wanted.slice(0, 2)) {
        await agree(model, (of) => of.countRevisions(key, seq));
        await agree(model, (of) => of.revisions(key, seq, limit));
        await agree(model, (of) => of.received(key, seq));
      }
      const some = found.find((revision) => revision !== null);
      if (some) await agree(model, (of) => of.received(some.key, some.seqFrom));
    },
  ),

  step(
    'list',
    fc.record({
      list: listPlan(),
      limit: fc.integer({ min: 1, max: 9 }),
      writes: fc.array(batchPlan, { maxLength: 3 }),
    }),
    async ({ list, limit, writes }, model) => {
      const query = await queryOf(list, model);
      const total = await agree(model, (of) => of.count(query));
      await walk(model, { ...query, limit: query.integrations === null ? 50 : limit }, writes, total);
    },
  ),

  step(
    'recorded',
    fc.record({ list: listPlan(), field: fc.nat({ max: 3 }), limit: fc.integer({ min: 1, max: 9 }) }),
    async ({ list, field, limit }, model) => {
      const { kind, integrations, filter: any, seq } = await queryOf(list, model);
      const filter = any && isByFields(kind, any) ? any : null;
      const times = Object.entries(FIELDS[kind]).flatMap(([name, { type }]) =>
        type === 'instant' ? [name] : [],
      );
      const query = { kind, integrations, filter, seq, orderBy: times[field % times.length] ?? '' };
      const keys: (RecordKey & { kind: ListedKind })[] = [];
      await walkAll(null, async (after: Position | null) => {
        const size = integrations === null ? 200 : limit;
        const page = await agree(model, (of) => of.recorded({ ...query, after, limit: size }));
        keys.push(...page.items.map(({ integration, id }) => ({ kind, integration, id })));
        return page.hasMore ? (page.items.at(-1) ?? null) : null;
      });
      const wanted = [...keys, keyOf(model.world, field)];
      await agree(model, (of) => byRecord(of.versions(wanted, seq)));
    },
  ),

  step(
    'place',
    fc.record({
      list: listPlan(),
      value: fc.oneof(anyInstant, fc.constantFrom(0, 1, 2.5, null, ...IDS)),
      key: fc.nat({ max: 71 }),
    }),
    async ({ list, value, key }, model) => {
      const query = await queryOf(list, model);
      const after = placeOf(query.orderBy, value, key, model.world);
      await agree(model, (of) => of.page({ ...query, after, limit: 5 }));
    },
  ),

  step(
    'referrers',
    fc.record({ kind: anyListedKind, ago: back, whose: fc.nat({ max: 2 }) }),
    async ({ kind, ago, whose }, model) => {
      const seq = await seqOf(model, ago);
      const { ids, integrations } = model.world;
      const values = kind === 'case' ? [...ids, 'none', ...ids] : MESSAGE_IDS;
      const integration = integrations[whose] ?? 'nobody';
      for (const field of referenceFields(kind)) {
        await agree(model, (of) => of.referrers(kind, field, integration, values, seq));
      }
    },
  ),

  step(
    'changes',
    fc.record({
      kinds: fc.subarray([...KINDS]),
      whose: choice,
      span: fc.nat({ max: 9 }),
      ago: back,
      limit: fc.integer({ min: 1, max: 25 }),
    }),
    async ({ kinds, whose, span, ago, limit }, model) => {
      const toSeq = await seqOf(model, ago);
      const integrations = integrationsOf(model.world, whose);
      const query = { afterSeq: Math.max(0, toSeq - span), toSeq, kinds, integrations, limit };
      await walkAll(null, async (after: Parameters<HistoryStore['changes']>[0]['after']) => {
        const page = await agree(model, (of) => of.changes({ ...query, after }));
        await agree(model, (of) => of.changesReceived({ ...query, after }));
        return page.at(-1) ?? null;
      });
    },
  ),

  step(
    'books',
    fc.record({ n: fc.nat({ max: 9 }), from: fc.nat({ max: 5 }), width: fc.nat({ max: 3 }), ago: back }),
    async ({ n, from, width, ago }, model) => {
      const seq = await seqOf(model, ago);
      const stream = streamOf(model.world, n);
      const [start, end] = [INSTANTS[from], INSTANTS[Math.min(from + width, 6)]] as [Instant, Instant];
      await agree(model, (of) => of.ledger(stream, start, end, seq));
      const names = [...model.world.integrations, 'nobody'];
      for (const integrations of [names, [names[n % names.length] ?? '']]) {
        for (const kinds of [LISTED, [LISTED[n % LISTED.length] ?? 'case'], []]) {
          await agree(model, (of) => of.firstRecorded({ kinds, integrations }));
        }
      }
      await agree(model, async (of) =>
        (await of.streams()).sort((a, b) => (streamText(a) < streamText(b) ? -1 : 1)),
      );
    },
  ),

  step(
    'runs',
    fc.record({
      whose: choice,
      limit: fc.integer({ min: 1, max: 3 }),
      trigger: fc.option(fc.constantFrom(...RUN_TRIGGERS), { nil: undefined }),
    }),
    async ({ whose, limit, trigger }, model) => {
      const integrations = integrationsOf(model.world, whose);
      await agree(model, (of) => of.countRuns(integrations, trigger));
      for (const n of [0, 1, 2]) await agree(model, (of) => of.run(runIdOf(model.world, n)));
      await walkAll(null, async (before: Parameters<HistoryStore['runs']>[0]['before']) => {
        const page = await agree(model, (of) =>
          of.runs({ integrations, before, limit, ...(trigger && { trigger }) }),
        );
        return integrations === null ? null : (page.at(-1) ?? null);
      });
    },
  ),

  step(
    'quarantine',
    fc.record({
      kinds: fc.subarray([...KINDS]),
      whose: choice,
      limit: fc.integer({ min: 1, max: 8 }),
      keys: numbers,
    }),
    async ({ kinds, whose, limit, keys }, model) => {
      const integrations = integrationsOf(model.world, whose);
      await walkAll(null, async (after: RecordKey | null) => {
        const page = await agree(model, (of) => of.quarantine({ integrations, kinds, after, limit }));
        return integrations === null ? null : (page.at(-1)?.key ?? null);
      });
      await agree(model, (of) => of.quarantined(keys.map((n) => keyOf(model.world, n))));
    },
  ),
];

/** Calls `next` with what it gave before, until that is null. */
async function walkAll<T>(start: T | null, next: (after: T | null) => Promise<T | null>): Promise<void> {
  let after = await next(start);
  while (after !== null) after = await next(after);
}

interface ListPlan {
  readonly kind: ListedKind;
  readonly filter: Filter | null;
  readonly orderBy: string;
  readonly descending: boolean;
  readonly ago: number;
  readonly whose: number;
}

function listPlan(): Arbitrary<ListPlan> {
  const ofKind = (kind: ListedKind) =>
    fc.record({
      kind: fc.constant(kind),
      filter: fc.option(listFilterOf(kind), { freq: 5 }),
      orderBy: fc.constantFrom(...orderFields(kind)),
      descending: fc.boolean(),
      ago: back,
      whose: choice,
    });
  return fc.oneof(...LISTED.map(ofKind));
}

async function queryOf({ ago, whose, ...list }: ListPlan, model: Model): Promise<PageQuery> {
  const integrations = integrationsOf(model.world, whose);
  return { ...list, integrations, seq: await seqOf(model, ago), after: null, limit: 1 };
}

/** Walks a list to its end, writing between its pages; what it gives must be the view it began with. */
async function walk(
  model: Model,
  query: PageQuery,
  writes: readonly BatchPlan[],
  total: number,
): Promise<void> {
  const pinned = query.seq <= (await model.oracle.head()).seq;
  const seen: string[] = [];
  const plans = [...writes];
  await walkAll(query.after, async (after: Position | null) => {
    const page = await agree(model, (of) => of.page({ ...query, after }));
    seen.push(...page.items.map(({ revision }) => keyText(revision.key)));
    const plan = plans.shift();
    if (plan) await write(model, plan);
    return page.hasMore ? (page.items.at(-1)?.position ?? null) : null;
  });
  if (pinned) expect([seen.length, new Set(seen).size]).toEqual([total, total]);
}

/** A place that need not be that of any record, with a value that fits the field. */
function placeOf(orderBy: string, value: Position['value'], n: number, world: World): Position {
  const { integration, id } = keyOf(world, n);
  const wanted = orderBy === 'id' || orderBy.endsWith('Time') ? 'string' : 'number';
  const otherwise = orderBy === 'id' ? id : null;
  const isFit = typeof value === wanted || (value === null && orderBy !== 'id');
  return { value: isFit ? value : otherwise, integration, id };
}

const anyStep = fc.oneof({ weight: 8, arbitrary: writing }, ...reading);

/** Random histories, written to the store and to the oracle and read back in every way. */
export function describeModel(open: () => Promise<OpenedStore>, runs: number): void {
  describe('the store equals the model', () => {
    let opened: OpenedStore;
    const oracle = new OracleStore(Date.now);

    beforeAll(async () => {
      opened = await open();
    });
    afterAll(() => opened.dispose());

    const seed = Number(process.env.FC_SEED ?? 20_260_301);

    it(`in ${runs} random histories (FC_RUNS, FC_SEED)`, async () => {
      let worlds = 0;
      // one store and one oracle for all: a new world each time keeps the runs apart, and a store that has
      // grown is a better test than an empty one
      const history = fc.asyncProperty(
        variants,
        fc.shuffledSubarray([...IDS], { minLength: 4, maxLength: 4 }),
        fc.array(anyStep, { minLength: 5, maxLength: 25, size: 'max' }),
        async (of, ids, doing) => {
          const n = ++worlds;
          const world = { integrations: [`w${n}.b`, `w${n}-a`], ids, variants: of };
          for (const { run } of doing) await run({ store: opened.store, oracle, world });
        },
      );
      await fc.assert(history, { numRuns: runs, seed });
    }, 300_000);
  });
}

/** The versions of each record, as they came one after another. */
async function byRecord(
  versions: ReturnType<HistoryStore['versions']>,
): Promise<Record<string, RevisionRecord[]>> {
  const found: [key: string, versions: RevisionRecord[]][] = [];
  for await (const some of versions) {
    for (const version of some) {
      const key = keyText(version.key);
      if (found.at(-1)?.[0] === key) found.at(-1)?.[1].push(version);
      else found.push([key, [version]]);
    }
  }
  const records = Object.fromEntries(found);
  expect(Object.keys(records)).toHaveLength(found.length);
  return records;
}
