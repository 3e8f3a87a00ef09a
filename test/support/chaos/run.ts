import type { TenantRecordKind } from '../../../src/simulator/options.js';
import 'reflect-metadata';
import { setTimeout } from 'node:timers/promises';
import { graphql } from 'graphql';
import { startTimeout } from '../../../src/async/waiting.js';
import { createContextFactory } from '../../../src/graphql/request/services.js';
import { buildGatewaySchema } from '../../../src/graphql/schema.js';
import { byResource, CORE_RESOURCES } from '../../../src/resources/registry.js';
import { Random, seedOf } from '../../../src/simulator/random.js';
import { createTenant } from '../../../src/simulator/tenant.js';
import { DEFAULT_SYNC_SETTINGS } from '../../../src/sync/context.js';
import { DAY, HOUR, type Instant, MINUTE, shift, toInstant } from '../../../src/values/instant.js';
import { fixedAccounts } from '../fixed-accounts.js';
import { historyFaults } from '../history-faults.js';
import {
  collectedFrom,
  compareRevisions,
  lostAnswers,
  missingInPeace,
  saidGoneTwice,
  silentlyMissing,
  unlikeTruth,
} from './checks.js';
import { Oracle } from './oracle.js';
import { type Doom, INTEGRATION, Rig, TOKEN } from './rig.js';
import { weather } from './weather.js';

export interface ChaosOptions {
  readonly seed: number;
  /** A MongoDB of its own in place of a SQLite file. */
  readonly history?: string;
  readonly steps?: number;
}

/** What a run came to. */
export interface ChaosReport {
  readonly seed: number;
  /** Everything that broke a promise, a line each. */
  readonly problems: readonly string[];
  /** What happened, a line a step. */
  readonly events: readonly string[];
  readonly simulatedMs: number;
  readonly requests: number;
  readonly faults: Readonly<Record<string, number>>;
  readonly dooms: Readonly<Record<Doom['kind'], number>>;
  readonly checks: number;
  readonly revisions: number;
  readonly seams: number;
  /** Records that the tenant said, twice and wrongly, to be gone: not compared. */
  readonly saidGone: number;
}

const START: Instant = '2026-03-10T00:00:00.000Z';
const INTERVAL = 30 * MINUTE;
const LAG = DEFAULT_SYNC_SETTINGS.ingestionLagMs;
const LISTED: readonly [TenantRecordKind, ...TenantRecordKind[]] = ['threat', 'case', 'campaign'];
/** A step that takes longer than this, in real ms, hangs. */
const STUCK_MS = 60_000;
const STRAGGLERS_MS = 30;
const schema = buildGatewaySchema();

/** Lets a gateway live through a few hours or days of everything that can go wrong; the same seed, the same story. */
export async function runChaos(options: ChaosOptions): Promise<ChaosReport> {
  const story = await Story.begin(options);
  try {
    for (let step = 0; step < (options.steps ?? 14); step += 1) await story.step();
    await story.recover();
    return story.report();
  } finally {
    await story.end();
  }
}

class Story {
  private readonly problems = new Set<string>();
  private readonly events: string[] = [];
  private readonly dooms = { abort: 0, kill: 0, hiccup: 0 };
  private readonly oracle: Oracle;
  private checks = 0;
  private servedBefore = 0;
  private revisions = 0;
  private seams = 0;
  private readonly onUnhandled = (reason: unknown) => void this.problems.add(`unhandled: ${String(reason)}`);

  private constructor(
    private readonly seed: number,
    private readonly rig: Rig,
    private readonly random: Random,
    tenant: Oracle['tenant'],
  ) {
    this.oracle = new Oracle(tenant);
    process.on('unhandledRejection', this.onUnhandled);
  }

  static async begin({ seed, history }: ChaosOptions): Promise<Story> {
    const random = new Random(seedOf(seed), 7);
    const tenant = createTenant({
      seed,
      from: shift(START, -4 * DAY),
      to: shift(START, 10 * DAY),
      threats: random.between(200, 1500),
      cases: random.between(50, 200),
      campaigns: random.between(30, 150),
      // a threat without messages is in no list by a time that only they have
      shares: {
        withoutMessages: 0,
        hugeThreats: 0.004,
        missingThreats: 0.005,
        deletedThreats: 0.02,
        lateArrivals: 0.3,
      },
    });
    const rig = await Rig.open({
      start: START,
      tenant,
      random: jitterOf(seed),
      perRequestMs: random.between(50, 2000),
      ...(random.chance(0.25) ? { retentionDays: 25 } : {}),
      ...(history ? { history } : {}),
      settings: {
        ...DEFAULT_SYNC_SETTINGS,
        collect: CORE_RESOURCES,
        intervals: byResource(() => INTERVAL),
        backfillFrom: shift(START, -random.between(1, 4) * DAY),
        minWindowMs: [MINUTE, HOUR, 12 * HOUR, DAY][random.below(4)] ?? MINUTE,
        chunkRecords: random.pick([5, 20, 100]),
        consecutiveFailures: random.between(2, 5),
      },
    });
    return new Story(seed, rig, random, tenant);
  }

  /** Some time passes, something goes wrong or is mended, and the gateway is asked for this and that meanwhile. */
  async step(): Promise<void> {
    const { random, rig } = this;
    rig.time.advance(
      random.chance(0.1) ? random.between(4 * HOUR, 20 * HOUR) : random.between(MINUTE, 70 * MINUTE),
    );
    const plan = weather(random, rig.trapUrl);
    rig.simulator.setFaults(plan);
    this.setClock();
    rig.doom = this.drawDoom();
    rig.hasStruck = false;
    const work = this.drawWork();
    const faults = plan?.rules.map(({ fault, probability = 1 }) => `${fault.kind}:${probability}`) ?? [];
    this.tell(`${work.names.join('+')} [${faults.join(' ')}] ${rig.doom ? JSON.stringify(rig.doom) : ''}`);
    await this.inTime(Promise.all(work.begin().map((done) => done.catch((error) => this.judge(error)))));
    await this.settleStep();
    await this.check();
    if (rig.wasKilled) await rig.restart();
    else rig.renewSignal();
  }

  /** Nothing goes wrong any more, and two polls must do. */
  async recover(): Promise<void> {
    const { rig } = this;
    rig.simulator.setFaults(null);
    rig.time.skewMs = 0;
    rig.doom = null;
    rig.hasStruck = false;
    const starts: number[] = [];
    for (const _ of [1, 2]) {
      rig.time.advance(3 * INTERVAL);
      starts.push(rig.time.now() - LAG);
      const { sync, signal } = rig.life;
      // whoever asks for a poll wants the current state, of what was wrongly said to be gone too
      const { passes } = await sync.poll({ signal, maxAgeMs: 0 });
      this.tell(`poll in peace: ${passes.map(({ status }) => status).join(' ')}`);
    }
    await this.settleStep();
    await this.check();
    const [first = 0, last = 0] = starts;
    await this.compare(last, first);
  }

  report(): ChaosReport {
    const { rig } = this;
    const { requests, faults } = rig.simulator.stats();
    if (rig.trapped > 0) this.problems.add(`${rig.trapped} requests went to another host`);
    if (rig.logged.some((line) => line.includes(TOKEN))) this.problems.add('the token was logged');
    return {
      seed: this.seed,
      problems: [...this.problems],
      events: this.events,
      simulatedMs: rig.time.now() - Date.parse(START),
      requests,
      faults,
      dooms: this.dooms,
      checks: this.checks,
      revisions: this.revisions,
      seams: this.seams,
      saidGone: saidGoneTwice(rig.served).size,
    };
  }

  async end(): Promise<void> {
    await this.rig.close();
    process.off('unhandledRejection', this.onUnhandled);
  }

  private setClock(): void {
    const { random, rig } = this;
    if (random.chance(0.75)) return;
    const isMended = rig.time.skewMs !== 0 && random.chance(0.6);
    const size = random.chance(0.5) ? random.between(MINUTE, 2 * HOUR) : random.between(HOUR, 3 * DAY);
    rig.time.skewMs = isMended ? 0 : size * (random.chance(0.5) ? 1 : -1);
    this.tell(`clock off by ${Math.round(rig.time.skewMs / MINUTE)} min`);
  }

  private drawDoom(): Doom | null {
    const { random } = this;
    if (random.chance(0.4)) return null;
    const kind = random.pick<Doom['kind']>(['abort', 'kill', 'kill', 'hiccup']);
    const onRequest = kind !== 'hiccup' && random.chance(0.6);
    const onRecord = random.pick<Doom['trigger']>(['beforeRecord', 'afterRecord']);
    const trigger = onRequest ? 'request' : onRecord;
    return { kind, trigger, after: random.between(1, onRequest ? 120 : 15) };
  }

  /** What the gateway is asked to do in a step, all at once. */
  private drawWork() {
    const { random } = this;
    const names: string[] = [];
    const begins: (() => Promise<unknown>)[] = [];
    const add = (name: string, begin: () => Promise<unknown>) => {
      names.push(name);
      begins.push(begin);
    };
    const { sync, signal } = this.rig.life;
    const resource = random.pick(CORE_RESOURCES);
    const drawn = random.unit();
    if (drawn < 0.5) add('poll', () => sync.poll({ signal }));
    else if (drawn < 0.75) add(`poll ${resource}`, () => sync.poll({ resources: [resource], signal }));
    else if (drawn < 0.9) {
      const from = shift(START, -random.between(1, 5) * DAY);
      add(`backfill ${from}`, () => sync.backfill({ from, signal }));
    }
    for (let i = random.below(6); i > 0; i -= 1) add('record', this.drawRecord());
    for (let i = random.below(3); i > 0; i -= 1) {
      const [wanted, maxAgeMs] = [random.pick(CORE_RESOURCES), random.pick([0, MINUTE, HOUR])];
      add(`list ${wanted}`, () => sync.live.list(wanted, null, maxAgeMs));
    }
    for (let i = random.below(3); i > 0; i -= 1) add('query', this.drawQuery());
    for (let i = random.below(3); i > 0; i -= 1) {
      const waits = random.below(40);
      add('look', async () => {
        for (let turn = 0; turn < waits; turn += 1) await new Promise((resolve) => setImmediate(resolve));
        await this.check();
      });
    }
    return { names, begin: () => begins.map((begin) => begin()) };
  }

  private drawRecord(): () => Promise<unknown> {
    const { random, rig, oracle } = this;
    const kind = random.pick(LISTED);
    const { tenant } = oracle;
    const id = random.chance(0.1) ? 'nobody' : tenant.idOf(kind, random.below(tenant.count(kind)));
    const maxAgeMs = random.pick([0, 0, MINUTE, HOUR]);
    const { sync } = rig.life;
    return () => sync.live.record({ integration: INTEGRATION, kind, id }, maxAgeMs);
  }

  /** Asks the graph for a stretch of threats, and holds the answer to what it says of itself. */
  private drawQuery(): () => Promise<unknown> {
    const { random, rig } = this;
    const end = rig.time.now() - random.between(0, 2 * DAY);
    const [from, to] = [toInstant(end - random.between(HOUR, 12 * HOUR)), toInstant(end)];
    const maxAge = random.pick([0, 60, 100_000_000]);
    const { store, account, sync } = rig.life;
    const contextOf = createContextFactory({
      ...{ store, accounts: fixedAccounts(account), live: sync.live, defaultMaxAgeMs: 300_000 },
      ...{ clock: rig.time.gatewayNow, log: rig.log },
    });
    return async () => {
      const askedAt = rig.time.now();
      const answer = await graphql({
        schema,
        source: QUERY,
        variableValues: { from, to, maxAge },
        contextValue: contextOf(),
      });
      const text = JSON.stringify(answer);
      if (text.includes(TOKEN)) this.problems.add('the token was in an answer');
      if (
        answer.errors?.some(({ extensions }) => extensions.code === 'INTERNAL_SERVER_ERROR') &&
        !rig.hasStruck
      )
        this.problems.add(`the graph failed: ${text.slice(0, 300)}`);
      if (answer.data) this.judgeAnswer(JSON.parse(text).data.threats, from, askedAt);
    };
  }

  private judgeAnswer(threats: ThreatsAnswer, from: Instant, askedAt: number): void {
    if (!threats?.coverage?.complete || threats.pageInfo.hasNextPage) return;
    // no further than the gateway's clock
    const { to } = threats.coverage;
    const { oracle } = this;
    const saidGone = saidGoneTwice(this.rig.served);
    const given = new Set(threats.nodes.map(({ threatId }) => threatId));
    for (let index = 0; index < oracle.tenant.count('threat'); index += 1) {
      const id = oracle.tenant.idOf('threat', index);
      const place = oracle.placeAt('threat', id, askedAt);
      // what may have moved or gone while the answer was made proves nothing
      const isStill = place >= 0 && place === oracle.placeAt('threat', id, this.rig.time.now());
      if (!isStill || oracle.versions('threat', id)[place]?.digest === null) continue;
      const newest = toInstant(Math.max(...oracle.keyTimes('receivedTime', index, askedAt)));
      if (newest < from || newest >= to || given.has(id) || saidGone.has(id)) continue;
      this.problems.add(`the graph said complete without threat ${id} of ${newest}, in ${from} to ${to}`);
    }
  }

  private async check(): Promise<void> {
    const { rig, oracle } = this;
    // the view first: what is true after it was taken is more than it can be held to
    const now = rig.time.now();
    const problems = await silentlyMissing(rig.store, oracle, { now, saidGone: saidGoneTwice(rig.served) });
    this.checks += 1;
    for (const problem of problems) this.problems.add(`silently incomplete: ${problem}`);
    if (problems.length > 0) this.tell(`silently incomplete: ${problems[0]} (${problems.length})`);
  }

  /** Everything that came must have been recorded, unless something struck. */
  private async settleStep(): Promise<void> {
    const { rig, oracle } = this;
    const { doom, hasStruck } = rig;
    if (doom && hasStruck) this.dooms[doom.kind] += 1;
    // requests of the dead that are still on their way
    if (hasStruck) await setTimeout(STRAGGLERS_MS);
    rig.doom = null;
    const served = rig.served.slice(this.servedBefore);
    this.servedBefore = rig.served.length;
    const isKnown = (name: string, key: string) => rig.recorded.has(name) || rig.conflicts.has(key);
    if (!hasStruck || doom?.kind === 'abort') {
      // a live read that found nothing new waits for a later batch, or is lost with its process
      const lost = [...rig.pending].filter((name) => !rig.recorded.has(name));
      for (const name of lost) this.problems.add(`${name}: fetched and never recorded`);
    }
    if (!hasStruck)
      for (const problem of lostAnswers(served, oracle, isKnown, rig.logged)) this.problems.add(problem);
    rig.pending.clear();
  }

  private async compare(settled: number, goneBy: number): Promise<void> {
    const { rig, oracle } = this;
    const saidGone = saidGoneTwice(rig.served);
    const since = (await collectedFrom(rig.store)) ?? 0;
    const { problems, revisions, seams } = await compareRevisions(rig.store, oracle, rig.recorded, saidGone);
    this.revisions = revisions;
    this.seams = seams;
    const behind = await unlikeTruth(rig.store, oracle, { settled, goneBy, since });
    const named = await missingInPeace(rig.store, oracle, rig.time.now());
    for (const problem of [...problems, ...behind, ...named, ...(await historyFaults(rig.store))])
      this.problems.add(problem);
    for (const problem of await this.secretsHeld()) this.problems.add(problem);
  }

  private async secretsHeld(): Promise<string[]> {
    const { store } = this.rig;
    const all = { integrations: null, limit: 1000 };
    const runs = await store.runs({ ...all, before: null });
    const quarantine = await store.quarantine({ ...all, kinds: LISTED, after: null });
    const held = { runs, quarantine, streams: await store.streams() };
    return Object.entries(held).flatMap(([name, what]) =>
      JSON.stringify(what).includes(TOKEN) ? [`the token is in ${name}`] : [],
    );
  }

  /** What may be thrown: by a history that was taken away. */
  private judge(error: unknown): void {
    if (this.rig.hasStruck) return;
    const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
    this.problems.add(`thrown: ${text.slice(0, 600)}`);
  }

  private async inTime(work: Promise<unknown>): Promise<void> {
    let stopTimer = () => {};
    const late = new Promise<never>((_, reject) => {
      stopTimer = startTimeout(() => reject(new Error(`stuck: ${this.events.at(-1)}`)), STUCK_MS);
    });
    await Promise.race([work, late]).finally(() => stopTimer());
  }

  private tell(what: string): void {
    this.events.push(`${toInstant(this.rig.time.now())} ${what}`);
  }
}

function jitterOf(seed: number): () => number {
  const random = new Random(seedOf(seed), 8);
  return () => random.unit();
}

interface ThreatsAnswer {
  readonly nodes: readonly { readonly threatId: string }[];
  readonly pageInfo: { readonly hasNextPage: boolean };
  readonly coverage: { readonly complete: boolean; readonly to: Instant } | null;
}

const QUERY = `query ($from: DateTime!, $to: DateTime!, $maxAge: Int!) {
  threats(first: 100, filter: { receivedTime: { gte: $from, lte: $to } }, maxAge: $maxAge) {
    nodes { threatId provenance { stale verifiedAt } }
    pageInfo { hasNextPage }
    coverage { complete to gaps { from to reason detail } }
  }
}`;
