import type { LookupFunction } from 'node:net';
import { z } from 'zod';
import { nextTurn, type StartTimer, startTimeout } from '../async/waiting.js';
import type { Log } from '../log.js';
import type { ListedItem, ReceivedDetail } from '../resources/definition.js';
import {
  type AnyDefinition,
  DEFINITION_OF,
  DEFINITION_OF_RESOURCE,
  isListed,
  type Kind,
  PARTS,
  type PartKind,
  type Resource,
} from '../resources/registry.js';
import { decode, instant, isUsableId, type Received, requiredId, text, texts } from '../resources/wire.js';
import { formatDuration, type Instant, toInstant, toMillis, type Window } from '../values/instant.js';
import type { Budget } from './budget.js';
import {
  type Call,
  createCall,
  DEFAULT_RETRY,
  type Endpoint,
  type JsonAnswer,
  type RetrySettings,
} from './call.js';
import {
  type AbnormalClient,
  type ApiToken,
  type CallOptions,
  type Fetched,
  UNOBSERVED,
  type UpstreamObserver,
} from './client.js';
import {
  createPathFinder,
  detailPageTarget,
  detailTarget,
  listQueries,
  type PathFinder,
  TOKENS_TARGET,
  threatLogTarget,
  upstreamFilter,
} from './endpoints.js';
import { type UpstreamCode, UpstreamError, upstreamFailure } from './errors.js';
import { createRequest } from './request.js';
import { decodeList, findDrift, followPages, joinPages, messageIdsOf, unreadableDrift } from './response.js';
import { decodeThreatLog } from './threat-log.js';

export interface ClientOptions {
  /** With its version path, such as `https://api.abnormalplatform.com/v1`. */
  readonly baseUrl: string;
  /** Called for each request, so that a new token is used at once. */
  readonly token: () => string;
  readonly budget: Budget;
  readonly timeoutMs: number;
  readonly clock: () => number;
  readonly log: Log;
  readonly userAgent?: string | undefined;
  readonly maxBodyBytes?: number | undefined;
  readonly retry?: Partial<RetrySettings> | undefined;
  readonly startTimer?: StartTimer | undefined;
  /** Resolves hosts and may refuse them; default: the system's lookup. */
  readonly lookup?: LookupFunction | undefined;
  readonly observer?: UpstreamObserver | undefined;
}

const MOST_NAMED = 10;
const MAX_BODY_BYTES = 32 * 1024 * 1024;

/** Creates a client of one account. Throws a TypeError for plain HTTP, except to loopback. */
export function createAbnormalClient(options: ClientOptions): AbnormalClient {
  const { clock, log, budget, startTimer = startTimeout, observer = UNOBSERVED } = options;
  const request = createRequest({
    baseUrl: options.baseUrl,
    token: options.token,
    userAgent: options.userAgent ?? 'abnormal-graphql-gateway',
    timeoutMs: options.timeoutMs,
    maxBodyBytes: options.maxBodyBytes ?? MAX_BODY_BYTES,
    startTimer,
    lookup: options.lookup,
  });
  const closing = new AbortController();
  const retry = { ...DEFAULT_RETRY, ...options.retry };
  const parts = { request, budget, retry, clock, startTimer, log, observer };
  const call = createCall({ ...parts, closing: closing.signal });
  const close = () => {
    closing.abort();
    request.close();
  };
  return new RestClient(call, createPathFinder(call), log, observer, clock, close);
}

class RestClient implements AbnormalClient {
  constructor(
    private readonly call: Call,
    private readonly paths: PathFinder,
    private readonly log: Log,
    private readonly observer: UpstreamObserver,
    private readonly clock: () => number,
    readonly close: () => void,
  ) {}

  readonly list: AbnormalClient['list'] = async (resource, filterKey, window, page, options) => {
    this.refuseTooOld(resource, window);
    const [asked, ...others] = listQueries(resource, filterKey, window, page);
    const { filter } = asked;
    const first = await this.paths.list(resource, asked, options);
    let read = this.understand(resource, () => decodeList(resource, filter, page, first));
    for (const each of others) {
      const answer = await this.paths.list(resource, each, options);
      read = joinPages(
        read,
        this.understand(resource, () => decodeList(resource, filter, page, answer)),
      );
    }
    if (read.unusable.length > 0) {
      this.log.warn(
        { resource, filter, page, count: read.unusable.length },
        'list items without a usable id',
      );
    }
    return { ...read, fetchedAt: toInstant(first.sentAt) };
  };

  async detail<K extends Kind>(
    kind: K,
    id: string,
    item: ListedItem | null,
    options: CallOptions,
  ): Promise<Fetched<K>> {
    assertUsable(kind, id);
    const fetched = isListed(kind)
      ? await this.record(DEFINITION_OF[kind], id, item, options)
      : await this.part(kind, id, options);
    return fetched as Fetched<Kind> as Fetched<K>;
  }

  readonly threatLog: AbnormalClient['threatLog'] = async (window, options) => {
    const filter = upstreamFilter('receivedTime', window);
    const what = `the export of the threat log (${filter})`;
    const target = threatLogTarget(filter);
    const endpoint: Endpoint = { resource: 'threats', role: 'list', target, what, body: 'csv', counts: null };
    const answer = await this.call(endpoint, options).catch(explainExport);
    return { filter, ...(await decodeThreatLog(String(answer.json), what, answer.evidence)) };
  };

  readonly tokens: AbnormalClient['tokens'] = async (options) => {
    const what = 'the list of API tokens';
    // tokens belong to no resource; every account has threats, so the request uses their slots
    const target = TOKENS_TARGET;
    const endpoint: Endpoint = { resource: 'threats', role: 'detail', target, what, counts: null };
    const answer = await this.call(endpoint, options).catch(nullWhereRefused);
    return answer && decodeTokens(answer);
  };

  private async record(
    definition: AnyDefinition,
    id: string,
    item: ListedItem | null,
    options: CallOptions,
  ): Promise<Fetched<Kind>> {
    const { kind, resource, upstream } = definition;
    if (upstream.detail === 'NONE') return this.listedRecord(definition, id, item, options.listedAt);
    const { pages, isComplete } =
      upstream.detail === 'PAGED_MESSAGES'
        ? await this.pagedDetail(definition, id, options)
        : ({
            pages: [await this.paths.detail(resource, id, `the ${kind} ${id}`, options)],
            isComplete: true,
          } as const);
    // many responses may have come at once; what a caller waits for is read together
    if (options.priority !== 'interactive') await nextTurn();
    return this.decoded(definition, kind, id, { pages, isComplete, item });
  }

  private listedRecord(
    definition: AnyDefinition,
    id: string,
    item: ListedItem | null,
    listedAt: Instant | undefined,
  ): Fetched<Kind> {
    const { kind, resource } = definition;
    if (item === null || listedAt === undefined)
      throw upstreamFailure(
        'NOT_FOUND',
        `Abnormal's list of ${resource} does not contain the ${kind} ${id}.`,
      );
    const evidence = () => JSON.stringify(item);
    const page = { json: item, evidence, sentAt: toMillis(listedAt) };
    return this.decoded(definition, kind, id, { pages: [page], isComplete: true, item: null });
  }

  /** Abnormal answers with an empty list where it keeps nothing, which must not look like no records. */
  private refuseTooOld(resource: Resource, { from }: Window): void {
    const { keptForMs } = DEFINITION_OF_RESOURCE[resource].upstream;
    if (keptForMs === undefined || toMillis(from) >= this.clock() - keptForMs) return;
    const what = `Abnormal keeps its list of ${resource} for ${formatDuration(keptForMs)}; ${from} is before that.`;
    throw upstreamFailure('OUT_OF_RETENTION', what);
  }

  private async pagedDetail({ kind, resource, upstream }: AnyDefinition, id: string, options: CallOptions) {
    const [path] = upstream.listPaths;
    const detail = await followPages((page) => {
      const what = page === 1 ? `the ${kind} ${id}` : `page ${page} of the ${kind} ${id}`;
      const counts = page === 1 ? 'detailCalls' : 'messagePageCalls';
      const target = detailPageTarget(path, id, page);
      return this.call({ resource, role: 'detail', target, what, counts }, options);
    }, messageIdsOf);
    if (!detail.isComplete) {
      this.log.warn({ id, pages: detail.pages.length }, `pages of a ${kind} lead back or nowhere`);
    }
    return detail;
  }

  private async part(kind: PartKind, id: string, options: CallOptions): Promise<Fetched<Kind>> {
    const { owner, part } = PARTS[kind];
    const { resource, upstream } = owner;
    const target = detailTarget(part.base ?? upstream.listPaths[0], id, part.path);
    const what = `${part.noun} ${id}`;
    const answer = await this.call(
      { resource, role: 'detail', target, what, counts: 'detailCalls' },
      options,
    );
    return this.decoded(owner, kind, id, { pages: [answer], isComplete: true, item: null });
  }

  private understand<T>(resource: Resource, read: () => T): T {
    try {
      return read();
    } catch (error) {
      this.observer.misread(resource);
      throw error;
    }
  }

  private decoded(
    { resource }: AnyDefinition,
    kind: Kind,
    id: string,
    detail: ReceivedDetail & { readonly pages: readonly [JsonAnswer, ...JsonAnswer[]] },
  ): Fetched<Kind> {
    const decoder = isListed(kind) ? DEFINITION_OF[kind] : PARTS[kind].part;
    const { record, payload, unread } = this.understand(resource, () => decoder.decode(id, detail));
    const drift = [...findDrift(kind, payload), ...unreadableDrift(kind, unread)];
    const fetched = { payload, fetchedAt: toInstant(detail.pages[0].sentAt), drift };
    if (unread.length === 0) return { record, ...fetched };
    const parts = unread.slice(0, MOST_NAMED).map(({ path, flaw }) => `${path}: ${flaw}`);
    this.log.warn({ kind, id, parts, count: unread.length }, 'parts of a response cannot be read');
    return { record: { ...record, unread: parts }, ...fetched };
  }
}

const NOT_TOLD: readonly UpstreamCode[] = ['NOT_FOUND', 'FORBIDDEN', 'NOT_LICENSED', 'BAD_REQUEST'];

/** An account may not have the permission or the endpoint; other requests are not affected. */
function nullWhereRefused(error: unknown): null {
  if (error instanceof UpstreamError && NOT_TOLD.includes(error.code)) return null;
  throw error;
}

/** A 404 without an explanation: there is no export without a filter to compare with. */
function explainExport(error: unknown): never {
  if (!(error instanceof UpstreamError) || error.code !== 'BAD_FILTER') throw error;
  const what =
    'Abnormal responded with 404 to the export of the threat log: this account has no threat log, or the filter is not accepted.';
  throw upstreamFailure('NOT_ENABLED', what, { status: error.status, body: error.body });
}

/** Text that cannot be a path segment is no id; requesting it would request something else. */
function assertUsable(kind: Kind, id: string): void {
  if (!isUsableId(id))
    throw upstreamFailure('NOT_FOUND', `${JSON.stringify(id.slice(0, 100))} is not the id of a ${kind}.`);
}

const TOKEN = z.looseObject({
  token_id: requiredId,
  name: text,
  status: text,
  created_at: instant,
  expires_at: instant,
  permissions: texts,
});
const PAGE = z.looseObject({ data: z.array(TOKEN) });

/** Throws a `DecodeError` if it is not a list: an unreadable list is not an empty one. */
function decodeTokens(received: Received): ApiToken[] {
  const { data } = decode(PAGE, received, 'the list of API tokens');
  return data.map(({ token_id, name, status, created_at, expires_at, permissions }) => ({
    ...{ id: token_id, name, status: status?.trim().toLowerCase() ?? null },
    ...{ createdAt: created_at, expiresAt: expires_at },
    permissions: bounded(permissions),
  }));
}

/** They are stored with the token, so they are bounded; older tokens have none and are not limited. */
function bounded(permissions: readonly string[] | null): string[] | null {
  if (permissions === null || permissions.length === 0) return null;
  return permissions.slice(0, 200).map((name) => name.slice(0, 100));
}
