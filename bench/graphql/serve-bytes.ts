import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { requestBody } from './query.js';

/*
 * A bare node:http server that reads each request and sends the bytes of the gateway's answer (fetched from the
 * URL given): what HTTP itself costs here. Prints its URL.
 */

const [url = ''] = process.argv.slice(2);
const response = await fetch(`${url}/graphql`, {
  method: 'POST',
  headers: { 'content-type': 'application/json' },
  body: requestBody(),
});
const bytes = Buffer.from(await response.arrayBuffer());

const server = createServer((request, reply) => {
  request.on('data', () => {});
  request.on('end', () => {
    reply.writeHead(200, {
      'content-type': 'application/json; charset=utf-8',
      'content-length': bytes.length,
    });
    reply.end(bytes);
  });
});
server.listen(0, '127.0.0.1', () =>
  console.log(`http://127.0.0.1:${(server.address() as AddressInfo).port}`),
);
