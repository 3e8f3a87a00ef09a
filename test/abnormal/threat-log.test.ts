import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { ThreatLog } from '../../src/abnormal/client.js';
import { json, type Reply, raw } from '../support/upstream-server.js';
import { type Harness, POLL, startHarness, TOKEN, upstreamError, WINDOW } from './harness.js';

const PATH = '/threats_export/csv';
const HEADER =
  'Date,From Display Name,From Email,Subject,Recipient Email,Remediation Time,Abnormal Message ID,Threat ID,Tenant ID';
const FIRST = '5d1b6c1e-0000-4000-8000-000000000001';
const SECOND = '5d1b6c1e-0000-4000-8000-000000000002';

let harness: Harness;
beforeEach(async () => {
  harness = await startHarness();
});
afterEach(() => harness.close());

function csv(text: string | Buffer): Reply {
  return raw(text, 200, { 'content-type': 'text/csv' });
}

function read(reply: Reply): Promise<ThreatLog> {
  harness.server.on(PATH, reply);
  return harness.client.threatLog(WINDOW, POLL);
}

/** A row that fits `HEADER`. */
function row(date: string, subject: string, id: string): string {
  return `${date},Ann,ann@secure-reply.example,${subject},bo@example.org,2026-02-01T09:00:00Z,-42,${id},7`;
}

function idsIn(log: ThreatLog): (string | null)[] {
  return log.rows.map(({ threatId }) => threatId);
}

describe('the request of the threat log', () => {
  test('asks for CSV in two ways, for a window by received time', async () => {
    const log = await read(csv(`${HEADER}\r\n`));
    const [request] = harness.server.requests;
    expect(request?.headers.accept).toBe('text/csv');
    expect(Object.fromEntries(request?.query ?? [])).toEqual({
      filter: 'receivedTime gte 2026-02-01T00:00:00Z lte 2026-02-02T00:00:00Z',
      format: 'csv',
    });
    expect(log).toEqual({ rows: [], namesThreats: true, filter: request?.query.get('filter') });
  });

  test('is the only one that asks for CSV; all others ask for JSON', async () => {
    harness.server.on('/threats', json({ threats: [] }));
    await harness.client.list('threats', 'receivedTime', WINDOW, 1, POLL);
    expect(harness.server.requests.map(({ headers }) => headers.accept)).toEqual(['application/json']);
  });

  test('counts as a call, is retried if that may help, and ends with its signal', async () => {
    const meter = { calls: 0, listCalls: 0, detailCalls: 0, messagePageCalls: 0, retries: 0 };
    harness.server.on(PATH, raw('busy', 503), csv(`${HEADER}\n`));
    await harness.client.threatLog(WINDOW, { ...POLL, meter });
    expect(meter).toEqual({ calls: 2, listCalls: 0, detailCalls: 0, messagePageCalls: 0, retries: 1 });
    const signal = AbortSignal.abort();
    const ended = await upstreamError(harness.client.threatLog(WINDOW, { ...POLL, signal }));
    expect(ended.code).toBe('CANCELLED');
  });
});

describe('a threat log in CSV', () => {
  test('contains the threat and the time of each message', async () => {
    const rows = [row('2026-02-01T08:00:00Z', 'Hello', FIRST), row('2026-02-01T07:00:00Z', 'Hello', FIRST)];
    expect(await read(csv([HEADER, ...rows].join('\r\n')))).toMatchObject({
      namesThreats: true,
      rows: [
        { threatId: FIRST, receivedTime: '2026-02-01T08:00:00.000Z' },
        { threatId: FIRST, receivedTime: '2026-02-01T07:00:00.000Z' },
      ],
    });
  });

  test.each([
    ['commas, quotes and line breaks within quotes', '"Pay, ""now""\r\nor\nnever"'],
    ['quotes in the middle of an unquoted field', 'Pay "now"'],
    ['something after a closing quote', '"Pay" now'],
    ['text that looks like a formula, and text beyond ASCII', '=HYPERLINK(1) 🎣 přílohа'],
    ['nothing', ''],
  ])('is read when subjects contain %s', async (_, subject) => {
    const lines = [HEADER, row('2026-02-01T08:00:00Z', subject, FIRST), row('', 'Last', SECOND)];
    expect(idsIn(await read(csv(lines.join('\r\n'))))).toEqual([FIRST, SECOND]);
  });

  test.each([
    ['a byte order mark', (text: string) => `\ufeff${text}`],
    ['lone line feeds', (text: string) => text.replaceAll('\r\n', '\n')],
    [
      'blank lines between and after',
      (text: string) => `\r\n${text.replaceAll('\r\n', '\r\n\r\n')}\r\n \r\n`,
    ],
    ['every field in quotes', (text: string) => text.replace(/[^,\r\n]+/g, '"$&"')],
    ['blanks around the fields', (text: string) => text.replaceAll(',', ' , ')],
    ['empty columns at the end', (text: string) => text.replaceAll('\r\n', ',,\r\n')],
  ])('is read with %s', async (_, change) => {
    const text = [HEADER, row('2026-02-01T08:00:00Z', 'Hi', FIRST), row('', 'Hi', SECOND), ''].join('\r\n');
    expect(idsIn(await read(csv(change(text))))).toEqual([FIRST, SECOND]);
  });

  test.each(['Threat ID', 'threatId', 'THREAT_ID', "Abnormal's Threat ID", 'Threat UUID'])(
    'is read when the column is called %s',
    async (name) => {
      const log = await read(
        csv(`Subject,${name},Received Time (UTC)\nHi,${FIRST},2026-02-01 08:00:00+00:00`),
      );
      expect(log.rows).toEqual([{ threatId: FIRST, receivedTime: '2026-02-01T08:00:00.000Z' }]);
    },
  );

  test('of the old form has times but no threat ids', async () => {
    const log = await read(csv(`Date,From Email,Subject\n2026-02-01 08:00:00+00:00,a@example.net,Hi`));
    expect(log).toMatchObject({
      namesThreats: false,
      rows: [{ threatId: null, receivedTime: '2026-02-01T08:00:00.000Z' }],
    });
  });

  test('is not trusted in a row that does not fit the header, as in the vendor’s own example', async () => {
    const short = '2026-02-01T08:00:00Z,,a@example.net,Hi,b@example.net,2026-02-01T09:00:00Z,4551,42';
    const long = row('2026-02-01T08:00:00Z', 'Hi, there', SECOND);
    const log = await read(csv([HEADER, short, long, row('2026-02-01T08:00:00Z', 'Hi', FIRST)].join('\n')));
    expect(idsIn(log)).toEqual([null, null, FIRST]);
  });

  test('is read when a subject has bytes that are not UTF-8', async () => {
    const text = Buffer.concat([
      Buffer.from(`${HEADER}\n2026-02-01T08:00:00Z,Ann,a@example.net,`),
      Buffer.from([0xff, 0xc3]),
      Buffer.from(`,b@example.net,,1,${FIRST},7\n`),
    ]);
    expect(idsIn(await read(csv(text)))).toEqual([FIRST]);
  });

  test('with many rows is read to its end', async () => {
    const rows = Array.from({ length: 20_000 }, (_, n) =>
      row('2026-02-01T08:00:00Z', `Ünï "${n}`, `id-${n}`),
    );
    const log = await read(csv([HEADER, ...rows].join('\r\n')));
    expect(log.rows.length).toBe(20_000);
    expect(log.rows.at(-1)?.threatId).toBe('id-19999');
  });
});

describe('a threat log that arrives as JSON', () => {
  const items = [
    { Date: '2026-02-01T08:00:00Z', 'Threat ID': FIRST, 'Abnormal Message ID': 1 },
    { Date: null, 'Threat ID': 'BIG', 'Abnormal Message ID': 2 },
  ];

  test.each([
    ['a bare list', JSON.stringify(items)],
    ['a list in an envelope', JSON.stringify({ pageNumber: 1, results: items })],
    [
      'names in camel case',
      JSON.stringify(items).replaceAll('Threat ID', 'threatId').replaceAll('Date', 'receivedTime'),
    ],
  ])('is read: %s', async (_, text) => {
    const log = await read(raw(text.replace('"BIG"', '90071992547409931')));
    expect(log.namesThreats).toBe(true);
    // digits that a double cannot hold are kept
    expect(log.rows).toEqual([
      { threatId: FIRST, receivedTime: '2026-02-01T08:00:00.000Z' },
      { threatId: '90071992547409931', receivedTime: null },
    ]);
  });

  test('is empty if its list is empty', async () => {
    expect((await read(json([]))).rows).toEqual([]);
  });
});

describe('a response that is not a threat log', () => {
  test.each([
    ['nothing', ''],
    ['a page of HTML', '<html><title>Sign in</title></html>'],
    ['a sentence', 'Please come back later'],
    ['other columns', 'name,manager\nAnn,Bo'],
    ['a message', '{"message":"ok"}'],
    ['two lists', '{"a":[],"b":[]}'],
    ['a list of numbers', '[1,2]'],
    ['rows of another thing', '[{"caseId":1}]'],
    ['JSON that stops', '[{"Threat ID":"x"'],
    ['CSV that stops within quotes', `${HEADER}\n2026-02-01T08:00:00Z,"An`],
  ])('fails if it is %s', async (_, text) => {
    const error = await upstreamError(read(csv(text)));
    expect(error.code).toBe('BAD_BODY');
    expect(error.body).toBe(text);
  });

  test('fails if its body is over the limit', async () => {
    await harness.close();
    harness = await startHarness({ maxBodyBytes: 1_000 });
    expect((await upstreamError(read(csv(`${HEADER}\n${'x'.repeat(2_000)}`)))).code).toBe('TOO_LARGE');
  });

  test.each([
    [404, 'Not Found', 'NOT_ENABLED'],
    [400, 'Maximum time range is 14 days', 'BAD_REQUEST'],
    [400, 'outside the data retention period', 'OUT_OF_RETENTION'],
    [403, 'not on the allowlist', 'FORBIDDEN'],
    [401, 'no', 'TOKEN_REJECTED'],
  ])('with status %d and body "%s" has the code %s', async (status, message, code) => {
    const error = await upstreamError(read(json({ message }, status)));
    expect(error.code).toBe(code);
    expect(error.message).not.toContain(TOKEN);
  });

  test('leaves the token out of its error', async () => {
    const error = await upstreamError(read(csv(`you sent ${TOKEN}`)));
    expect(`${error.message} ${error.body}`).not.toContain(TOKEN);
  });
});
