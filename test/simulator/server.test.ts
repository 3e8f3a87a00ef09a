import { request } from 'node:http';
import { afterEach, describe, expect, it } from 'vitest';
import type { Tenant } from '../../src/simulator/tenant.js';
import { DAY, HOUR, MINUTE } from '../../src/values/instant.js';
import { NOW, parse, query, type Rows, SMALL, second, startHarness, stopAll } from './harness.js';

afterEach(stopAll);

const WEEK = query('receivedTime', '2026-02-20T00:00:00Z', '2026-02-27T00:00:00Z');
const HUGE = { shares: { hugeThreats: 1 } };

describe('the authorisation of the simulator', () => {
  it.each([{}, { authorization: 'Bearer wrong' }, { authorization: 'Basic simulated-token' }])(
    'refuses %j with status 401 and a message',
    async (headers) => {
      const { get } = await startHarness();
      for (const path of ['/threats', '/cases/1', '/nowhere']) {
        const reply = await get(path, headers as Record<string, string>);
        expect(reply.status).toBe(401);
        expect(parse(reply.text).message).toMatch(/could not verify that you are authorized/);
      }
    },
  );

  it('accepts the configured token', async () => {
    const { get } = await startHarness({}, { token: 's3cret' });
    expect((await get('/threats')).status).toBe(200);
    expect((await get('/threats', { authorization: 'Bearer simulated-token' })).status).toBe(401);
  });
});

describe('a list without a filter', () => {
  it('has a hundred rows, ignores paging, and has no page numbers', async () => {
    const { json } = await startHarness();
    for (const path of ['/threats', '/threats?pageSize=5&pageNumber=2']) {
      const body = await json(path);
      expect(body.threats).toHaveLength(100);
      expect(body).not.toHaveProperty('pageNumber');
      expect(body).not.toHaveProperty('nextPageNumber');
      expect(body.total).toBe(100);
    }
  });

  it('is also returned for a filter with a repeated parameter name', async () => {
    const { json } = await startHarness();
    const doubled = encodeURIComponent('filter=receivedTime gte 2026-02-20T00:00:00Z');
    expect(await json(`/threats?filter=${doubled}&pageSize=3`)).toEqual(await json('/threats'));
  });

  it('of campaigns contains those reported in the last day', async () => {
    const { json, tenant } = await startHarness({ campaigns: 4000 });
    const body = await json('/abusecampaigns');
    const rows = body.campaigns as Rows;
    expect(rows.length).toBeGreaterThan(50);
    expect(rows.length).toBeLessThanOrEqual(100);
    for (const { campaignId } of rows) {
      const index = tenant.indexOf('campaign', String(campaignId));
      expect(Math.abs(Number(index) - 2000)).toBeLessThan(1000);
    }
    expect(body).not.toHaveProperty('total');
  });
});

describe('a list filter', () => {
  it.each([
    ['/threats', 'receivedTime'],
    ['/threats', 'lastModifiedTime gte 2026-02-20T00:00:00Z'],
    ['/threats', 'receivedTime after 2026-02-20T00:00:00Z'],
    ['/threats', 'receivedTime gte 2026-02-20'],
    ['/threats', 'receivedTime gte 2026-02-20T00:00:00+00:00'],
    ['/threats', 'receivedTime gte 2026-13-20T00:00:00Z'],
    ['/threats', 'receivedTime gte 2026-02-20T00:00:00Z and latestTimeRemediated lte 2026-02-21T00:00:00Z'],
    ['/threats', 'receivedTime gte 2026-02-20T00:00:00Z lte 2026-02-21T00:00:00Z lte 2026-02-21T00:00:00Z'],
    ['/cases', 'receivedTime gte 2026-02-20T00:00:00Z'],
    ['/abusecampaigns', 'lastModifiedTime gte 2026-02-20T00:00:00Z'],
    ['/threats', ''],
  ])('%s with %j gets status 404 and a message', async (path, filter) => {
    const { get } = await startHarness();
    const reply = await get(`${path}?filter=${encodeURIComponent(filter)}`);
    expect(reply.status).toBe(404);
    expect(parse(reply.text).message).toEqual(expect.any(String));
  });

  it('can have its ends in either order, only one end, or an `and` between', async () => {
    const { json } = await startHarness();
    const asked = (filter: string) => json(`/threats?pageSize=1000&filter=${encodeURIComponent(filter)}`);
    const [from, to] = ['2026-02-20T00:00:00Z', '2026-02-21T00:00:00Z'];
    const both = await asked(`receivedTime gte ${from} lte ${to}`);
    expect(both.threats).not.toHaveLength(0);
    expect(await asked(`receivedTime lte ${to} gte ${from}`)).toEqual(both);
    expect(await asked(`receivedTime gte ${from} and receivedTime lte ${to}`)).toEqual(both);
    const [after, before] = [await asked(`receivedTime gte ${from}`), await asked(`receivedTime lte ${to}`)];
    expect(Number(after.total)).toBeGreaterThan(Number(both.total));
    expect(Number(before.total)).toBeGreaterThan(Number(both.total));
    // threats received on both sides of a boundary are in both
    const all = await asked('receivedTime lte 2026-03-02T00:00:00Z');
    expect(
      new Set([...(after.threats as Rows), ...(before.threats as Rows)].map((row) => row.threatId)).size,
    ).toBe(all.total);
  });

  it('with a second `gte` uses the second one', async () => {
    const { json } = await startHarness();
    const twice = 'receivedTime gte 2026-02-20T00:00:00Z gte 2026-02-27T00:00:00Z';
    const later = 'receivedTime gte 2026-02-27T00:00:00Z';
    expect(await json(`/threats?filter=${encodeURIComponent(twice)}`)).toEqual(
      await json(`/threats?filter=${encodeURIComponent(later)}`),
    );
  });

  it('excludes `lte` for threats, whose ends are rounded down to seconds, and includes it for others', async () => {
    const { json, tenant } = await startHarness();
    const received = receivedTimeOf(tenant.versions('threat', 100)[0]?.payload);
    const id = tenant.idOf('threat', 100);
    const has = async (from: string, to: string) =>
      ((await json(`/threats${query('receivedTime', from, to, '&pageSize=999')}`)).threats as Rows).some(
        (row) => row.threatId === id,
      );
    const [before, after] = [second(Date.parse(received) - 1000), second(Date.parse(received) + 1000)];
    expect(await has(received, after)).toBe(true);
    expect(await has(before, received)).toBe(false);
    expect(await has(before, received.replace('Z', '.999Z'))).toBe(false);
    expect(await has(received.replace('Z', '.999Z'), after)).toBe(true);

    const index =
      Array.from({ length: 60 }, (_, place) => place).find((place) => isReportedOnce(tenant, place)) ?? 0;
    const at = second(Date.parse(reportsOf(tenant, index)[0] ?? ''));
    const ending = await json(
      `/abusecampaigns${query('lastReportedTime', second(Date.parse(at) - 1000), at)}`,
    );
    expect(ending.campaigns).toContainEqual({ campaignId: tenant.idOf('campaign', index) });
    const starting = await json(`/abusecampaigns${query('lastReportedTime', at, at)}`);
    expect(starting.campaigns).toContainEqual({ campaignId: tenant.idOf('campaign', index) });
  });
});

function reportsOf(tenant: Tenant, index: number): string[] {
  return tenant
    .versions('campaign', index)
    .map(({ payload }) => (payload as { lastReported: string }).lastReported);
}

function isReportedOnce(tenant: Tenant, index: number): boolean {
  return new Set(reportsOf(tenant, index)).size === 1;
}

function receivedTimeOf(payload: unknown): string {
  return (payload as { messages: [{ receivedTime: string }] }).messages[0].receivedTime;
}

describe('the pages of a window', () => {
  it('have no gaps or repetitions while nothing changes', async () => {
    const { json } = await startHarness();
    const whole = (await json(`/threats${WEEK}&pageSize=1000`)).threats as Rows;
    expect(whole.length).toBeGreaterThan(100);
    const walked: Rows = [];
    for (let page: unknown = 1; typeof page === 'number'; ) {
      const body = await json(`/threats${WEEK}&pageSize=30&pageNumber=${page}`);
      expect(body.pageNumber).toBe(page);
      expect(body.total).toBe(whole.length);
      walked.push(...(body.threats as Rows));
      const next = body.nextPageNumber;
      expect(next ?? Number(page) + 1).toBe(Number(page) + 1);
      page = next;
    }
    expect(walked).toEqual(whole);
  });

  it('end with the last row, even if it fills its page', async () => {
    const { json } = await startHarness();
    const { total } = await json(`/threats${WEEK}&pageSize=1`);
    for (const [size, isMore] of [
      [Number(total), false],
      [Number(total) - 1, true],
    ] as const) {
      const body = await json(`/threats${WEEK}&pageSize=${size}`);
      expect(body.threats).toHaveLength(size);
      expect(body.nextPageNumber ?? null).toBe(isMore ? 2 : null);
    }
  });

  it('have 100 rows by default, and none after the last', async () => {
    const { json } = await startHarness();
    expect((await json(`/threats${WEEK}`)).threats).toHaveLength(100);
    const beyond = await json(`/threats${WEEK}&pageNumber=99`);
    expect(beyond.threats).toEqual([]);
    expect(beyond.nextPageNumber ?? null).toBeNull();
  });

  it('end without nextPageNumber, and sometimes with null', async () => {
    const { json } = await startHarness();
    const ends = new Set<unknown>();
    for (let day = 15; day < 28; day++) {
      const body = await json(
        `/threats${query('receivedTime', `2026-02-${day}T00:00:00Z`, `2026-02-${day + 1}T00:00:00Z`)}`,
      );
      ends.add(body.nextPageNumber);
    }
    expect(ends).toEqual(new Set([undefined, null]));
  });

  it('shift when data changes, so that offset paging can miss a row', async () => {
    const harness = await startHarness({ threats: 20_000 });
    const path = `/threats${query('latestTimeRemediated', '2026-02-20T00:00:00Z', '2026-03-05T00:00:00Z', '&pageSize=500')}`;
    const first = (await harness.json(path)).threats as Rows;
    harness.now += 6 * HOUR;
    const again = (await harness.json(path)).threats as Rows;
    expect(again).not.toEqual(first);
  });

  it.each(['pageSize=0', 'pageSize=x', 'pageNumber=0', 'pageNumber=1.5'])(
    'are refused for %s',
    async (bad) => {
      const { get } = await startHarness();
      expect((await get(`/threats${WEEK}&${bad}`)).status).toBe(400);
    },
  );
});

describe('the items of a list', () => {
  it('are only ids for threats and campaigns, and more for cases', async () => {
    const { json } = await startHarness();
    const [threat] = (await json(`/threats${WEEK}`)).threats as Rows;
    expect(Object.keys(threat ?? {})).toEqual(['threatId']);
    const campaigns = await json(
      `/abusecampaigns${query('lastReportedTime', '2026-02-20T00:00:00Z', '2026-02-27T00:00:00Z')}`,
    );
    expect(Object.keys((campaigns.campaigns as Rows)[0] ?? {})).toEqual(['campaignId']);
    const cases = await json(
      `/cases${query('lastModifiedTime', '2026-02-20T00:00:00Z', '2026-02-27T00:00:00Z')}`,
    );
    expect(Object.keys((cases.cases as Rows)[0] ?? {})).toEqual(
      expect.arrayContaining(['caseId', 'description', 'last_modified']),
    );
    expect(cases.total).toBe((cases.cases as Rows).length);
    expect(campaigns).not.toHaveProperty('total');
  });

  it('appear as the clock advances, some up to 14 minutes late', async () => {
    const harness = await startHarness({ threats: 5000, shares: { lateArrivals: 0.5 } });
    const hour = query('receivedTime', '2026-03-02T09:00:00Z', '2026-03-02T10:00:00Z', '&pageSize=1000');
    const totalAt = async (time: string) => {
      harness.now = Date.parse(time);
      return Number((await harness.json(`/threats${hour}`)).total);
    };
    expect(await totalAt('2026-03-02T09:00:00Z')).toBe(0);
    const atEnd = await totalAt('2026-03-02T10:00:00Z');
    const settled = await totalAt('2026-03-02T10:15:00Z');
    expect(atEnd).toBeGreaterThan(0);
    expect(settled).toBeGreaterThan(atEnd);
    expect(await totalAt('2026-03-02T12:00:00Z')).toBe(settled);
  });
});

describe('a detail', () => {
  it('of an unknown record gets status 404 and a message', async () => {
    const { get, tenant } = await startHarness();
    const future = tenant.idOf('threat', SMALL.threats - 1);
    for (const path of [
      '/threats/x',
      `/threats/${future}`,
      '/cases/1',
      '/abusecampaigns/x',
      '/cases/1/analysis',
      '/threats/x/links',
    ]) {
      const reply = await get(path);
      expect(reply.status, path).toBe(404);
      expect(parse(reply.text).message).toMatch(/does not exist/);
    }
  });

  it('has abxMessageId as a bare number with all digits', async () => {
    const { get, tenant } = await startHarness({
      shares: { withoutIdText: 0, withoutMessages: 0, missingThreats: 0 },
    });
    const { text } = await get(`/threats/${tenant.idOf('threat', 5)}`);
    const [, number, string] = /"abxMessageId":(-?\d+),"abxMessageIdStr":"(-?\d+)"/.exec(text) ?? [];
    expect(number).toBeDefined();
    expect(number).toBe(string);
  });

  it('has pages of a hundred messages, newest first', async () => {
    const { json, tenant } = await startHarness(HUGE);
    const id = tenant.idOf('threat', 20);
    const all = ((tenant.versions('threat', 20).at(-1)?.payload as { messages: unknown[] }) ?? []).messages;
    const first = await json(`/threats/${id}`);
    expect(all.length).toBeGreaterThan(100);
    expect(first.messages).toHaveLength(100);
    expect([first.pageNumber, first.nextPageNumber]).toEqual([1, 2]);
    const pages = Math.ceil(all.length / 100);
    const last = await json(`/threats/${id}?pageNumber=${pages}`);
    expect(last.messages).toHaveLength(all.length - (pages - 1) * 100);
    expect(last).not.toHaveProperty('nextPageNumber');
    const times = (first.messages as { receivedTime: string }[]).map((message) => message.receivedTime);
    expect(times).toEqual([...times].sort().reverse());
    expect((await json(`/threats/${id}?pageSize=7`)).messages).toHaveLength(7);
  });

  it('has ten messages and ignores paging in some accounts', async () => {
    const { json, tenant } = await startHarness({ ...HUGE, detailMessages: 'sample' });
    const id = tenant.idOf('threat', 20);
    const first = await json(`/threats/${id}`);
    expect(first.messages).toHaveLength(10);
    expect(Number(first.recipientCount)).toBeGreaterThan(100);
    expect(first).not.toHaveProperty('pageNumber');
    expect(first).not.toHaveProperty('nextPageNumber');
    expect(await json(`/threats/${id}?pageNumber=2&pageSize=3`)).toEqual(first);
  });

  it('has analysis, attachments and links at paths of their own', async () => {
    const { json, tenant } = await startHarness({ ...HUGE, threats: 30 });
    const analysis = await json(`/cases/${tenant.idOf('case', 3)}/analysis`);
    expect(analysis.insights).not.toHaveLength(0);
    expect((analysis.eventTimeline as unknown[]).length).toBeGreaterThan(1);
    const threat = `/threats/${tenant.idOf('threat', 3)}`;
    const messages = (await json(`${threat}?pageSize=999`)).messages as Record<string, unknown>[];
    const ids = new Set(messages.map((message) => message.abxMessageId));
    for (const part of ['attachments', 'links']) {
      const rows = (await json(`${threat}/${part}`))[part] as Record<string, unknown>[];
      expect(rows.length).toBeGreaterThan(10);
      for (const row of rows) expect(ids).toContain(row.abxMessageId);
    }
  });
});

describe('the paths of the simulator', () => {
  it('serve campaigns only under /abusecampaigns', async () => {
    const { get } = await startHarness();
    expect((await get('/abusecampaigns')).status).toBe(200);
    for (const path of [
      '/abuse-mailbox/campaigns',
      '/campaigns',
      '/abusecampaigns/',
      '/threats/x/messages',
      '/',
      '/abusecampaignsx',
    ]) {
      expect((await get(path)).status, path).toBe(404);
    }
  });

  it('can be the other way round, or have no campaigns', async () => {
    const other = await startHarness({}, { campaignsPath: '/abuse-mailbox/campaigns' });
    const id = other.tenant.idOf('campaign', 3);
    expect((await other.get('/abusecampaigns')).status).toBe(404);
    expect((await other.get('/abuse-mailbox/campaigns')).status).toBe(200);
    expect((await other.get(`/abuse-mailbox/campaigns/${id}`)).status).toBe(200);
    const none = await startHarness({}, { campaignsPath: 'none' });
    expect((await none.get('/abusecampaigns')).status).toBe(404);
    expect((await none.get('/abuse-mailbox/campaigns')).status).toBe(404);
  });

  it('are read-only', async () => {
    const { simulator } = await startHarness();
    const status = await new Promise((resolve, reject) => {
      const headers = { authorization: `Bearer ${simulator.token}` };
      const post = request(`${simulator.baseUrl}/threats/x`, { method: 'POST', headers }, (response) => {
        response.resume();
        resolve(response.statusCode);
      });
      post.on('error', reject).end('{"action":"remediate"}');
    });
    expect(status).toBe(405);
  });
});

describe('the retention of the simulator', () => {
  it('refuses windows that begin too early with 400, by the clock', async () => {
    const harness = await startHarness({}, { retentionDays: 5 });
    const from = Date.parse(NOW) - 5 * DAY;
    const path = (at: number) => `/threats${query('receivedTime', second(at), '2026-03-01T00:00:00Z')}`;
    expect((await harness.get(path(from))).status).toBe(200);
    const reply = await harness.get(path(from - 1000));
    expect(reply.status).toBe(400);
    expect(parse(reply.text).message).toMatch(/retention/);
    harness.now += MINUTE;
    expect((await harness.get(path(from))).status).toBe(400);
  });
});

describe('a simulated tenant', () => {
  it('gives the same bytes for the same seed and clock, including headers', async () => {
    const [one, two] = [await startHarness(), await startHarness()];
    const paths = [
      '/threats',
      `/threats${WEEK}`,
      '/cases',
      '/abusecampaigns',
      `/threats/${one.tenant.idOf('threat', 9)}`,
      '/x',
    ];
    for (const path of paths) expect(await two.get(path)).toEqual(await one.get(path));
  });
});
