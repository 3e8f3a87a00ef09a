import type { LookupFunction } from 'node:net';
import type { StartTimer } from '../async/waiting.js';
import { createSender, type HttpResponse, reasonOf, type Sender } from '../outgoing.js';
import { AttemptError, cancelled, upstreamFailure } from './errors.js';

interface RequestOptions {
  readonly baseUrl: string;
  readonly token: () => string;
  readonly userAgent: string;
  readonly timeoutMs: number;
  readonly maxBodyBytes: number;
  readonly startTimer: StartTimer;
  readonly lookup?: LookupFunction | undefined;
}

export interface UpstreamResponse {
  readonly status: number;
  readonly retryAfter: string | null;
  /** The response's Date, in ms since the epoch; `null` if missing or unreadable. */
  readonly date: number | null;
  /** `null` if it should be JSON and is not UTF-8. */
  readonly text: string | null;
  /** The body for messages and the quarantine: at most 64 KiB, without the token. */
  readonly evidence: () => string;
}

/** CSV is decoded leniently: one damaged subject must not invalidate a whole log. */
export type BodyKind = 'json' | 'csv';

const ACCEPT: Record<BodyKind, string> = { json: 'application/json', csv: 'text/csv' };

export interface Request {
  /** Sends one GET; calls `onHead` when the status has arrived. Throws `AttemptError`. */
  get(target: string, body: BodyKind, signal: AbortSignal, onHead: () => void): Promise<UpstreamResponse>;
  close(): void;
}

type Headers = Readonly<Record<string, string>>;

const EVIDENCE_BYTES = 64 * 1024;

/** The only place that talks to Abnormal and reads the token, which is sent to one host only. */
export function createRequest(options: RequestOptions): Request {
  const baseUrl = checkBaseUrl(options.baseUrl);
  const sender = createSender(options);
  return {
    get: async (target, body, signal, onHead) => {
      const token = usableToken(options.token());
      const exchange = new Exchange(options, sender, redactToken(token), body, signal);
      const headers = {
        accept: ACCEPT[body],
        authorization: `Bearer ${token}`,
        'user-agent': options.userAgent,
      };
      return exchange.run(`${baseUrl}${target}`, headers, onHead);
    },
    close: () => sender.close(),
  };
}

function usableToken(token: string): string {
  if (/^[\x21-\x7e]+$/.test(token)) return token;
  const what =
    token === ''
      ? 'There is no token.'
      : 'The token contains a space or another character that tokens never contain.';
  throw new AttemptError(upstreamFailure('TOKEN_REJECTED', what));
}

function dateOf(response: HttpResponse): number | null {
  const date = Date.parse(response.headers.get('date') ?? '');
  return Number.isNaN(date) ? null : date;
}

class Exchange {
  private readonly abort = new AbortController();
  private readonly chunks: Buffer[] = [];
  private bytes = 0;
  private status: number | null = null;
  private isTimedOut = false;

  constructor(
    private readonly options: RequestOptions,
    private readonly sender: Sender,
    private readonly redact: RedactToken,
    private readonly body: BodyKind,
    private readonly signal: AbortSignal,
  ) {}

  async run(url: string, headers: Headers, onHead: () => void): Promise<UpstreamResponse> {
    const stopTimer = this.options.startTimer(() => {
      this.isTimedOut = true;
      this.abort.abort();
    }, this.options.timeoutMs);
    const onAbort = () => this.abort.abort();
    this.signal.addEventListener('abort', onAbort, { once: true });
    if (this.signal.aborted) onAbort();
    try {
      return await this.exchange(url, headers, onHead);
    } catch (error) {
      // the rest of this response is not needed, and its socket must not be reused
      this.abort.abort();
      throw error instanceof AttemptError ? error : this.failed(error);
    } finally {
      stopTimer();
      this.signal.removeEventListener('abort', onAbort);
    }
  }

  private async exchange(url: string, headers: Headers, onHead: () => void): Promise<UpstreamResponse> {
    const response = await this.sender.send(url, { headers, signal: this.abort.signal });
    this.status = response.status;
    onHead();
    this.refuseRedirect(response);
    await this.read(response);
    const body = Buffer.concat(this.chunks);
    return {
      status: response.status,
      retryAfter: response.headers.get('retry-after'),
      date: dateOf(response),
      text: this.decode(body),
      evidence: () => this.evidence(),
    };
  }

  private refuseRedirect(response: HttpResponse): void {
    const location = response.headers.get('location');
    if (response.status < 300 || response.status >= 400 || location === null) return;
    const what = `Abnormal responded with ${response.status}, a redirect to ${this.redact.text(hostOf(location))}.`;
    throw new AttemptError(upstreamFailure('REDIRECTED', what, { status: response.status }));
  }

  private async read(response: HttpResponse): Promise<void> {
    try {
      for await (const chunk of response.body ?? [])
        this.take(Buffer.isBuffer(chunk) ? chunk : Buffer.from(chunk));
    } catch (error) {
      // for a refusal the status is enough, even if its text broke off
      if (response.status === 200 || this.abort.signal.aborted) throw error;
    }
  }

  private take(chunk: Buffer): void {
    this.bytes += chunk.length;
    if (this.bytes > this.options.maxBodyBytes) {
      this.chunks.push(chunk.subarray(0, EVIDENCE_BYTES));
      const what = `Abnormal's response is larger than ${this.options.maxBodyBytes} bytes.`;
      throw new AttemptError(
        upstreamFailure('TOO_LARGE', what, { status: this.status, body: this.evidence() }),
      );
    }
    this.chunks.push(chunk);
  }

  private decode(body: Buffer): string | null {
    try {
      return this.redact.data(new TextDecoder('utf-8', { fatal: this.body === 'json' }).decode(body));
    } catch {
      return null;
    }
  }

  private evidence(): string {
    // a little more than is kept, so that a token at the edge is complete
    const length = this.chunks.reduce((sum, chunk) => sum + chunk.length, 0);
    const start = Buffer.concat(this.chunks, Math.min(length, EVIDENCE_BYTES + 8_192));
    const text = this.redact.text(start.toString('utf8'));
    const bytes = Buffer.from(text);
    return bytes.length <= EVIDENCE_BYTES ? text : bytes.subarray(0, EVIDENCE_BYTES - 3).toString('utf8');
  }

  private failed(error: unknown): AttemptError {
    if (this.isTimedOut) {
      const what = `Abnormal did not respond within ${this.options.timeoutMs} ms.`;
      return new AttemptError(upstreamFailure('TIMEOUT', what, { status: this.status }));
    }
    if (this.signal.aborted) return new AttemptError(cancelled(this.signal.reason));
    const reason = this.redact.text(reasonOf(error));
    if (this.status === null) {
      return new AttemptError(upstreamFailure('UNREACHABLE', `Abnormal could not be reached: ${reason}.`));
    }
    const what = `Abnormal's response ended after ${this.bytes} bytes: ${reason}.`;
    const facts = { status: this.status, body: this.evidence() };
    return new AttemptError(upstreamFailure('BAD_BODY', what, facts), null, true);
  }
}

function hostOf(location: string): string {
  return URL.canParse(location) ? new URL(location).origin : 'another address';
}

interface RedactToken {
  /** For people: removes every trace, including a token that is cut off. */
  text(text: string): string;
  /** For data to decode: a very short token is not replaced, because it would damage ordinary words. */
  data(text: string): string;
}

const STAND_IN = '[token]';
const SHORTEST_REAL_TOKEN = 16;
const SHORTEST_TRACE = 6;

function redactToken(token: string): RedactToken {
  const forms = [...new Set([token, token.replaceAll('/', '\\/'), encodeURIComponent(token)])].filter(
    Boolean,
  );
  const whole = (text: string) => forms.reduce((rest, form) => rest.replaceAll(form, STAND_IN), text);
  return {
    text: (text) => forms.reduce(redactCutOff, whole(text)),
    data: (text) => (token.length >= SHORTEST_REAL_TOKEN ? whole(text) : text),
  };
}

function redactCutOff(text: string, form: string): string {
  for (let length = form.length - 1; length >= SHORTEST_TRACE; length -= 1) {
    if (text.endsWith(form.slice(0, length))) return text.slice(0, -length) + STAND_IN;
  }
  return text;
}

/** Returns the base URL without a trailing slash. Throws a TypeError for plain HTTP, except to loopback. */
function checkBaseUrl(text: string): string {
  const url = parse(text);
  if (url.username || url.password)
    throw new TypeError('the base URL must not contain a user name or password');
  if (url.search || url.hash)
    throw new TypeError(`the base URL must end with its path: ${url.origin}${url.pathname}`);
  if (url.protocol !== 'https:' && !(url.protocol === 'http:' && isLoopback(url.hostname))) {
    throw new TypeError(`the base URL must begin with https:// (http:// is for loopback only): ${url.href}`);
  }
  return url.href.replace(/\/+$/, '');
}

function parse(text: string): URL {
  try {
    return new URL(text);
  } catch {
    throw new TypeError('the base URL is not a URL');
  }
}

/** Whether a host is this machine by definition, without a name server. */
function isLoopback(hostname: string): boolean {
  return hostname === 'localhost' || hostname === '[::1]' || /^127\.\d+\.\d+\.\d+$/.test(hostname);
}
