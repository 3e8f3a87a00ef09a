import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A request as the server saw it. */
export interface SeenRequest {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: IncomingHttpHeaders;
}

/** How one request is answered. */
export type Reply = (response: ServerResponse, request: SeenRequest) => void;

/** An HTTP server on a free port of loopback that answers as it is told, rightly or wrongly. */
export interface UpstreamServer {
  /** With `/v1` at its end. */
  readonly baseUrl: string;
  readonly requests: readonly SeenRequest[];
  /** Answers requests for a path with one reply after another; the last one serves all that follow. */
  on(path: string, ...replies: readonly [Reply, ...Reply[]]): void;
  close(): Promise<void>;
}

const NOT_FOUND: Reply = (response) => {
  response.writeHead(404, { 'content-type': 'application/json' }).end('{"message":"not found"}');
};

/** Starts a server; paths that were not set up answer 404. */
export async function startUpstream(): Promise<UpstreamServer> {
  const requests: SeenRequest[] = [];
  const replies = new Map<string, Reply[]>();
  const server = createServer((incoming, response) => {
    const url = new URL(incoming.url ?? '/', 'http://upstream.invalid');
    const path = decodeURIComponent(url.pathname.replace(/^\/v1/, ''));
    const seen = {
      method: incoming.method ?? '',
      path,
      query: url.searchParams,
      headers: incoming.headers,
    };
    requests.push(seen);
    const queue = replies.get(path) ?? [];
    const reply = (queue.length > 1 ? queue.shift() : queue[0]) ?? NOT_FOUND;
    reply(response, seen);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    baseUrl: `http://127.0.0.1:${port}/v1`,
    requests,
    on: (path, ...queue) => {
      replies.set(path, [...queue]);
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** Answers with a body as it stands. */
export function raw(body: string | Buffer, status = 200, headers: Record<string, string> = {}): Reply {
  return (response) => {
    response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(body);
  };
}

/** Answers with a value as JSON. */
export function json(value: unknown, status = 200, headers: Record<string, string> = {}): Reply {
  return raw(JSON.stringify(value), status, headers);
}

/** Takes the request and never answers. */
export const hang: Reply = () => {};

/** Begins an answer and never ends it. */
export function stall(start: string): Reply {
  return (response) => {
    response.writeHead(200, { 'content-type': 'application/json' }).write(start);
  };
}

/** Promises more of a body than it sends before it hangs up. */
export function cutOff(start: string, status = 200): Reply {
  return (response) => {
    response.writeHead(status, {
      'content-type': 'application/json',
      'content-length': String(Buffer.byteLength(start) + 1_000),
    });
    response.write(start, () => response.destroy());
  };
}

/** Hangs up without a word. */
export const hangUp: Reply = (response) => {
  response.socket?.destroy();
};
