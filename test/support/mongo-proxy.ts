import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';

/** Stands between a driver and its MongoDB, counts the commands, and breaks the connection where it is told to. */
export class MongoProxy {
  /** How often it did. */
  broken = 0;
  /** The commands that came, each with its collection, without those by which a driver watches the server. */
  readonly commands: string[] = [];
  #change: (answer: Buffer) => Buffer = (answer) => answer;
  #changeAsked: (asked: Buffer) => Buffer = (asked) => asked;
  #plan: { readonly command: string; readonly when: 'before' | 'after' | 'noticed' } | null = null;
  readonly #sockets = new Set<Socket>();
  /** Those by which the driver has sent a command. */
  readonly #used = new Set<Socket>();
  #held: (() => void)[] | null = null;
  #slow: { readonly command: string; readonly ms: number } | null = null;

  private constructor(
    private readonly server: Server,
    private readonly port: number,
    /** The URL of the database behind it. */
    readonly url: string,
  ) {}

  /** A proxy before the database that `url` names. */
  static async before(url: string, options = ''): Promise<MongoProxy> {
    const { hostname, port, pathname } = new URL(url);
    const server = createServer();
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const own = (server.address() as AddressInfo).port;
    // without the last part the driver would ask for the server's own address and go there
    const proxy = new MongoProxy(
      server,
      own,
      `mongodb://127.0.0.1:${own}${pathname}?directConnection=true${options}`,
    );
    server.on('connection', (client) => proxy.#relay(client, connect(Number(port), hostname)));
    return proxy;
  }

  /** Lets the next `command` through and breaks the connection in place of its answer. */
  loseAnswerTo(command: string): void {
    this.#plan = { command, when: 'after' };
  }

  /** Breaks the connection in place of letting the next `command` through. */
  breakBefore(command: string): void {
    this.#plan = { command, when: 'before' };
  }

  /** The same, a moment after the driver has seen its other connections end, by which it watches the server. */
  breakNoticed(command: string): void {
    this.#plan = { command, when: 'noticed' };
  }

  /** From now on, answers have other bytes in place of `text`. */
  damage(text: string): void {
    const other = '\xff'.repeat(text.length);
    this.#change = (answer) => Buffer.from(answer.toString('latin1').replaceAll(text, other), 'latin1');
  }

  /** From now on, commands have `other`, which is as long, in place of `text`. */
  replaceAsked(text: string, other: string): void {
    this.#changeAsked = (asked) => Buffer.from(asked.toString('latin1').replaceAll(text, other), 'latin1');
  }

  /** Keeps back everything in both directions, as a network that loses all packets does, until `resume`. */
  stall(): void {
    this.#held = [];
  }

  resume(): void {
    const held = this.#held ?? [];
    this.#held = null;
    for (const send of held) send();
  }

  /** Ends all connections and refuses new ones, as a server that is stopped does, until `restore`. */
  async cut(): Promise<void> {
    const closed = once(this.server, 'close');
    await this.close();
    await closed;
  }

  async restore(): Promise<void> {
    this.server.listen(this.port, '127.0.0.1');
    await once(this.server, 'listening');
  }

  /** From now on, `command` reaches the server so much later. */
  slow(command: string, ms: number): void {
    this.#slow = { command, ms };
  }

  #send(to: Socket, data: Buffer): void {
    const send = () => void to.write(data);
    if (this.#held) this.#held.push(send);
    else send();
  }

  #relay(client: Socket, server: Socket): void {
    const end = () => [client, server].map((socket) => socket.destroy());
    let isLost = false;
    const note = commandReader((name, collection) => {
      if (OF_DRIVER.has(name)) return;
      for (const socket of [client, server]) this.#used.add(socket);
      this.commands.push(collection === null ? name : `${name} ${collection}`);
    });
    client.on('data', (asked) => {
      const data = this.#changeAsked(asked);
      note(data);
      const plan = this.#plan && data.includes(this.#plan.command) ? this.#plan : null;
      if (plan) {
        this.#plan = null;
        this.broken += 1;
        isLost = plan.when === 'after';
      }
      if (plan?.when === 'before') end();
      else if (plan?.when === 'noticed') {
        for (const socket of this.#sockets) if (!this.#used.has(socket)) socket.destroy();
        setTimeout(end, 100);
      } else if (this.#slow && data.includes(this.#slow.command))
        setTimeout(() => server.write(data), this.#slow.ms);
      else this.#send(server, data);
    });
    server.on('data', (data) => (isLost ? end() : this.#send(client, this.#change(data))));
    for (const socket of [client, server]) {
      this.#sockets.add(socket);
      socket.on('error', end).on('close', () => {
        this.#sockets.delete(socket);
        end();
      });
    }
  }

  async close(): Promise<void> {
    this.server.close();
    for (const socket of this.#sockets) socket.destroy();
  }
}

const OF_DRIVER: ReadonlySet<string> = new Set(['hello', 'ismaster', 'isMaster', 'endSessions']);

const OP_MSG = 2013;
/** The type of a text in BSON. */
const STRING = 2;

/** Where the name of the first element of a message's document begins: after the header, flags, kind, length and type. */
const NAME_AT = 16 + 4 + 1 + 4 + 1;

/** Takes the bytes of a connection as they come, and names the command of each message. */
function commandReader(found: (name: string, collection: string | null) => void): (data: Buffer) => void {
  let rest = Buffer.alloc(0);
  return (data) => {
    rest = Buffer.concat([rest, data]);
    while (rest.length >= 4 && rest.length >= rest.readInt32LE(0)) {
      const message = rest.subarray(0, rest.readInt32LE(0));
      rest = rest.subarray(message.length);
      if (message.readInt32LE(12) !== OP_MSG) continue;
      const end = message.indexOf(0, NAME_AT);
      const isText = message[NAME_AT - 1] === STRING;
      const text = isText ? message.toString('utf8', end + 5, end + 4 + message.readInt32LE(end + 1)) : null;
      found(message.toString('utf8', NAME_AT, end), text);
    }
  };
}
