/** What one event of the feed contains, as far as the tests select it. */
export interface FeedPage {
  readonly nodes?: readonly {
    readonly recordId: string;
    readonly observedFrom: string;
    readonly change?: string;
  }[];
  readonly tail: { readonly cursor: string; readonly asOf: string; readonly caughtUp: boolean };
}

interface FeedEvent {
  readonly event: string;
  readonly id: string | null;
  readonly data: {
    readonly data?: { readonly changes: FeedPage };
    readonly errors?: readonly { readonly message: string; readonly extensions: { readonly code: string } }[];
  } | null;
}

export const FOLLOW = `subscription($after: String, $start: ChangesStart, $since: DateTime, $kinds: [RecordKind!], $change: [ChangeKind!], $first: Int) {
  changes(after: $after, start: $start, since: $since, kinds: $kinds, change: $change, first: $first) {
    nodes { recordId observedFrom change } tail { cursor asOf caughtUp }
  }
}`;

/** The events of a subscription, as they come. */
export class FeedReader {
  readonly comments: string[] = [];
  /** The pages without an error, and the keys of their changes, in the order received. */
  readonly pages: FeedPage[] = [];
  private readonly stop = new AbortController();
  private events: AsyncGenerator<FeedEvent> | null = null;
  response: Response | null = null;

  constructor(
    private readonly url: string,
    private readonly variables: object = {},
    private readonly headers: Readonly<Record<string, string>> = {},
    private readonly query = FOLLOW,
  ) {}

  async next(): Promise<FeedEvent | null> {
    this.events ??= this.read();
    const { value, done } = await this.events.next();
    if (done) return null;
    const page = value.data?.data?.changes;
    if (page) this.pages.push(page);
    return value;
  }

  /** Reads until a page satisfies a condition; throws if the feed ends before. */
  async until(isLast: (page: FeedPage) => boolean): Promise<FeedPage> {
    for (;;) {
      const event = await this.next();
      const page = event?.data?.data?.changes;
      if (page && isLast(page)) return page;
      if (!event || event.event === 'complete' || event.data?.errors)
        throw new Error(`the feed ended with ${JSON.stringify(event)}`);
    }
  }

  /** Reads to the end; a connection that breaks is an end. */
  async toEnd(): Promise<FeedEvent[]> {
    const events: FeedEvent[] = [];
    try {
      for (let event = await this.next(); event; event = await this.next()) events.push(event);
    } catch {
      // broken
    }
    return events;
  }

  get keys(): string[] {
    return this.pages.flatMap(({ nodes = [] }) =>
      nodes.map((node) => `${node.observedFrom} ${node.recordId}`),
    );
  }

  get cursor(): string | null {
    return this.pages.at(-1)?.tail.cursor ?? null;
  }

  close(): void {
    this.stop.abort();
  }

  private async *read(): AsyncGenerator<FeedEvent> {
    this.response = await fetch(`${this.url}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', accept: 'text/event-stream', ...this.headers },
      body: JSON.stringify({ query: this.query, variables: this.variables }),
      signal: this.stop.signal,
    });
    let text = '';
    const decoder = new TextDecoder();
    for await (const part of this.response.body ?? []) {
      text += decoder.decode(part, { stream: true });
      const blocks = text.split('\n\n');
      text = blocks.pop() ?? '';
      for (const block of blocks) {
        if (block.startsWith(':')) this.comments.push(block);
        else yield toEvent(block);
      }
    }
  }
}

function toEvent(block: string): FeedEvent {
  const lines = Object.fromEntries(block.split('\n').map((line) => line.split(/: ?(.*)/s, 2)));
  const data = lines.data ? (JSON.parse(lines.data) as FeedEvent['data']) : null;
  return { event: lines.event ?? '', id: lines.id ?? null, data };
}
