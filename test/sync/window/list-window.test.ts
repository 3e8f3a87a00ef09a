import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createBudget } from '../../../src/abnormal/budget.js';
import type { AbnormalClient } from '../../../src/abnormal/client.js';
import { createAbnormalClient } from '../../../src/abnormal/rest-client.js';
import { openStore } from '../../../src/history/open-store.js';
import type { HistoryStore } from '../../../src/history/store.js';
import type { Stream } from '../../../src/model/stream.js';
import { DEFAULT_SYNC_SETTINGS, newPassMemory, type Pass } from '../../../src/sync/context.js';
import { createDriftLog } from '../../../src/sync/drift-log.js';
import { createRunRecorder, WaitingConfirmations } from '../../../src/sync/run-recorder.js';
import {
  isOverflowing,
  type Listing,
  listAllPages,
  listFirstPage,
} from '../../../src/sync/window/list-window.js';
import { type Reply, startUpstream, type UpstreamServer } from '../../support/upstream-server.js';

const STREAM: Stream = { integration: 'default', resource: 'threats', filterKey: 'latestTimeRemediated' };
const WINDOW = { from: '2026-03-01T00:00:00.000Z', to: '2026-03-01T00:01:00.000Z' };
const PAGE = 2;

let server: UpstreamServer;
let client: AbnormalClient;
let store: HistoryStore;
let pass: Pass;

beforeEach(async () => {
  server = await startUpstream();
  store = await openStore('sqlite::memory:', 'write');
  const clock = Date.now;
  const log = pino({ level: 'silent' });
  client = createAbnormalClient({
    baseUrl: server.baseUrl,
    token: () => 'token',
    budget: createBudget({ rpm: 100_000, concurrency: 4, clock }),
    timeoutMs: 5_000,
    clock,
    log,
  });
  const account = { name: 'default', origin: 'SIMULATED', baseUrl: server.baseUrl, client } as const;
  const env = {
    store,
    settings: DEFAULT_SYNC_SETTINGS,
    clock,
    log,
    newId: () => 'run',
    activeRuns: new Set<string>(),
    confirmations: new WaitingConfirmations(),
    drift: createDriftLog({ store, log }),
  };
  const source = { account, resource: 'threats' } as const;
  pass = {
    ...env,
    ...source,
    recorder: createRunRecorder(env, source, { trigger: 'POLL', parameters: {} }),
    signal: new AbortController().signal,
    priority: 'poll',
    asOf: WINDOW.to,
    runIds: new Set(['run']),
    memory: newPassMemory(),
    maxAgeMs: null,
  };
});

afterEach(async () => {
  client.close();
  await store.close();
  await server.close();
});

/**
 * Serves rows two a page, cut by offset from what they are at the moment: the n-th request sees the n-th of
 * `moments`, those after the last see the last. `declares` gives the total, where one is given.
 */
function serve(moments: readonly string[], declares: ((rows: string) => number) | null = null): void {
  let asked = 0;
  const reply: Reply = (response, { query }) => {
    const rows = moments[Math.min(asked, moments.length - 1)] ?? '';
    asked += 1;
    const page = Number(query.get('pageNumber') ?? 1);
    const body = {
      threats: [...rows.slice((page - 1) * PAGE, page * PAGE)].map((threatId) => ({ threatId })),
      pageNumber: page,
      ...(rows.length > page * PAGE ? { nextPageNumber: page + 1 } : {}),
      ...(declares ? { total: declares(rows) } : {}),
    };
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(body));
  };
  server.on('/threats', reply);
}

async function listed(): Promise<Listing> {
  return listAllPages(pass, STREAM, WINDOW, await listFirstPage(pass, STREAM, WINDOW));
}

const idsOf = (listing: Listing) => [...listing.items.keys()].sort().join('');

describe('the pages of a window', () => {
  test('are read once if there is one', async () => {
    serve(['ab']);
    expect(await listed()).toMatchObject({ pages: 1, doubt: null, unusable: 0, declared: null });
    expect(server.requests).toHaveLength(1);
  });

  test('are read twice if there are several and nothing moves', async () => {
    serve(['abcde']);
    const listing = await listed();
    expect(idsOf(listing)).toBe('abcde');
    expect(listing).toMatchObject({ pages: 6, doubt: null });
  });

  test('contain a row that slips between two pages', async () => {
    // b leaves the window before the second page is cut, so that c moves onto the first
    serve(['abcd', 'acd']);
    const listing = await listed();
    expect(idsOf(listing)).toContain('c');
    expect(listing.doubt).toBeNull();
  });

  test('contain such a row even if the number of rows stays the same', async () => {
    serve(['abcd', 'acdy'], (rows) => rows.length);
    const listing = await listed();
    expect(idsOf(listing)).toBe('abcdy');
    expect(listing).toMatchObject({ doubt: null, declared: 4 });
  });

  test('count a row that moves to the next page once', async () => {
    serve(['bcde', 'abcde']);
    const listing = await listed();
    expect(idsOf(listing)).toBe('abcde');
    expect(listing.doubt).toBeNull();
  });

  test('are doubtful if rows keep moving, and do not block anything', async () => {
    serve(Array.from({ length: 100 }, (_, i) => `abcdefgh${String.fromCharCode(0x100 + i)}`.slice(i % 5)));
    const listing = await listed();
    expect(listing.doubt).toMatch(/moved/);
    expect(server.requests.length).toBeLessThan(40);
  });

  test('are doubtful if fewer rows are listed than declared', async () => {
    serve(['abc'], () => 5);
    expect((await listed()).doubt).toBe('declares 5 rows, lists 3');
    serve(['a'], () => 2);
    expect((await listed()).doubt).toBe('declares 2 rows, lists 1');
  });

  test('fail if a page leads back', async () => {
    const page = { threats: [{ threatId: 'a' }], pageNumber: 1, nextPageNumber: 1 };
    server.on('/threats', (response) => {
      response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(page));
    });
    await expect(listed()).rejects.toMatchObject({ code: 'PAGING' });
  });
});

describe('pages that always name a next one', () => {
  /** Serves these pages, each naming a next; the last serves all that follow. */
  function serveEndless(pageOf: (page: number) => readonly string[], total?: number): void {
    server.on('/threats', (response, { query }) => {
      const page = Number(query.get('pageNumber') ?? 1);
      const threats = pageOf(page).map((threatId) => ({ threatId }));
      const body = { threats, pageNumber: page, nextPageNumber: page + 1, ...(total ? { total } : {}) };
      response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(body));
    });
  }

  test('end at an empty page, without a doubt', async () => {
    serveEndless((page) => (page === 1 ? ['a', 'b'] : []));
    expect(await listed()).toMatchObject({ pages: 2, doubt: null });
    expect(server.requests).toHaveLength(2);
    serveEndless(() => []);
    expect((await listed()).items.size).toBe(0);
    expect(server.requests).toHaveLength(3);
  });

  test('fail after two pages without a new id', async () => {
    serveEndless(() => ['a', 'b']);
    await expect(listed()).rejects.toMatchObject({ code: 'PAGING' });
    expect(server.requests).toHaveLength(3);
  });

  test('fail when they list a page more than is declared', async () => {
    serveEndless((page) => [`a${page}`, `b${page}`], 5);
    await expect(listed()).rejects.toMatchObject({
      code: 'PAGING',
      message: expect.stringContaining('declares 5'),
    });
    expect(server.requests.length).toBeLessThanOrEqual(5);
  });

  test('fail in the end even when every page brings new ids', async () => {
    serveEndless((page) => [`a${page}`]);
    await expect(listed()).rejects.toMatchObject({ code: 'PAGING' });
    expect(server.requests.length).toBeLessThanOrEqual(500);
  }, 30_000);
});

describe('a first page', () => {
  const page = {
    items: [],
    page: 1,
    filter: '',
    fetchedAt: WINDOW.to,
    unusable: Array<string>(100).fill('{}'),
  };

  test.each([
    ['names a second', { nextPage: 2, total: null }, true],
    ['is full and says nothing of more', { nextPage: null, total: null }, true],
    ['is full and says that this is all', { nextPage: null, total: 100 }, false],
    ['is full and declares more', { nextPage: null, total: 101 }, true],
  ])('that %s shows whether the window has more rows', (_, rest, isMore) => {
    expect(isOverflowing({ ...page, ...rest }, 100)).toBe(isMore);
  });

  test.each([null, 2])(
    'that is not full does not show that the window has more rows (next page: %s)',
    (nextPage) => {
      expect(isOverflowing({ ...page, unusable: ['{}'], nextPage, total: null }, 100)).toBe(false);
    },
  );
});
