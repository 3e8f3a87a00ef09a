import { performance } from 'node:perf_hooks';
import type { Sleep } from '../async/waiting.js';
import type { HistoryStore } from '../history/store.js';
import type { WebhookSecrets } from '../integrations/webhook-secrets.js';
import type { Log } from '../log.js';
import { DAY, HOUR, MINUTE, shift, toInstant, toMillis } from '../values/instant.js';
import { addLetter, type DeliveryState, readLetters, readState, writeState } from './delivery-state.js';
import {
  type EventMessage,
  type HistoryMark,
  messagesAfter,
  placeAt,
  readMark,
  type Subscription,
  wantsDetected,
} from './messages.js';
import { sendMessage, type Target } from './send.js';

export interface WebhookEndpoint extends Subscription {
  readonly name: string;
  readonly document: string;
  readonly target: Target;
  /** Whether a message that is not accepted for days is set apart, so that the next ones are sent. */
  readonly mayLeaveOut: boolean;
}

export type DeliveryResult = 'DELIVERED' | 'FAILED' | 'DEAD_LETTER';

export interface DeliveryStatus extends Pick<DeliveryState, 'failure' | 'gone' | 'lastSentAt'> {
  readonly name: string;
  readonly deadLetters: number;
  /** Batches of which changes were not considered yet. */
  readonly behind: number;
}

interface DeliveriesOptions {
  readonly store: HistoryStore;
  /** Which endpoints there are; read before each look. */
  readonly endpoints: () => readonly WebhookEndpoint[];
  readonly secrets: WebhookSecrets;
  readonly clock: () => number;
  readonly log: Log;
  readonly sleep: Sleep;
  readonly observer?: ((endpoint: string, result: DeliveryResult) => void) | undefined;
  /** Looks for events that follow from time and not from a recording. */
  readonly detect?: ((signal: AbortSignal) => Promise<void>) | undefined;
  readonly timeoutMs?: number;
  readonly everyMs?: number;
}

const EVERY_MS = 2000;
/** How long requests in flight may take when the process stops sending. */
const PATIENCE_MS = 3000;
const DETECT_EVERY_MS = 30_000;

/** After each try, as Standard Webhooks recommends: ten tries in 76 hours. */
const RETRY_AFTER = [
  ...[5000, 5 * MINUTE, 30 * MINUTE, 2 * HOUR, 5 * HOUR],
  ...[10 * HOUR, 14 * HOUR, 20 * HOUR, DAY],
] as const;
const MOST_TRIES = RETRY_AFTER.length + 1;
const LEAST_DAYS_MS = 3 * DAY;
/** Where a message is never left out. */
const LONGEST_WAIT_MS = 30 * MINUTE;

/** A changed policy is noticed after so many messages. */
const MESSAGES_AT_ONCE = 1000;
/** The place is stored after so many changes that the endpoint does not want. */
const STEPS_BETWEEN_WRITES = 1000;

/** Until when a pass sends. */
interface Turn {
  readonly signal: AbortSignal;
  /** Ends requests in flight. */
  readonly giveUp: AbortSignal;
  readonly isForced: boolean;
}

/** Sends messages. Only one process at a time may do so: the one that holds the lease for polling. */
export class Deliveries {
  /** By name, the passes that are not over. */
  private readonly passes = new Map<string, Promise<void>>();
  /** By name, what the history contained when the endpoint had received everything. */
  private readonly doneAt = new Map<string, string>();
  private isFailing = false;
  private detecting: Promise<void> = Promise.resolve();
  private detectedAt = Number.NEGATIVE_INFINITY;

  constructor(private readonly options: DeliveriesOptions) {}

  isUsed = (): boolean => this.options.endpoints().length > 0;

  /** Delivers what is recorded, until the signal fires and all requests have ended. */
  async run(signal: AbortSignal): Promise<void> {
    const giveUp = new AbortController();
    this.doneAt.clear();
    while (!signal.aborted) {
      await this.look({ signal, giveUp: giveUp.signal, isForced: false });
      await this.options.sleep(this.options.everyMs ?? EVERY_MS, signal);
    }
    // an answer that is on its way saves a message from being sent again
    const patience = setTimeout(() => giveUp.abort(), PATIENCE_MS);
    await Promise.all([this.detecting, ...this.passes.values()]);
    clearTimeout(patience);
  }

  /** Tries once to send what waits, also to endpoints that wait for a retry. */
  async flush(signal: AbortSignal): Promise<void> {
    this.doneAt.clear();
    await this.look({ signal, giveUp: signal, isForced: true });
    await Promise.all(this.passes.values());
  }

  status = (): Promise<DeliveryStatus[]> => deliveryStatus(this.options.store, this.options.endpoints());

  /** Begins a pass for each endpoint that may have something to receive. */
  private async look(turn: Turn): Promise<void> {
    const endpoints = this.options.endpoints();
    if (endpoints.length === 0) return;
    try {
      const detecting = this.detect(endpoints, turn);
      if (turn.isForced) await detecting;
      const mark = await readMark(this.options.store);
      for (const endpoint of endpoints) {
        const { name } = endpoint;
        if (this.passes.has(name) || this.doneAt.get(name) === keyOf(endpoint, mark)) continue;
        const pass = this.pass(endpoint, mark, turn)
          .catch((error: unknown) => this.failed(error, turn))
          .finally(() => this.passes.delete(name));
        this.passes.set(name, pass);
      }
    } catch (error) {
      this.failed(error, turn);
    }
  }

  /** Does not delay what is recorded already. */
  private detect(endpoints: readonly WebhookEndpoint[], turn: Turn): Promise<void> {
    const now = performance.now();
    if (now - this.detectedAt < DETECT_EVERY_MS || !endpoints.some(wantsDetected)) return this.detecting;
    this.detectedAt = now;
    this.detecting = this.detecting
      .then(() => this.options.detect?.(turn.signal))
      .catch((error: unknown) => this.failed(error, turn));
    return this.detecting;
  }

  private failed(error: unknown, { signal }: Turn): void {
    if (!this.isFailing && !signal.aborted)
      this.options.log.error({ err: error }, 'webhooks: the history cannot be used; it is tried again');
    this.isFailing = true;
  }

  /** Sends what follows the endpoint's place, until a message is not accepted. */
  private async pass(
    endpoint: WebhookEndpoint,
    mark: HistoryMark,
    { signal, giveUp, isForced }: Turn,
  ): Promise<void> {
    const { store } = this.options;
    const book = await this.open(endpoint, mark);
    if (book === null || !this.isDue(endpoint, book.state, isForced)) return;
    let messages = 0;
    let steps = 0;
    for await (const { place, message } of messagesAfter(store, endpoint, book.state.place)) {
      if (signal.aborted) break;
      if (message === null) {
        book.state = { ...book.state, place };
        steps += 1;
        if (steps % STEPS_BETWEEN_WRITES === 0 && !(await book.write())) return;
        continue;
      }
      const next = await this.attempt(endpoint, book.state, message, giveUp);
      if (next === null) break;
      const isDone = next.failure === null;
      book.state = isDone ? { ...next, place } : next;
      if (!(await book.write()) || !isDone) return;
      messages += 1;
      if (messages === MESSAGES_AT_ONCE) return;
    }
    this.isFailing = false;
    if (!signal.aborted) book.state = { ...book.state, failure: null };
    if ((await book.write()) && !signal.aborted) this.doneAt.set(endpoint.name, keyOf(endpoint, mark));
  }

  private async open(endpoint: WebhookEndpoint, mark: HistoryMark) {
    const { store, log } = this.options;
    const { name, document: id } = endpoint;
    const { state: known, version: first } = await readState(store, id);
    let version = first;
    if (known === null && version > 0)
      throw new Error(`the document settings/${id} cannot be read: restore the history from a backup`);
    let written = JSON.stringify(known);
    const book = {
      state: known ?? { place: placeAt(mark), failure: null, gone: null, lastSentAt: null },
      /** False if another process has the endpoint now. */
      async write(): Promise<boolean> {
        const text = JSON.stringify(book.state);
        if (text === written) return true;
        if (!(await writeState(store, id, book.state, version))) {
          log.warn({ webhook: name }, 'another process sends to this webhook');
          return false;
        }
        version += 1;
        written = text;
        return true;
      },
    };
    // stored before anything is recorded after it
    return (await book.write()) ? book : null;
  }

  private isDue({ target }: WebhookEndpoint, { failure, gone }: DeliveryState, isForced: boolean): boolean {
    if (gone !== null && gone === target.url) return false;
    return isForced || failure === null || failure.retryAt <= toInstant(this.options.clock());
  }

  /** The state after one try; `null` if it was interrupted. */
  private async attempt(
    endpoint: WebhookEndpoint,
    state: DeliveryState,
    message: EventMessage,
    signal: AbortSignal,
  ): Promise<DeliveryState | null> {
    const { log, observer, ...options } = this.options;
    const { name, target } = endpoint;
    const { id, type } = message;
    const outcome = await sendMessage(target, message, { ...options, signal });
    const now = toInstant(this.options.clock());
    if (outcome.result === 'DELIVERED') {
      observer?.(name, 'DELIVERED');
      if (state.failure) log.info({ webhook: name }, 'the webhook accepts messages again');
      return { ...state, failure: null, gone: null, lastSentAt: now };
    }
    if (signal.aborted) return null;
    observer?.(name, 'FAILED');
    const { error } = outcome;
    const before = state.failure?.id === id ? state.failure : null;
    const tries = (before?.tries ?? 0) + 1;
    const since = before?.since ?? now;
    const facts = { webhook: name, message: id, type, tries, error };
    const isOver = tries >= MOST_TRIES && toMillis(now) - toMillis(since) >= LEAST_DAYS_MS;
    if (isOver && endpoint.mayLeaveOut && outcome.result !== 'GONE') {
      if (await addLetter(this.options.store, name, { message, tries, since, error })) {
        observer?.(name, 'DEAD_LETTER');
        log.error(facts, 'a message was not accepted for days and is a dead letter now: webhooks replay');
        return { ...state, failure: null };
      }
    }
    const retryAt = shift(now, waitAfter(tries, endpoint));
    log.warn({ ...facts, retryAt }, 'a message was not delivered');
    const gone = outcome.result === 'GONE' ? target.url : null;
    return { ...state, failure: { id, tries, since, retryAt, error }, gone };
  }
}

/** Differs by up to a tenth, so that many senders do not come back at once. */
function waitAfter(tries: number, { mayLeaveOut }: WebhookEndpoint): number {
  const wait = RETRY_AFTER[Math.min(tries, RETRY_AFTER.length) - 1] ?? DAY;
  return Math.round((mayLeaveOut ? wait : Math.min(wait, LONGEST_WAIT_MS)) * (1 + Math.random() / 10));
}

export async function deliveryStatus(
  store: HistoryStore,
  endpoints: readonly Pick<WebhookEndpoint, 'name' | 'document'>[],
): Promise<DeliveryStatus[]> {
  const { seq } = await store.head();
  return Promise.all(
    endpoints.map(async ({ name, document }) => {
      const [{ state }, letters] = await Promise.all([readState(store, document), readLetters(store, name)]);
      const { failure = null, gone = null, lastSentAt = null, place } = state ?? {};
      const behind = place ? Math.max(0, seq - place.seq) : 0;
      return { name, failure, gone, lastSentAt, deadLetters: letters.length, behind };
    }),
  );
}

function keyOf({ target, events }: WebhookEndpoint, { head, events: count, seals }: HistoryMark): string {
  return JSON.stringify([head.seq, count, seals, target, [...events]]);
}
