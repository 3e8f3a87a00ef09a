import { appendFile } from 'node:fs/promises';
import { linkSignals } from '../async/waiting.js';
import type { WebhookSecrets } from '../integrations/webhook-secrets.js';
import { type HttpRequest, sendOnce } from '../outgoing.js';
import type { EventMessage } from './messages.js';

/** Where messages go: to a receiver that verifies signatures, or to `SEAL_HOOK`, as its line of JSON. */
export type Target =
  | { readonly kind: 'SIGNED'; readonly url: string; readonly secrets: readonly string[] }
  | { readonly kind: 'LINE'; readonly url: string };

/** `GONE`: the receiver wants no more messages. */
export type SendOutcome =
  | { readonly result: 'DELIVERED' }
  | { readonly result: 'FAILED' | 'GONE'; readonly error: string };

interface SendOptions {
  readonly secrets: WebhookSecrets;
  readonly clock: () => number;
  readonly timeoutMs?: number;
  /** Ends the request; then the outcome is of no use. */
  readonly signal: AbortSignal;
}

const TIMEOUT_MS = 15_000;
/** A response is ignored, and a failure beyond this. */
const MOST_BYTES = 1024 * 1024;

/** Sends a message once. Never rejects; an error contains no address and no credential. */
export async function sendMessage(
  target: Target,
  message: EventMessage,
  options: SendOptions,
): Promise<SendOutcome> {
  try {
    if (target.kind === 'SIGNED')
      return await post(target.url, await signed(target, message, options), options);
    const { index, hash, at } = message.data;
    const line = JSON.stringify({ index, hash, at });
    if (!target.url.startsWith('file:')) return await post(target.url, { headers: {}, body: line }, options);
    await appendFile(pathOf(target.url), `${line}\n`);
    return { result: 'DELIVERED' };
  } catch (error) {
    return { result: 'FAILED', error: error instanceof Error ? error.message : String(error) };
  }
}

/** As Standard Webhooks defines it. */
async function signed(
  { secrets: names }: Extract<Target, { kind: 'SIGNED' }>,
  { id, type, timestamp: at, data }: EventMessage,
  { secrets, clock }: SendOptions,
): Promise<Required<Pick<HttpRequest, 'headers' | 'body'>>> {
  const body = JSON.stringify({ type, timestamp: at, data });
  // of the attempt, because receivers refuse old ones
  const timestamp = Math.floor(clock() / 1000);
  const signature = await secrets.sign(names, { id, timestamp, body });
  const headers = {
    'webhook-id': id,
    'webhook-timestamp': String(timestamp),
    'webhook-signature': signature,
  };
  return { headers, body };
}

async function post(
  url: string,
  { headers, body }: Required<Pick<HttpRequest, 'headers' | 'body'>>,
  { timeoutMs = TIMEOUT_MS, signal }: SendOptions,
): Promise<SendOutcome> {
  const { signal: ending, unlink } = linkSignals(signal, AbortSignal.timeout(timeoutMs));
  try {
    const request = {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body,
    } as const;
    const { status } = await sendOnce(url, { ...request, signal: ending }, MOST_BYTES);
    if (status >= 200 && status <= 299) return { result: 'DELIVERED' };
    if (status === 410) return { result: 'GONE', error: 'it responded with 410: it wants no more messages' };
    const more = status >= 300 && status <= 399 ? '; redirects are not followed' : '';
    return { result: 'FAILED', error: `it responded with ${status}${more}` };
  } catch (error) {
    const isLate = ending.aborted && !signal.aborted;
    if (isLate) return { result: 'FAILED', error: `it did not respond within ${timeoutMs / 1000} s` };
    throw error;
  } finally {
    unlink();
  }
}

/** The facts of a seal outside the history, from which its removal or change can be detected later. */
function pathOf(url: string): string {
  return url.slice('file:'.length).replace(/^\/\/(?=\/)/, '');
}
