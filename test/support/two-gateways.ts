import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { verifyHistory } from '../../src/evidence/verify/verify.js';
import { openStore } from '../../src/history/open-store.js';
import { type Simulator, startSimulator } from '../../src/simulator/server.js';
import { createTenant, type Tenant } from '../../src/simulator/tenant.js';
import { DAY, toInstant } from '../../src/values/instant.js';
import { historyFaults } from './history-faults.js';
import { MongoProxy } from './mongo-proxy.js';
import { type Service, Workplace } from './service.js';
import { compareWithTruth } from './truth.js';

export interface TwoGatewaysReport {
  /** How long nobody polled after the one that polls was suspended or killed, at most. */
  readonly longestTakeoverMs: number;
  /** How long nobody polled after the database was there again, at most. */
  readonly longestReturnMs: number;
  readonly requests: Readonly<Record<string, number>>;
  readonly faults: readonly string[];
}

/** What one of two processes that poll one account does, as the account and the database see it. */
interface Gateway {
  readonly name: string;
  readonly simulator: Simulator;
  readonly proxy: MongoProxy;
  service: Service;
}

/** Around an event, what was on its way may still arrive. */
const SETTLING_MS = 2_000;

/**
 * Two processes on one MongoDB that poll one account every two seconds. In each round the one that polls is suspended
 * for `pauseMs`, its successor is killed and started again, and both lose the database for `awayMs`.
 */
export class TwoGateways {
  readonly #requests: { readonly name: string; readonly at: number }[] = [];
  readonly #events: number[] = [];
  readonly #place = new Workplace();
  readonly #gateways: Gateway[] = [];
  readonly #tenant: Tenant;
  #longestTakeoverMs = 0;
  #longestReturnMs = 0;

  private constructor(private readonly url: string) {
    const now = Date.now();
    this.#tenant = createTenant({
      ...{ seed: 'two', from: toInstant(now - 3 * DAY), to: toInstant(now + DAY) },
      ...{ threats: 4_000, cases: 300, campaigns: 200 },
      shares: { missingThreats: 0, deletedThreats: 0, hugeThreats: 0, lateArrivals: 0 },
    });
  }

  static async start(url: string): Promise<TwoGateways> {
    const both = new TwoGateways(url);
    await (await openStore(url, 'write')).close();
    for (const name of ['one', 'two']) {
      const onRequest = () => void both.#requests.push({ name, at: Date.now() });
      const tenant = both.#tenant;
      const simulator = await startSimulator({
        tenant,
        clock: Date.now,
        token: TOKEN,
        latencyMs: 20,
        onRequest,
      });
      const proxy = await MongoProxy.before(url);
      const service = both.#run(simulator, proxy);
      both.#gateways.push({ name, simulator, proxy, service });
      await service.url();
    }
    await both.#requestOf(() => true);
    return both;
  }

  #run({ baseUrl }: Simulator, { url }: MongoProxy): Service {
    return this.#place.run(['serve'], {
      ...{
        ABNORMAL_TOKEN: TOKEN,
        ABNORMAL_BASE_URL: baseUrl,
        HISTORY: url,
        PORT: '0',
        UPSTREAM_RPM: '100000',
      },
      ...{
        POLL_THREATS_EVERY: '2s',
        POLL_CASES_EVERY: '2s',
        POLL_CAMPAIGNS_EVERY: '2s',
        RECONCILE_EVERY: 'off',
      },
      ...{ SEAL_HOOK: `file:${join(this.#place.folder, 'seals.ndjson')}`, LOG_LEVEL: 'error' },
    });
  }

  async round(pauseMs: number, awayMs: number): Promise<void> {
    const first = this.#poller();
    await this.#takeover(first, () => void first.service.signal('SIGSTOP'));
    await delay(pauseMs - (Date.now() - (this.#events.at(-1) ?? 0)));
    this.#event();
    first.service.signal('SIGCONT');
    await delay(SETTLING_MS);
    const second = this.#poller();
    await this.#takeover(second, () => void second.service.end('SIGKILL'));
    second.service = this.#run(second.simulator, second.proxy);
    await second.service.url();
    this.#event();
    await Promise.all(this.#gateways.map(({ proxy }) => proxy.cut()));
    await delay(awayMs);
    this.#event();
    await Promise.all(this.#gateways.map(({ proxy }) => proxy.restore()));
    const begin = Date.now();
    await this.#requestOf(({ at }) => at >= begin);
    this.#longestReturnMs = Math.max(this.#longestReturnMs, Date.now() - begin);
    await delay(SETTLING_MS);
  }

  /** Ends both, and says what is wrong with what they left. */
  async finish(): Promise<TwoGatewaysReport> {
    this.#event();
    await Promise.all(this.#gateways.map(({ service }) => service.end()));
    const faults = [...this.#overlaps(), ...(await this.#faultsLeft())];
    const count = (name: string) => this.#requests.filter((request) => request.name === name).length;
    return {
      ...{ longestTakeoverMs: this.#longestTakeoverMs, longestReturnMs: this.#longestReturnMs, faults },
      requests: { one: count('one'), two: count('two') },
    };
  }

  async clear(): Promise<void> {
    await this.#place.clear();
    await Promise.all(this.#gateways.flatMap(({ simulator, proxy }) => [simulator.close(), proxy.close()]));
  }

  async #takeover(from: Gateway, event: () => void): Promise<void> {
    this.#event();
    const begin = Date.now();
    event();
    await this.#requestOf(({ name, at }) => name !== from.name && at > begin);
    this.#longestTakeoverMs = Math.max(this.#longestTakeoverMs, Date.now() - begin);
  }

  #event(): void {
    this.#events.push(Date.now());
  }

  /** The one that sent the last request. */
  #poller(): Gateway {
    const last = this.#gateways.find(({ name }) => name === this.#requests.at(-1)?.name);
    if (!last) throw new Error('nobody polls');
    return last;
  }

  async #requestOf(
    isIt: (request: { readonly name: string; readonly at: number }) => boolean,
  ): Promise<void> {
    for (let waited = 0; !this.#requests.slice(-50).some(isIt); waited += 50) {
      if (waited > 120_000) throw new Error('nobody polls');
      await delay(50);
    }
  }

  /** Seconds in which both sent requests, and nothing had just happened. */
  #overlaps(): string[] {
    const seconds = new Map<number, Set<string>>();
    for (const { name, at } of this.#requests) {
      if (this.#events.some((event) => at >= event && at < event + SETTLING_MS)) continue;
      const second = Math.floor(at / 1000);
      seconds.set(second, (seconds.get(second) ?? new Set()).add(name));
    }
    return [...seconds]
      .filter(([, names]) => names.size > 1)
      .map(([second]) => `both polled at ${toInstant(second * 1000)}`);
  }

  async #faultsLeft(): Promise<string[]> {
    const [{ simulator } = { simulator: null }] = this.#gateways;
    const last = { ABNORMAL_TOKEN: TOKEN, ABNORMAL_BASE_URL: simulator?.baseUrl ?? '', HISTORY: this.url };
    const at = toInstant(Date.now());
    const code = await this.#place.run(['poll', '--once'], { ...last, UPSTREAM_RPM: '100000' }).exit;
    const store = await openStore(this.url, 'read');
    try {
      const truth = { integration: 'default', at, until: toInstant(Date.now()) };
      const { faults, behind } = await compareWithTruth(store, this.#tenant, truth);
      const { findings } = await verifyHistory(store, { publicKeys: null, mustBeSigned: false, held: [] });
      const runs = await store.runs({ integrations: null, before: null, limit: 10_000 });
      return [
        ...(code === 0 ? [] : [`the last poll ended with ${code}`]),
        ...(await historyFaults(store)),
        ...[...faults, ...behind, ...findings.map(({ message }) => message)],
        ...runs.filter(({ status }) => status === 'RUNNING').map(({ id }) => `run ${id} is still RUNNING`),
        ...this.#sealFaults(await store.journalLength('seals')),
      ];
    } finally {
      await store.close();
    }
  }

  /** A process that is killed or suspended between sending a line and noting it may have it sent again. */
  #sealFaults(seals: number): string[] {
    const text = readFileSync(join(this.#place.folder, 'seals.ndjson'), 'utf8');
    const sent = text
      .trimEnd()
      .split('\n')
      .map((line) => Number((JSON.parse(line) as { index: number }).index));
    const again = sent.length - new Set(sent).size;
    const isInOrder = [...new Set(sent)].every((index, n) => index === n + (sent[0] ?? 1));
    return [
      ...(again <= this.#events.length ? [] : [`${again} of ${seals} seals were sent twice`]),
      ...(isInOrder && sent.length > 1 ? [] : ['the seals were not sent in order']),
    ];
  }
}

const TOKEN = 'tok-two-gateways-4f1c7a2b90';
