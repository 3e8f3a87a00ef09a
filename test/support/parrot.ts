import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { closing, forward } from './forward.js';

/** Answers with what it was sent, in one of the ways in which a server may. */
export type Echo = (response: ServerResponse, token: string, incoming: IncomingMessage) => void;

/** A server before another that lets most requests through and answers every third itself, repeating the token. */
export interface Parrot {
  readonly baseUrl: string;
  /** How often each echo was heard, by its name. */
  readonly heard: ReadonlyMap<string, number>;
  /** Hands all on from now on. */
  fallSilent(): void;
  close(): Promise<void>;
}

const EVERY = 3;

export async function startParrot(behind: string, echoes: Readonly<Record<string, Echo>>): Promise<Parrot> {
  const target = new URL(behind);
  const names = Object.keys(echoes);
  const heard = new Map<string, number>();
  let count = 0;
  let isSilent = false;
  const server = createServer((incoming, response) => {
    count += 1;
    const name = names[(count / EVERY - 1) % names.length];
    const echo = !isSilent && count % EVERY === 0 && name !== undefined ? echoes[name] : undefined;
    if (!echo || name === undefined) return forward(target, incoming, response);
    heard.set(name, (heard.get(name) ?? 0) + 1);
    echo(response, incoming.headers.authorization?.replace('Bearer ', '') ?? '', incoming);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    baseUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}${target.pathname}`,
    heard,
    fallSilent: () => {
      isSilent = true;
    },
    close: () => closing(server),
  };
}

const JSON_TYPE = { 'content-type': 'application/json' };

function saying(status: number): Echo {
  return (response, token) => {
    const message = `Bearer ${token} is odd`;
    const body = JSON.stringify({
      message,
      url: encodeURIComponent(token),
      nested: JSON.stringify({ token }),
    });
    response.writeHead(status, { ...JSON_TYPE, 'x-echo': token, 'www-authenticate': `Bearer ${token}` });
    response.end(body);
  };
}

/** Every way; `elsewhere` is another server, which must never be called. */
export function echoesFor(elsewhere: string): Record<string, Echo> {
  return {
    ...Object.fromEntries(
      [200, 204, 400, 402, 403, 404, 409, 418, 422, 500, 502].map((status) => [
        `status ${status}`,
        saying(status),
      ]),
    ),
    'a reason phrase': (response, token) => {
      response.writeHead(500, `No ${token}`, JSON_TYPE).end(`{"detail":"${token}"}`);
    },
    'a page': (response, token) => {
      const page = `<html><title>${token}</title><body><h1>${token}</h1></body></html>`;
      response.writeHead(200, { 'content-type': 'text/html' }).end(page);
    },
    'a retention': (response, token) => {
      response.writeHead(400, JSON_TYPE).end(`{"message":"outside retention for ${token}"}`);
    },
    'a redirect to another host': (response, token) => {
      response.writeHead(302, { location: `${elsewhere}/v1/${token}?token=${token}` }).end(token);
    },
    'a redirect within the host': (response, token) => {
      response.writeHead(307, { location: `/v1/${token}` }).end(token);
    },
    'a redirect to nowhere': (response, token) => {
      response.writeHead(301, { location: `//${token}` }).end();
    },
    'a body cut off within the token': (response, token) => {
      response.writeHead(200, { ...JSON_TYPE, 'content-length': '1000' });
      response.write(`{"threats":["${token.slice(0, -3)}`, () => response.destroy());
    },
    'JSON that ends within the token': (response, token) => {
      response.writeHead(200, JSON_TYPE).end(`{"cases":["${token.slice(0, -3)}`);
    },
    'no HTTP at all': (response, token) => {
      response.socket?.end(`${token}\r\n${token}: ${token}\r\n\r\n`);
    },
    'a header that is none': (response, token) => {
      response.socket?.end(`HTTP/1.1 200 OK\r\n${token} ${token}\r\n\r\n{}`);
    },
    'a very long body': (response, token) => {
      response.writeHead(500, JSON_TYPE).end(`{"message":"${'x'.repeat(65_530)}${token}"}`);
    },
    'a record': (response, token, incoming) => {
      const [id = ''] = (incoming.url ?? '').split('?')[0]?.split('/').slice(-1) ?? [];
      const field = { [token]: token, subject: token, threatId: id, caseId: id, campaignId: id };
      const body = {
        ...field,
        messages: [{ ...field, abxMessageIdStr: '1' }],
        threats: [{ threatId: token }],
      };
      response.writeHead(200, JSON_TYPE).end(JSON.stringify(body));
    },
  };
}
