import { Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import type { LookupFunction } from 'node:net';
import fetch, { type Response } from 'node-fetch';

/*
 * Every HTTP request that the gateway makes of its own accord is sent here: to Abnormal, to the identity provider, to
 * the seal hook. None follows a redirect, so that a credential reaches only the host that it is meant for.
 */

/** The head of a response; its body arrives later, and must be read within a bound or dropped. */
export type HttpResponse = Response;

export interface HttpRequest {
  readonly method?: 'GET' | 'POST';
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  /** Ends the request and, until it has arrived, the body of its response. */
  readonly signal: AbortSignal;
}

export interface Sender {
  send(url: string, request: HttpRequest): Promise<HttpResponse>;
  /** Closes the connections that are kept. */
  close(): void;
}

export interface SenderOptions {
  /** Finds the addresses of a host, or refuses to; the system's own way, unless given. */
  readonly lookup?: LookupFunction | undefined;
}

/** A sender that keeps its connections for the next request. */
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

export interface SentOnce {
  readonly status: number;
  readonly text: string;
}

/** Sends one request on a connection of its own. Rejects if the response has more than `maxBytes`. */
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
    // without the address, which may hold a credential
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
    // the library refuses an address that holds them, in a message that repeats them
    Object.assign(url, { username: '', password: '' });
  }
  return fetch(url, { ...init, headers, redirect: 'manual' });
}

/** The system's own word for a network error; node-fetch's message repeats the whole address. */
export function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return 'unknown error';
  const { code } = error as Error & { code?: unknown };
  const reason = /reason: (.*)$/s.exec(error.message)?.[1] ?? error.message;
  return typeof code === 'string' && !reason.includes(code) ? `${reason} (${code})` : reason;
}
