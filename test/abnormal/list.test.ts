import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { FilterKey, Resource } from '../../src/resources/registry.js';
import { json, type Reply, raw } from '../support/upstream-server.js';
import { type Harness, POLL, startHarness, upstreamError, WINDOW } from './harness.js';

let h: Harness;

beforeEach(async () => {
  h = await startHarness();
});

afterEach(() => h.close());

const threats = (page = 1) => h.client.list('threats', 'receivedTime', WINDOW, page, POLL);

describe('a list request', () => {
  test.each<[Resource, FilterKey, string]>([
    ['threats', 'receivedTime', '/threats'],
    ['threats', 'latestTimeRemediated', '/threats'],
    ['cases', 'lastModifiedTime', '/cases'],
    ['campaigns', 'lastReportedTime', '/abusecampaigns'],
  ])(
    'asks for %s by %s with the window as filter, the page number and 100 rows',
    async (resource, key, path) => {
      h.server.on(path, json({ [resource]: [], pageNumber: 3 }));
      const filter = `${key} gte 2026-02-01T00:00:00Z lte 2026-02-02T00:00:00Z`;
      expect((await h.client.list(resource, key, WINDOW, 3, POLL)).filter).toBe(filter);
      expect(Object.fromEntries(h.server.requests[0]?.query ?? [])).toEqual({
        filter,
        pageSize: '100',
        pageNumber: '3',
      });
    },
  );

  test('rounds the end of a window up to the full second', async () => {
    h.server.on('/threats', json({ threats: [] }));
    const window = { from: '2026-02-01T00:00:00.900Z', to: '2026-02-01T00:00:01.001Z' };
    const { filter } = await h.client.list('threats', 'receivedTime', window, 1, POLL);
    expect(filter).toBe('receivedTime gte 2026-02-01T00:00:00Z lte 2026-02-01T00:00:02Z');
  });
});

describe('the pages of a list', () => {
  test.each<[string, Record<string, unknown>, number, number | null]>([
    ['the next page as a number', { pageNumber: 1, nextPageNumber: 2 }, 1, 2],
    ['the next page as text', { pageNumber: '4', nextPageNumber: '5' }, 4, 5],
    ['no next page', { pageNumber: 1 }, 1, null],
    ['a next page of null', { pageNumber: 2, nextPageNumber: null }, 2, null],
    ['a blank next page', { nextPageNumber: '' }, 2, null],
    ['no page number at all', { nextPageNumber: 2 }, 1, 2],
  ])('are recognised from %s', async (_name, paging, page, nextPage) => {
    h.server.on('/threats', json({ threats: [{ threatId: 'a' }], ...paging }));
    expect(await threats(page)).toMatchObject({ page, nextPage });
  });

  test.each<[string, Record<string, unknown>, number]>([
    ['a page that names itself as the next', { pageNumber: 2, nextPageNumber: 2 }, 2],
    ['a page that leads back', { pageNumber: 3, nextPageNumber: 1 }, 3],
    ['a page that leads past one', { pageNumber: 1, nextPageNumber: 3 }, 1],
    ['a page other than was asked for', { pageNumber: 1, nextPageNumber: 4 }, 3],
    ['a next page that is no number', { pageNumber: 1, nextPageNumber: 'more' }, 1],
    ['a next page of zero', { pageNumber: 1, nextPageNumber: 0 }, 1],
    ['a next page in an object', { pageNumber: 1, nextPageNumber: { page: 2 } }, 1],
    ['a next page between two', { pageNumber: 1, nextPageNumber: 1.5 }, 1],
  ])(
    'fail with an error, instead of a loop or an end, when the response is %s',
    async (_name, paging, page) => {
      h.server.on('/threats', json({ threats: [{ threatId: 'a' }], ...paging }));
      const error = await upstreamError(threats(page));
      expect(error).toMatchObject({ code: 'PAGING', status: 200 });
      expect(error.body).toContain('threatId');
    },
  );

  test('fail with a paging error, not a filter error, when a further page is missing', async () => {
    expect(await upstreamError(threats(2))).toMatchObject({ code: 'PAGING', status: 404 });
    expect(h.server.requests).toHaveLength(1);
  });

  test.each<[unknown, number | null]>([
    [0, 0],
    [1063, 1063],
    ['12', 12],
    [undefined, null],
    [null, null],
    [-1, null],
    [1.5, null],
    ['many', null],
    [{}, null],
  ])('declare a total of %j, which is read as %j', async (total, read) => {
    h.server.on('/threats', json({ threats: [], total }));
    expect((await threats()).total).toBe(read);
  });
});

describe('list items', () => {
  test('have their ids as text, whatever type was sent', async () => {
    h.server.on(
      '/cases',
      raw(
        '{"cases":[{"caseId":11151468},{"caseId":"12805"},{"caseId":9223372036854775807},{"caseId":-5}],"pageNumber":1}',
      ),
    );
    const { items } = await h.client.list('cases', 'lastModifiedTime', WINDOW, 1, POLL);
    expect(items.map((item) => item.id)).toEqual(['11151468', '12805', '9223372036854775807', '-5']);
  });

  test('of cases keep all their fields and their time of last modification', async () => {
    const items = [
      {
        caseId: 31,
        description: 'Sign-in from two places at once',
        severity_level: 'HIGH',
        confidence: 'LOW',
        last_modified: '2026-02-01T10:20:30.123456+00:00',
        first_observed: '2026-01-30T00:00:00Z',
        created: '2026-01-31 01:02:03+00:00',
        tenant: null,
        something_new: { nested: [1, 2] },
      },
      { caseId: '32', severity: 'Potential Account Takeover' },
      { caseId: 33, last_modified: 'yesterday' },
    ];
    h.server.on('/cases', json({ cases: items, pageNumber: 1, total: 3 }));
    const page = await h.client.list('cases', 'lastModifiedTime', WINDOW, 1, POLL);
    expect(page.items.map(({ item }) => item)).toEqual(items);
    expect(page.items.map(({ lastModifiedTime }) => lastModifiedTime)).toEqual([
      '2026-02-01T10:20:30.123Z',
      null,
      null,
    ]);
  });

  test('without a usable id are quarantined and do not affect the others', async () => {
    const bad = [
      {},
      { threatId: null },
      { threatId: '' },
      { threatId: 'null' },
      { threatId: '..' },
      { threatId: ' a' },
      { threatId: 'a\u0000b' },
      { threatId: 'x'.repeat(257) },
      { threatId: 1.5 },
      { threatId: ['a'] },
      { threatID: 'a' },
      'a',
      7,
      null,
      ['a'],
    ];
    h.server.on('/threats', json({ threats: [{ threatId: 'good-1' }, ...bad, { threatId: 'good-2' }] }));
    const { items, unusable } = await threats();
    expect(items.map((item) => item.id)).toEqual(['good-1', 'good-2']);
    expect(unusable.map((text) => JSON.parse(text))).toEqual(bad);
  });
});

describe('a response that is not a list', () => {
  test.each<[string, Reply]>([
    ['an error under 200', json({ message: 'An error occurred' })],
    ['the list of something else', json({ cases: [], pageNumber: 1 })],
    ['a collection of null', json({ threats: null })],
    ['a collection that is an object', json({ threats: { 0: { threatId: 'a' } } })],
    ['a bare list', json([{ threatId: 'a' }])],
    ['null', json(null)],
    ['HTML', raw('<html><title>Sign in</title></html>', 200, { 'content-type': 'text/html' })],
  ])('(%s) is never taken for an empty list', async (_name, reply) => {
    h.server.on('/threats', reply);
    const error = await upstreamError(threats());
    expect(error).toMatchObject({ code: 'BAD_BODY', status: 200 });
    expect(error.body).not.toBe('');
    expect(h.server.requests).toHaveLength(1);
  });
});

/** Answers 404 to a list with a filter, and this to one without. */
const pickyList =
  (withoutFilter: Reply): Reply =>
  (response, request) =>
    (request.query.has('filter') ? json({ message: 'Invalid filter' }, 404) : withoutFilter)(
      response,
      request,
    );

describe('a 404 for a list', () => {
  test('means a bad filter when the list answers without a filter', async () => {
    h.server.on('/threats', pickyList(json({ threats: [] })));
    const error = await upstreamError(threats());
    expect(error).toMatchObject({ code: 'BAD_FILTER', status: 404, body: '{"message":"Invalid filter"}' });
    expect(h.server.requests.map((request) => request.query.has('filter'))).toEqual([true, false]);
  });

  test('means that the resource is not enabled when the list fails without a filter too', async () => {
    expect(await upstreamError(threats())).toMatchObject({ code: 'NOT_ENABLED', status: 404 });
    expect(h.server.requests).toHaveLength(2);
  });

  test('has the meaning of the response to the request without a filter, if that is another refusal', async () => {
    h.server.on('/threats', pickyList(json({ message: 'address not allowed' }, 403)));
    expect(await upstreamError(threats())).toMatchObject({ code: 'FORBIDDEN', status: 403 });
  });
});

describe('the two paths of campaigns', () => {
  const campaigns = () => h.client.list('campaigns', 'lastReportedTime', WINDOW, 1, POLL);
  const campaign = (id: string) => h.client.detail('campaign', id, null, POLL);
  const paths = () => h.server.requests.map((request) => request.path);

  test('the first path is used if it exists', async () => {
    h.server.on('/abusecampaigns', json({ campaigns: [{ campaignId: 'c1' }] }));
    h.server.on('/abusecampaigns/c1', json({ campaignId: 'c1' }));
    await campaigns();
    await campaign('c1');
    expect(paths()).toEqual(['/abusecampaigns', '/abusecampaigns/c1']);
  });

  test('the second path is found if the first does not exist, and is remembered', async () => {
    h.server.on('/abuse-mailbox/campaigns', json({ campaigns: [{ campaignId: 'c1' }] }));
    h.server.on('/abuse-mailbox/campaigns/c1', json({ campaignId: 'c1' }));
    await campaigns();
    await campaigns();
    await campaign('c1');
    expect(paths()).toEqual([
      '/abusecampaigns',
      '/abuse-mailbox/campaigns',
      '/abuse-mailbox/campaigns',
      '/abuse-mailbox/campaigns/c1',
    ]);
  });

  test('a detail request finds the second path too', async () => {
    h.server.on('/abuse-mailbox/campaigns/c1', json({ campaignId: 'c1' }));
    await campaign('c1');
    expect(paths()).toEqual(['/abusecampaigns/c1', '/abuse-mailbox/campaigns/c1']);
  });

  test('the add-on is not enabled if neither path exists', async () => {
    const error = await upstreamError(campaigns());
    expect(error).toMatchObject({ code: 'NOT_ENABLED', status: 404 });
    expect(error.message).toMatch(/add-on is not enabled.*AI Security Mailbox/s);
  });

  test('a missing add-on does not mark a campaign as gone', async () => {
    expect(await upstreamError(campaign('c1'))).toMatchObject({ code: 'NOT_ENABLED' });
  });

  test('a campaign that is missing from an existing mailbox is gone', async () => {
    h.server.on('/abusecampaigns', json({ campaigns: [] }));
    expect(await upstreamError(campaign('c1'))).toMatchObject({ code: 'NOT_FOUND' });
    expect(await upstreamError(campaign('c2'))).toMatchObject({ code: 'NOT_FOUND' });
    expect(paths()).toEqual([
      '/abusecampaigns/c1',
      '/abuse-mailbox/campaigns/c1',
      '/abusecampaigns',
      '/abusecampaigns/c2',
    ]);
  });

  test('an add-on that is enabled later is found without a restart', async () => {
    await upstreamError(campaigns());
    h.server.on('/abusecampaigns', json({ campaigns: [] }));
    expect((await campaigns()).items).toEqual([]);
  });

  test('a bad filter is not mistaken for a missing add-on', async () => {
    h.server.on('/abusecampaigns', pickyList(json({ campaigns: [] })));
    expect(await upstreamError(campaigns())).toMatchObject({ code: 'BAD_FILTER' });
  });
});
