import type { LookupFunction } from 'node:net';
import { z } from 'zod';
import type { Log } from '../log.js';
import { decodeCampaign } from '../resources/campaign/campaign.js';
import { decodeCaseAnalysis } from '../resources/case/case-analysis.js';
import { decodeCase } from '../resources/case/decode-case.js';
import type { Kind, ListedKind, RecordOf, Resource } from '../resources/registry.js';
import { decodeThreat } from '../resources/threat/decode-threat.js';
import { decodeThreatAttachments, decodeThreatLinks } from '../resources/threat/threat-parts.js';
import {
  type Decoded,
  decode,
  instant,
  isUsableId,
  type Received,
  requiredId,
  text,
  texts,
} from '../resources/wire.js';
import { toInstant } from '../values/instant.js';
import type { Budget } from './budget.js';
import { type Call, createCall, type Endpoint, type JsonAnswer } from './call.js';
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
  detailTarget,
  type PathFinder,
  TOKENS_TARGET,
  threatLogTarget,
  threatTarget,
  upstreamFilter,
} from './endpoints.js';
import { type UpstreamCode, UpstreamError, upstreamFailure } from './errors.js';
import { findDrift, unreadableDrift } from './find-drift.js';
import { decodeList, followPages, messageIdsOf } from './list-page.js';
import { createRequest } from './request.js';
import { DEFAULT_RETRY, type RetrySettings, type StartTimer, startTimeout } from './retry.js';
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
  return new RestClient(call, createPathFinder(call), log, observer, close);
}

class RestClient implements AbnormalClient {
  constructor(
    private readonly call: Call,
    private readonly paths: PathFinder,
    private readonly log: Log,
    private readonly observer: UpstreamObserver,
    readonly close: () => void,
  ) {}

  readonly list: AbnormalClient['list'] = async (resource, filterKey, window, page, options) => {
    const filter = upstreamFilter(filterKey, window);
    const answer = await this.paths.list(resource, filter, page, options);
    const read = this.understand(resource, () => decodeList(resource, filter, page, answer));
    if (read.unusable.length > 0) {
      this.log.warn(
        { resource, filter, page, count: read.unusable.length },
        'list items without a usable id',
      );
    }
    return { ...read, fetchedAt: toInstant(answer.sentAt) };
  };

  async detail<K extends ListedKind>(
    kind: K,
    id: string,
    item: Readonly<Record<string, unknown>> | null,
    options: CallOptions,
  ): Promise<Fetched<K>> {
    assertUsable(kind, id);
    const fetched = await this.fetchDetail(kind, id, item, options);
    return fetched as Fetched<ListedKind> as Fetched<K>;
  }

  caseAnalysis(caseId: string, options: CallOptions): Promise<Fetched<'caseAnalysis'>> {
    const target = detailTarget('/cases', caseId, '/analysis');
    return this.part('caseAnalysis', caseId, target, (answer) => decodeCaseAnalysis(caseId, answer), options);
  }

  threatAttachments(threatId: string, options: CallOptions): Promise<Fetched<'threatAttachments'>> {
    const target = detailTarget('/threats', threatId, '/attachments');
    const read = (answer: JsonAnswer) => decodeThreatAttachments(threatId, answer);
    return this.part('threatAttachments', threatId, target, read, options);
  }

  threatLinks(threatId: string, options: CallOptions): Promise<Fetched<'threatLinks'>> {
    const target = detailTarget('/threats', threatId, '/links');
    return this.part(
      'threatLinks',
      threatId,
      target,
      (answer) => decodeThreatLinks(threatId, answer),
      options,
    );
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

  private fetchDetail(
    kind: ListedKind,
    id: string,
    item: Readonly<Record<string, unknown>> | null,
    options: CallOptions,
  ): Promise<Fetched<'threat'> | Fetched<'case'> | Fetched<'campaign'>> {
    switch (kind) {
      case 'threat':
        return this.threat(id, options);
      case 'case':
        return this.single('case', id, (answer) => decodeCase(id, answer, item), options);
      case 'campaign':
        return this.single('campaign', id, (answer) => decodeCampaign(id, answer), options);
    }
  }

  private async threat(id: string, options: CallOptions): Promise<Fetched<'threat'>> {
    const { pages, isComplete } = await followPages((page) => {
      const what = page === 1 ? `the threat ${id}` : `page ${page} of the threat ${id}`;
      const counts = page === 1 ? 'detailCalls' : 'messagePageCalls';
      return this.call(
        { resource: 'threats', role: 'detail', target: threatTarget(id, page), what, counts },
        options,
      );
    }, messageIdsOf);
    if (!isComplete) this.log.warn({ id, pages: pages.length }, 'pages of a threat lead back or nowhere');
    const decoded = this.understand('threats', () => decodeThreat(id, pages, isComplete));
    return this.fetched('threat', id, pages[0], decoded);
  }

  private async single<K extends 'case' | 'campaign'>(
    kind: K,
    id: string,
    read: (answer: JsonAnswer) => Decoded<RecordOf[K]>,
    options: CallOptions,
  ): Promise<Fetched<K>> {
    const resource = kind === 'case' ? 'cases' : 'campaigns';
    const answer = await this.paths.detail(resource, id, `the ${kind} ${id}`, options);
    const decoded = this.understand(resource, () => read(answer));
    return this.fetched(kind, id, answer, decoded);
  }

  private async part<K extends 'caseAnalysis' | 'threatAttachments' | 'threatLinks'>(
    kind: K,
    id: string,
    target: string,
    read: (answer: JsonAnswer) => Decoded<RecordOf[K]>,
    options: CallOptions,
  ): Promise<Fetched<K>> {
    assertUsable(kind, id);
    const resource = kind === 'caseAnalysis' ? 'cases' : 'threats';
    const what = `${PART_NAMES[kind]} ${id}`;
    const endpoint: Endpoint = { resource, role: 'detail', target, what, counts: 'detailCalls' };
    const answer = await this.call(endpoint, options);
    const decoded = this.understand(resource, () => read(answer));
    return this.fetched(kind, id, answer, decoded);
  }

  private understand<T>(resource: Resource, read: () => T): T {
    try {
      return read();
    } catch (error) {
      this.observer.misread(resource);
      throw error;
    }
  }

  private fetched<K extends Kind>(
    kind: K,
    id: string,
    answer: JsonAnswer,
    { record, payload, unread }: Decoded<RecordOf[K]>,
  ): Fetched<K> {
    const drift = [...findDrift(kind, payload), ...unreadableDrift(kind, unread)];
    const fetched = { payload, fetchedAt: toInstant(answer.sentAt), drift };
    if (unread.length === 0) return { record, ...fetched };
    const parts = unread.slice(0, MOST_NAMED).map(({ path, flaw }) => `${path}: ${flaw}`);
    this.log.warn({ kind, id, parts, count: unread.length }, 'parts of an answer do not read');
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
    'Abnormal answered 404 to the export of the threat log: this account has none, or refuses its filter.';
  throw upstreamFailure('NOT_ENABLED', what, { status: error.status, body: error.body });
}

const PART_NAMES = {
  caseAnalysis: 'the analysis of the case',
  threatAttachments: 'the attachments of the threat',
  threatLinks: 'the links of the threat',
} as const;

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
