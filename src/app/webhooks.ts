import { pause } from '../async/waiting.js';
import type { Config } from '../config/config.js';
import { POSTURE_WINDOWS } from '../evidence/posture.js';
import { matcherOf, recordLink } from '../graphql/stored-filters.js';
import { damageOf } from '../history/errors.js';
import type { HistoryStore } from '../history/store.js';
import type { Accounts } from '../integrations/accounts.js';
import { cipherOf } from '../integrations/stored-vault.js';
import { WebhookSecrets } from '../integrations/webhook-secrets.js';
import type { Log } from '../log.js';
import { NO_POLICY, type Policy } from '../policy/policy.js';
import { RECORD_CHANGES, recordEvent, type WebhookRules } from '../policy/webhooks.js';
import { LISTED_KINDS } from '../resources/registry.js';
import { POLL_LEASE } from '../sync/schedule/poller.js';
import { CONTROL_EVENTS, createControlDetector } from '../webhooks/control-events.js';
import { Deliveries, type DeliveryResult, type WebhookEndpoint } from '../webhooks/deliveries.js';
import { deliveryDocument, SEAL_HOOK_DOCUMENT } from '../webhooks/delivery-state.js';
import { detectEvents } from '../webhooks/detect-events.js';
import { controlRules, postureRequest } from './reports.js';

interface WebhookServices {
  readonly store: HistoryStore;
  readonly config: Config;
  readonly accounts: Pick<Accounts, 'list'>;
  /** Names this process among those that poll. */
  readonly holder: string;
  readonly clock: () => number;
  readonly log: Log;
  readonly observe?: ((endpoint: string, result: DeliveryResult) => void) | undefined;
}

export interface Webhooks extends Pick<Deliveries, 'run' | 'status'> {
  /** Until then, there is no policy. */
  usePolicy(current: () => Policy): void;
  /** Sends what waits before the process ends, unless another process polls. */
  flush(): Promise<void>;
}

/** How long a process that ends goes on sending: one that sent all the time has little left. */
const PATIENCE_MS = { serving: 3000, once: 60_000 } as const;
/** What the lease lasts longer: if this process is killed meanwhile, another one polls soon. */
const LEASE_MARGIN_MS = 10_000;

export function createWebhooks(services: WebhookServices): Webhooks {
  const { store, config, accounts, holder, clock, log, observe } = services;
  let current = () => NO_POLICY;
  let patienceMs: number = PATIENCE_MS.once;
  const endpoints = endpointReader(config, () => current());
  const rules = () => controlRules(config, current());
  const controls = createControlDetector({
    store,
    request: () =>
      postureRequest({ ...services, policy: () => current() }, { windows: POSTURE_WINDOWS }, (name) => name),
    isWanted: () => endpoints().some(({ events }) => CONTROL_EVENTS.some((type) => events.has(type))),
  });
  const deliveries = new Deliveries({
    ...{ store, clock, log, sleep: pause, observer: observe },
    secrets: webhookSecretsOf(config, store, clock),
    endpoints,
    detect: (signal) => {
      const integrations = () => accounts.list().map(({ name }) => name);
      return detectEvents({ store, clock, rules, integrations, more: [controls] }, signal);
    },
  });
  return {
    status: deliveries.status,
    usePolicy: (read) => {
      current = read;
    },
    run: (signal) => {
      patienceMs = PATIENCE_MS.serving;
      return deliveries.run(signal);
    },
    async flush() {
      if (!deliveries.isUsed()) return;
      if (!(await store.acquireLease(POLL_LEASE, holder, patienceMs + LEASE_MARGIN_MS))) return;
      try {
        await deliveries.flush(AbortSignal.timeout(patienceMs));
      } finally {
        await store.releaseLease(POLL_LEASE, holder);
      }
    },
  };
}

export function webhookSecretsOf(
  { vault }: Config,
  store: HistoryStore,
  clock: () => number,
): WebhookSecrets {
  const { encryptionKeys, webhookSecrets: fixed } = vault;
  return new WebhookSecrets({ store, fixed, clock, cipher: cipherOf(encryptionKeys) });
}

/** The endpoints of the policy in use; made again when it changes. */
function endpointReader(
  { proof: { hook } }: Config,
  current: () => Policy,
): () => readonly WebhookEndpoint[] {
  const sealHook = hook === null ? [] : [sealHookEndpoint(hook)];
  let made: { readonly policy: Policy; readonly endpoints: readonly WebhookEndpoint[] } | null = null;
  return () => {
    const policy = current();
    if (made?.policy !== policy) made = { policy, endpoints: [...sealHook, ...endpointsOf(policy)] };
    return made.endpoints;
  };
}

export function endpointsOf({ webhooks }: Policy): WebhookEndpoint[] {
  return Object.entries(webhooks).map(([name, rules]) => endpointOf(name, rules));
}

function endpointOf(
  name: string,
  { url, secrets, integrations, links, ...rules }: WebhookRules,
): WebhookEndpoint {
  const events = new Set(rules.events);
  const matchers = new Map(
    LISTED_KINDS.flatMap((kind) => {
      const filter = rules.filter?.[kind];
      return filter === undefined ? [] : [[kind, matcherOf(kind, filter)] as const];
    }),
  );
  return {
    ...{ name, document: deliveryDocument(name), mayLeaveOut: true, events },
    integrations: integrations ?? null,
    target: { kind: 'SIGNED', url, secrets },
    kinds: LISTED_KINDS.filter((kind) =>
      RECORD_CHANGES.some((change) => events.has(recordEvent(kind, change))),
    ),
    // what a damaged record contains is not known, so nothing is left out
    isMatch: (revision) =>
      damageOf(revision) !== null || (matchers.get(revision.key.kind)?.(revision) ?? true),
    describe: (revision) => recordLink(revision, links),
  };
}

/** `SEAL_HOOK`: one line of JSON for each seal, without a signature. */
function sealHookEndpoint(url: string): WebhookEndpoint {
  return {
    ...{ name: 'SEAL_HOOK', document: SEAL_HOOK_DOCUMENT, mayLeaveOut: false },
    ...{ events: new Set(['seal.created']), integrations: null, kinds: [] },
    target: { kind: 'LINE', url },
    isMatch: () => false,
    describe: () => ({}),
  };
}
