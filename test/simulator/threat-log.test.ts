import { afterEach, describe, expect, it } from 'vitest';
import { DAY, HOUR, toMillis } from '../../src/values/instant.js';
import { type Harness, NOW, parse, query, type Rows, second, startHarness, stopAll } from './harness.js';

afterEach(stopAll);

const PATH = '/threats_export/csv';
const START = second(toMillis(NOW) - 14 * DAY);
const END = second(toMillis(NOW));

async function csvOf(harness: Harness, from = START, to = END): Promise<string[][]> {
  const { status, headers, text } = await harness.get(
    `${PATH}${query('receivedTime', from, to, '&format=csv')}`,
  );
  expect([status, headers['content-type']]).toEqual([200, 'text/csv']);
  // no cell of the simulator's has a line break or a comma in it
  return text
    .trimEnd()
    .split('\r\n')
    .map((line) => line.split(','));
}

function column(rows: readonly string[][], name: string): string[] {
  const place = rows[0]?.indexOf(name) ?? -1;
  expect(place).toBeGreaterThanOrEqual(0);
  return rows.slice(1).map((cells) => cells[place] ?? '');
}

async function listed(harness: Harness, from: string, to: string): Promise<string[]> {
  const ids: string[] = [];
  for (let page = 1; ; page++) {
    const body = await harness.json(`/threats${query('receivedTime', from, to, `&pageNumber=${page}`)}`);
    ids.push(...(body.threats as Rows).map(({ threatId }) => String(threatId)));
    if (!body.nextPageNumber) return ids;
  }
}

describe('the export of the threat log', () => {
  it('names the threats of the list, including those without a detail', async () => {
    const harness = await startHarness({ shares: { missingThreats: 0.05, withoutMessages: 0.05 } });
    const ids = new Set(column(await csvOf(harness), 'Threat ID'));
    expect([...ids].sort()).toEqual((await listed(harness, START, END)).sort());
    expect(ids.size).toBeGreaterThan(200);
  });

  it('contains the messages of the details, each in the window of its own time', async () => {
    const harness = await startHarness({
      shares: { missingThreats: 0, withoutMessages: 0, deletedThreats: 0 },
    });
    const [from, to] = [second(toMillis(NOW) - 3 * DAY), second(toMillis(NOW) - DAY)];
    const rows = await csvOf(harness, from, to);
    const wanted: string[] = [];
    for (const { kind, payload } of harness.tenant.truth(NOW)) {
      if (kind !== 'threat') continue;
      const { threatId, messages } = payload as { threatId: string; messages: Record<string, string>[] };
      for (const { receivedTime = '', abxMessageId, subject } of messages) {
        if (receivedTime >= from && receivedTime < to)
          wanted.push(`${threatId} ${receivedTime} ${abxMessageId} ${subject}`);
      }
    }
    const ids = column(rows, 'Threat ID');
    const dates = column(rows, 'Date');
    const messages = column(rows, 'Abnormal Message ID');
    const subjects = column(rows, 'Subject');
    const found = ids.map((id, index) => `${id} ${dates[index]} ${messages[index]} ${subjects[index]}`);
    expect(found.sort()).toEqual(wanted.sort());
    expect(wanted.length).toBeGreaterThan(50);
  });

  it('shows what is visible now, newest first', async () => {
    const harness = await startHarness({ threats: 9_000, shares: { lateArrivals: 1 } });
    const from = second(toMillis(NOW) - HOUR);
    const before = await csvOf(harness, from);
    const dates = column(before, 'Date');
    expect(dates).toEqual(dates.toSorted().toReversed());
    harness.now += HOUR;
    const after = await csvOf(harness, from);
    expect(after).toEqual(
      expect.arrayContaining(before.map((cells) => expect.arrayContaining(cells.slice(0, 5)))),
    );
    expect(after.length).toBeGreaterThan(before.length);
  });

  it('is JSON unless CSV is requested, in one of two ways', async () => {
    const harness = await startHarness();
    const token = { authorization: `Bearer ${harness.simulator.token}` };
    const path = `${PATH}${query('receivedTime', START, END)}`;
    const typeOf = async (rest: string, accept: string) =>
      (await harness.get(`${path}${rest}`, { ...token, accept })).headers['content-type'];
    expect(await typeOf('', '*/*')).toBe('application/json');
    expect(await typeOf('', 'text/csv')).toBe('text/csv');
    expect(await typeOf('&format=csv', 'application/json')).toBe('text/csv');
    expect(await typeOf('&format=json', 'text/csv')).toBe('application/json');
    const rows = parse((await harness.get(path)).text) as unknown as Rows;
    expect(rows.map((row) => row['Threat ID'])).toEqual(column(await csvOf(harness), 'Threat ID'));
  });

  it('keeps every digit of a message id in JSON too', async () => {
    const harness = await startHarness();
    const { text } = await harness.get(`${PATH}${query('receivedTime', START, END)}`);
    const digits = [...text.matchAll(/"Abnormal Message ID":(-?\d+)/g)].map(([, id]) => id);
    expect(digits).toEqual(column(await csvOf(harness), 'Abnormal Message ID'));
  });

  it('covers at most fourteen days, the same with one end missing, and yesterday without a filter', async () => {
    const harness = await startHarness();
    const wide = query('receivedTime', second(toMillis(START) - 1000), END);
    expect((await harness.get(`${PATH}${wide}`)).status).toBe(400);
    const datesOf = async (rest: string) => {
      const rows = parse((await harness.get(`${PATH}${rest}`)).text) as unknown as Rows;
      return rows.map((row) => String(row.Date));
    };
    const from = second(toMillis(NOW) - 2 * DAY);
    const day = await datesOf(`?filter=${encodeURIComponent(`receivedTime gte ${from}`)}`);
    expect(day.length).toBeGreaterThan(0);
    expect(day.every((date) => date >= from && date < second(toMillis(NOW) - DAY))).toBe(true);
    const latest = await datesOf('');
    expect(latest.length).toBeGreaterThan(0);
    expect(latest.every((date) => date >= second(toMillis(NOW) - DAY))).toBe(true);
  });

  it('refuses other keys, invalid filters, and time out of retention', async () => {
    const harness = await startHarness({}, { retentionDays: 10 });
    const statusOf = async (rest: string) => (await harness.get(`${PATH}${rest}`)).status;
    expect(await statusOf(query('latestTimeRemediated', START, END))).toBe(404);
    expect(await statusOf('?filter=receivedTime')).toBe(404);
    const old = await harness.get(`${PATH}${query('receivedTime', START, END)}`);
    expect([old.status, old.text]).toEqual([400, expect.stringContaining('retention')]);
    expect(await statusOf(query('receivedTime', second(toMillis(NOW) - 9 * DAY), END))).toBe(200);
  });

  it('contains no threat ids in its old form', async () => {
    const harness = await startHarness({}, { logForm: 'withoutIds' });
    const [header = [], ...rows] = await csvOf(harness);
    expect(header).toContain('Original Folder');
    expect(header.filter((name) => / ID$/.test(name))).toEqual([]);
    expect(rows.every((cells) => cells.length === header.length)).toBe(true);
  });

  it('is subject to faults, and counted separately', async () => {
    const harness = await startHarness();
    harness.simulator.setFaults({
      rules: [{ fault: { kind: 'serverError', status: 503 }, match: /^\/threats_export/, times: 1 }],
    });
    const path = `${PATH}${query('receivedTime', START, END)}`;
    expect((await harness.get(path)).status).toBe(503);
    expect((await harness.get(path)).status).toBe(200);
    expect(harness.simulator.stats().byKind['threats.export']).toEqual({ 200: 1, 503: 1 });
    expect((await harness.get(path, {})).status).toBe(401);
  });
});

describe('a record can be omitted', () => {
  it('from lists and their totals, or from the export', async () => {
    const harness = await startHarness();
    const ids = await listed(harness, START, END);
    const [gone = ''] = ids;
    harness.simulator.setFaults({ rules: [{ fault: { kind: 'unlisted', ids: [gone] } }] });
    expect(await listed(harness, START, END)).toEqual(ids.filter((id) => id !== gone));
    const page = await harness.json(`/threats${query('receivedTime', START, END)}`);
    expect(page.total).toBe(ids.length - 1);
    expect(new Set(column(await csvOf(harness), 'Threat ID'))).toEqual(new Set(ids.slice(1)));
    const { text } = await harness.get(`${PATH}${query('receivedTime', START, END)}`);
    expect(text).not.toContain(gone);
    expect(JSON.parse(text).length).toBe((await csvOf(harness)).length - 1);
  });

  it('from lists of cases, whose ids may be numbers', async () => {
    const harness = await startHarness();
    const path = `/cases${query('lastModifiedTime', START, END)}`;
    const before = (await harness.json(path)).cases as Rows;
    const gone = String(before[1]?.caseId);
    harness.simulator.setFaults({ rules: [{ fault: { kind: 'unlisted', ids: [gone] } }] });
    const after = (await harness.json(path)).cases as Rows;
    expect(after.map(({ caseId }) => caseId)).toEqual(before.map(({ caseId }) => caseId).toSpliced(1, 1));
  });
});
