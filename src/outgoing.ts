import { Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import type { LookupFunction } from 'node:net';
import fetch, { type Response } from 'node-fetch';

// The only sender of HTTP requests: to Abnormal, the identity provider and webhooks. It follows no
// redirect, so that a credential reaches only the host that it is meant for.

/** The body arrives later, and must be read within a limit or dropped. */
export type HttpResponse = Response;

export interface HttpRequest {
  readonly method?: 'GET' | 'POST';
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  /** Ends the request, also while its body arrives. */
  readonly signal: AbortSignal;
}

export interface Sender {
  send(url: string, request: HttpRequest): Promise<HttpResponse>;
  close(): void;
}

interface SenderOptions {
  /** Resolves hosts, and may refuse to; default: the system's lookup. */
  readonly lookup?: LookupFunction | undefined;
}

export function createSender({ lookup }: SenderOptions): Sender {
  const options = { keepAlive: true, ...(lookup ? { lookup } : {}) };
  const agents = [new HttpAgent(options), new HttpsAgent(options)] as const;
  return {
    send: (url, request) =>
      dispatch(url, { ...request, agent: ({ protocol }) => agents[protocol === 'https:' ? 1 : 0] }),
    close: () => {
      for (const agent of agents) agent.destroy();
    },
  };
}

interface SentOnce {
  readonly status: number;
  readonly text: string;
}

/** On a separate connection. Rejects if the response has more than `maxBytes`. */
export async function sendOnce(url: string, request: HttpRequest, maxBytes: number): Promise<SentOnce> {
  try {
    const response = await dispatch(url, request);
    const chunks: Buffer[] = [];
    let bytes = 0;
    for await (const chunk of response.body ?? []) {
      bytes += chunk.length;
      if (bytes > maxBytes) throw new Error(`the response is larger than ${maxBytes} bytes`);
      chunks.push(Buffer.from(chunk));
    }
    return { status: response.status, text: Buffer.concat(chunks).toString('utf8') };
  } catch (error) {
    // without the address, which may contain a credential
    throw new Error(reasonOf(error));
  }
}

const USER_AGENT = 'abnormal-graphql-gateway';

type Init = NonNullable<Parameters<typeof fetch>[1]>;

function dispatch(address: string, init: HttpRequest & Pick<Init, 'agent'>): Promise<HttpResponse> {
  const url = new URL(address);
  const { username, password } = url;
  const headers: Record<string, string> = { 'user-agent': USER_AGENT, ...init.headers };
  if (username !== '' || password !== '') {
    const credential = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
    headers.authorization = `Basic ${Buffer.from(credential).toString('base64')}`;
    // the library refuses an address with credentials, in a message that repeats them
    Object.assign(url, { username: '', password: '' });
  }
  return fetch(url, { ...init, headers, redirect: 'manual' });
}

/** The system's word for a network error; the message of node-fetch repeats the whole address. */
export function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return 'unknown error';
  const { code } = error as Error & { code?: unknown };
  const reason = /reason: (.*)$/s.exec(error.message)?.[1] ?? error.message;
  return typeof code === 'string' && !reason.includes(code) ? `${reason} (${code})` : reason;
}
