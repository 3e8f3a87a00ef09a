import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { Webhook } from 'standardwebhooks';

export interface Received {
  readonly id: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** How a receiver answers: with a status, or as the function does. */
export type Reply = number | ((response: ServerResponse, received: Received) => void);

/** Another system that receives messages of webhooks, over real HTTP. */
export class Receiver {
  /** Everything that arrived, also what was not accepted. */
  received: Received[] = [];
  reply: Reply = 204;
  private readonly server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const { headers } = request;
      const id = String(headers['webhook-id']);
      const received = { id, headers, body: Buffer.concat(chunks).toString('utf8') };
      this.received.push(received);
      if (typeof this.reply === 'number') response.writeHead(this.reply).end();
      else this.reply(response, received);
    });
  });

  async start(): Promise<this> {
    await new Promise<void>((resolve) => this.server.listen(0, '127.0.0.1', resolve));
    return this;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}/hook`;
  }

  ids(): string[] {
    return this.received.map(({ id }) => id);
  }

  /** Forgets what came with the id of an earlier message, as receivers do, and returns it. */
  dropRepeated(): Received[] {
    const isFirst = ({ id }: Received, i: number) => this.ids().indexOf(id) === i;
    const { received } = this;
    const repeated = received.filter((each, i) => !isFirst(each, i));
    this.received = received.filter(isFirst);
    return repeated;
  }

  /** The payloads, each verified with the library of the specification. */
  verified(secret: string): { type: string; timestamp: string; data: Record<string, unknown> }[] {
    const webhook = new Webhook(secret);
    return this.received.map(({ headers, body }) => {
      const { 'webhook-id': id, 'webhook-timestamp': timestamp, 'webhook-signature': signature } = headers;
      return webhook.verify(body, {
        'webhook-id': String(id),
        'webhook-timestamp': String(timestamp),
        'webhook-signature': String(signature),
      }) as ReturnType<Receiver['verified']>[number];
    });
  }

  async until(count: number): Promise<void> {
    while (this.received.length < count) await delay(10);
  }

  close(): void {
    this.server.closeAllConnections();
    this.server.close();
  }
}
