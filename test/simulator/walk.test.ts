import { afterEach, describe, expect, it } from 'vitest';
import type { TenantOptions } from '../../src/simulator/options.js';
import { canonicalJson } from '../../src/values/canonical-json.js';
import { HOUR, parseUpstreamTime, toMillis } from '../../src/values/instant.js';
import { type Harness, query, type Rows, SMALL, second, startHarness, stopAll } from './harness.js';

afterEach(stopAll);

type Json = Record<string, unknown>;

/** All rows of a resource, window by window and page by page, by id. */
async function listAll(
  { json }: Harness,
  path: string,
  key: string,
  rowsKey: string,
  idKey: string,
  until: number,
) {
  const rows = new Map<string, Json>();
  const width = 11 * HOUR;
  for (let from = toMillis(SMALL.from) - width; from < until; from += width) {
    for (let page: unknown = 1; typeof page === 'number'; ) {
      const paging = `&pageSize=13&pageNumber=${page}`;
      const body = await json(`${path}${query(key, second(from), second(from + width), paging)}`);
      for (const row of body[rowsKey] as Rows) rows.set(String(row[idKey]), row);
      page = body.nextPageNumber;
    }
  }
  return rows;
}

/** A threat with the messages of all pages, newest first, ties by id, none twice. */
async function wholeThreat({ get, json }: Harness, id: string): Promise<Json | null> {
  const reply = await get(`/threats/${id}`);
  if (reply.status === 404) return null;
  const messages = new Map<string, Json>();
  let rest: Json = {};
  let isGiven = false;
  for (let page: unknown = 1; typeof page === 'number'; ) {
    const {
      messages: found,
      pageNumber: _page,
      nextPageNumber,
      ...others
    } = await json(`/threats/${id}?pageNumber=${page}`);
    for (const message of (found ?? []) as Json[]) messages.set(String(message.abxMessageId), message);
    rest = others;
    isGiven ||= found !== undefined;
    page = nextPageNumber;
  }
  const time = (message: Json) => parseUpstreamTime(String(message.receivedTime)) ?? '';
  const sorted = [...messages.values()].sort((a, b) => {
    if (time(a) !== time(b)) return time(a) < time(b) ? 1 : -1;
    return String(a.abxMessageId) < String(b.abxMessageId) ? -1 : 1;
  });
  return isGiven ? { ...rest, messages: sorted } : rest;
}

async function walk(harness: Harness): Promise<Map<string, string>> {
  const { json, now } = harness;
  const held = new Map<string, string>();
  const threats = await listAll(harness, '/threats', 'receivedTime', 'threats', 'threatId', now);
  for (const id of threats.keys()) {
    const threat = await wholeThreat(harness, id);
    if (threat) held.set(`threat ${id}`, canonicalJson(threat));
  }
  const cases = await listAll(harness, '/cases', 'lastModifiedTime', 'cases', 'caseId', now);
  for (const [id, item] of cases)
    held.set(`case ${id}`, canonicalJson({ item, detail: await json(`/cases/${id}`) }));
  const campaigns = await listAll(
    harness,
    '/abusecampaigns',
    'lastReportedTime',
    'campaigns',
    'campaignId',
    now,
  );
  for (const id of campaigns.keys())
    held.set(`campaign ${id}`, canonicalJson(await json(`/abusecampaigns/${id}`)));
  return held;
}

const TENANTS: readonly [string, Partial<TenantOptions>][] = [
  ['usual', { seed: 1, threats: 400 }],
  [
    'odd',
    {
      seed: 'odd',
      threats: 250,
      shares: { missingThreats: 0.05, deletedThreats: 0.06, hugeThreats: 0.05, withoutMessages: 0.05 },
    },
  ],
  [
    'late and sampled',
    { seed: 3, threats: 300, detailMessages: 'sample', shares: { lateArrivals: 1, hugeThreats: 0.1 } },
  ],
];

describe('a walk through the API at a standing clock', () => {
  for (const [name, options] of TENANTS) {
    it.each(['2026-02-15T09:00:00.000Z', '2026-02-26T10:07:03.500Z', '2026-03-20T00:00:00.000Z'])(
      `returns exactly the true state of the ${name} tenant at %s`,
      async (at) => {
        const harness = await startHarness(options);
        harness.now = toMillis(at);
        const held = await walk(harness);
        const truth = new Map<string, string>();
        for (const { kind, id, payload } of harness.tenant.truth(at))
          truth.set(`${kind} ${id}`, canonicalJson(payload));
        expect([...held.keys()].sort()).toEqual([...truth.keys()].sort());
        expect(held).toEqual(truth);
      },
    );
  }
});
