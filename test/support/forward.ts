import { type IncomingMessage, request, type Server, type ServerResponse } from 'node:http';

/** Hands a request on to `target` as it came, and the answer back. */
export function forward(target: URL, incoming: IncomingMessage, response: ServerResponse): void {
  const { hostname, port } = target;
  const options = { hostname, port, path: incoming.url, method: incoming.method, headers: incoming.headers };
  const outgoing = request(options, (answer) => {
    response.writeHead(answer.statusCode ?? 502, answer.headers);
    answer.pipe(response);
  });
  outgoing.on('error', () => response.destroy());
  incoming.pipe(outgoing);
}

/** Ends a server, requests in flight included. */
export function closing(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}
