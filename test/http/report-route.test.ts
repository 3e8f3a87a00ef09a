import { NO_POLICY } from '../../src/policy/policy.js';
import 'reflect-metadata';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { get } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { ApolloServer } from '@apollo/server';
import { pino } from 'pino';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { createReports } from '../../src/app/reports.js';
import { toAuditEntry } from '../../src/audit-trail.js';
import type { Callers } from '../../src/callers/callers.js';
import { readEnv, toConfig } from '../../src/config/config.js';
import { sealHistory } from '../../src/evidence/seal/make-seals.js';
import { verifyPack } from '../../src/evidence/verify/verify.js';
import type { GatewayContext } from '../../src/graphql/request/services.js';
import { openStore } from '../../src/history/open-store.js';
import type { HistoryStore } from '../../src/history/store.js';
import type { Reports } from '../../src/http/report-route.js';
import { createServer, type Server } from '../../src/http/server.js';
import type { Role } from '../../src/values/access.js';
import { mail } from '../support/control-facts.js';
import { hoursAfter, recordHistory, type Seen } from '../support/evidence-history.js';
import { LOCAL_CALLERS } from '../support/local-callers.js';
import { sampleMessage, sampleThreat } from '../support/records.js';
import { SIGNER } from '../support/sealed-history.js';

const NOW = Date.parse('2026-10-06T00:00:00.000Z');
const BEGIN = '2026-09-01T00:00:00.000Z';
const seen: Seen[] = Array.from({ length: 900 }, (_, i) => {
  const at = hoursAfter(BEGIN, i / 2);
  const messages = [sampleMessage(`m${i}`, mail(at, 5000, { subject: 'x'.repeat(2000) }))];
  return { at: hoursAfter(BEGIN, Math.ceil(i / 60) * 30 + 1), threat: sampleThreat(`t${i}`, { messages }) };
});

let store: HistoryStore;
const open: Server[] = [];

beforeAll(async () => {
  store = await openStore('sqlite::memory:', 'write');
  const span = { from: '2026-08-01T00:00:00.000Z', to: '2026-10-05T00:00:00.000Z' };
  await recordHistory(store, { ...span, seen });
});

afterEach(async () => {
  await Promise.all(open.splice(0).map((server) => server.close(0)));
});

afterAll(() => store.close());

const log = pino({ level: 'silent' });

/** Everybody who asks is of this role. */
function everybody(role: Role): Callers {
  const caller = { kind: 'API_KEY', id: 'key-1', name: 'nightly', role } as const;
  return { ...LOCAL_CALLERS, identify: async () => ({ outcome: 'KNOWN', caller }) };
}

async function serve(overrides: { callers?: Callers; reports?: Reports } = {}): Promise<string> {
  const config = toConfig(readEnv({}));
  if (!config.ok) throw new Error('the configuration is wrong');
  // a pack over signed seals is signed too
  const proof = { ...config.config.proof, signer: SIGNER };
  const apollo = new ApolloServer<GatewayContext>({ typeDefs: 'type Query { quick: String }' });
  const server = createServer({
    ...{ host: '127.0.0.1', port: 0, ide: false, anyHost: false, apollo, log },
    callers: LOCAL_CALLERS,
    context: () => ({}) as GatewayContext,
    readiness: async () => ({ ready: true, checks: [] }),
    reports: createReports({
      store,
      config: { ...config.config, proof },
      policy: () => NO_POLICY,
      clock: () => NOW,
      log,
    }),
    ...overrides,
  });
  open.push(server);
  return server.start();
}

async function lastAudit() {
  const [entry] = await store.journal({ journal: 'audit', from: null, descending: true, limit: 1 });
  return entry ? toAuditEntry(entry) : null;
}

describe('/reports/<period>', () => {
  test('of a period up to now contains its instants: the end of the collection in the view', async () => {
    const url = await serve();
    const view = 'asOf=2026-10-05&controls=attacks-captured';
    const answer = await fetch(`${url}/reports/last-7d?${view}`);
    const { period, results } = (await answer.json()) as { period: object; results: unknown[] };
    const [from, to] = ['2026-09-27T23:45:00.000Z', '2026-10-04T23:45:00.000Z'];
    expect(period).toMatchObject({ text: '2026-09-27T23:45:00Z/2026-10-04T23:45:00Z', from, to });
    expect(results).toMatchObject([{ verdict: 'PASS' }]);
    const again = await fetch(`${url}/reports/2026-09-27T23:45:00Z/2026-10-04T23:45:00Z?${view}`);
    expect(await again.json()).toMatchObject({ period, results });
    const oscal = await (await fetch(`${url}/reports/last-7d?${view}&format=oscal`)).json();
    expect(oscal).toMatchObject({ 'assessment-results': { results: [{ start: from, end: to }] } });
    // without a view that is a day old, what should have been collected since then is missing
    const late = await fetch(`${url}/reports/last-7d?controls=attacks-captured`);
    expect(await late.json()).toMatchObject({ results: [{ verdict: 'INSUFFICIENT_DATA' }] });
  });

  test.each([
    ['html', 'text/html; charset=utf-8', 'inline; filename="evidence-2026-09.html"', /^<!doctype html>/],
    ['json', 'application/json; charset=utf-8', 'attachment; filename="evidence-2026-09.json"', /^\{\n/],
    [
      'ndjson',
      'application/x-ndjson; charset=utf-8',
      'attachment; filename="evidence-2026-09.ndjson"',
      /"type":"end"/,
    ],
    [
      'csv',
      'text/csv; charset=utf-8; header=present',
      'attachment; filename="evidence-2026-09.csv"',
      /^control,/,
    ],
    [
      'oscal',
      'application/json; charset=utf-8',
      'attachment; filename="evidence-2026-09.oscal.json"',
      /^\{"assess/,
    ],
  ])('returns %s', async (format, type, disposition, text) => {
    const answer = await fetch(`${await serve()}/reports/2026-09?format=${format}`);
    expect(answer.status).toBe(200);
    expect(Object.fromEntries(answer.headers)).toMatchObject({
      'content-type': type,
      'content-disposition': disposition,
      'cache-control': 'no-store',
      'x-content-type-options': 'nosniff',
    });
    expect(await answer.text()).toMatch(text);
    expect(await lastAudit()).toMatchObject({ action: 'REPORT', target: '2026-09', outcome: 'SUCCEEDED' });
  });

  test('allows the page its style and no script', async () => {
    const { headers } = await fetch(`${await serve()}/reports/2026-09?format=html`);
    const policy = headers.get('content-security-policy') ?? '';
    expect(policy).toContain("default-src 'none'; style-src 'unsafe-inline'");
    expect(policy).toMatch(/; sandbox$/);
  });

  test('accepts the options of the command', async () => {
    const url = await serve();
    const query = new URLSearchParams([
      ['format', 'json'],
      ['controls', 'attacks-captured,attacks-remediated'],
      ['threshold', 'remediatedShare=99%'],
      ['integration', 'default'],
      ['asOf', '2026-10-03'],
      ['trend', 'week'],
    ]);
    const report = (await (await fetch(`${url}/reports/2026-09?${query}`)).json()) as Record<string, unknown>;
    expect(report.results).toHaveLength(2);
    expect(report).toMatchObject({ integrations: ['default'], thresholds: { remediatedShare: 0.99 } });
    expect(String(report.asOf) <= '2026-10-03T00:00:00.000Z').toBe(true);
    expect((report.trend as unknown[]).length).toBe(5);
    for (const span of ['2026-09-01/2026-09-15', '2026-09-01%2F2026-09-15']) {
      const { headers } = await fetch(`${url}/reports/${span}?format=csv`);
      expect(headers.get('content-disposition')).toContain('"evidence-2026-09-01_2026-09-15.csv"');
    }
  });

  test.each([
    ['text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8', 'text/html; charset=utf-8'],
    ['application/json', 'application/json; charset=utf-8'],
    ['application/json, text/html', 'application/json; charset=utf-8'],
    ['*/*', 'application/json; charset=utf-8'],
  ])('returns to a caller that accepts %s a report as %s', async (accept, type) => {
    const answer = await fetch(`${await serve()}/reports/2026-09`, { headers: { accept } });
    expect([answer.headers.get('content-type'), answer.headers.get('vary')]).toEqual([
      type,
      expect.stringMatching(/accept/i),
    ]);
    await answer.arrayBuffer();
  });

  test('returns versions as an export, line by line', async () => {
    const answer = await fetch(`${await serve()}/reports/2026-09?format=ndjson&rows=revisions`);
    const lines = (await answer.text()).trimEnd().split('\n');
    expect(lines).toHaveLength(seen.length + 2);
    expect(JSON.parse(lines.at(-1) ?? '')).toEqual({ type: 'end', rows: seen.length });
    expect(await lastAudit()).toMatchObject({ action: 'EXPORT', outcome: 'SUCCEEDED' });
  });

  test('returns everything with its proofs as a pack, once it is sealed', async () => {
    const url = await serve();
    const early = await fetch(`${url}/reports/2026-09?format=pack`);
    expect(early.status).toBe(400);
    expect(await early.text()).toContain('seal');
    await sealHistory(store, { signer: SIGNER, clock: () => NOW });
    const answer = await fetch(`${url}/reports/2026-09?format=pack`);
    expect(answer.headers.get('content-type')).toBe('application/x-tar');
    expect(answer.headers.get('content-disposition')).toBe('attachment; filename="evidence-2026-09.tar"');
    const folder = mkdtempSync(join(tmpdir(), 'pack-test-'));
    const path = join(folder, 'evidence.tar');
    writeFileSync(path, new Uint8Array(await answer.arrayBuffer()));
    const { verdict } = await verifyPack(path, {
      publicKeys: [SIGNER.publicKey],
      mustBeSigned: false,
      held: [],
    });
    rmSync(folder, { recursive: true });
    expect(verdict).toBe('INTACT');
    expect(await lastAudit()).toMatchObject({ action: 'EXPORT', outcome: 'SUCCEEDED' });
  });

  test.each([
    ['2026-Q9', 'period: "2026-Q9" is not a period'],
    ['', 'The period is missing'],
    [
      '2026-09?format=pdf',
      'format is "pdf"; accepted: html, json, ndjson, csv, oscal, oscal-plan, oscal-component, pack',
    ],
    ['2026-09?format=csv&rows=revisions', 'rows revisions is available with format ndjson only'],
    ['2026-09?asOf=2027-01-01', 'asOf is 2027-01-01T00:00:00.000Z, which is in the future'],
    ['2026-09?integration=nobody', 'integration: "nobody" does not exist'],
    ['2026-09?asOf=2026-09-01&asOf=2026-09-02', 'asOf occurs more than once'],
    ['2026-09?since=2026', 'There is no parameter "since". Known parameters: format'],
    ['2026-09?threshold=mood', 'where NAME is one of'],
  ])('refuses %j with the accepted values', async (path, words) => {
    const answer = await fetch(`${await serve()}/reports/${path}`);
    expect(answer.status).toBe(400);
    const { errors } = (await answer.json()) as { errors: { message: string }[] };
    expect(errors[0]?.message).toContain(words);
  });
});

describe('the role for reports', () => {
  test('is not reader', async () => {
    const answer = await fetch(`${await serve({ callers: everybody('reader') })}/reports/2026-09`);
    expect(answer.status).toBe(403);
    expect(answer.headers.get('content-disposition')).toBeNull();
  });

  test('is operator, and the audit trail names the caller', async () => {
    const url = await serve({ callers: everybody('operator') });
    const answer = await fetch(`${url}/reports/2026-09?format=csv`);
    expect(answer.status).toBe(200);
    await answer.text();
    expect(await lastAudit()).toMatchObject({
      caller: { id: 'key-1', name: 'nightly' },
      detail: /^csv, as of/,
    });
  });

  test('does not matter for other methods, which nobody may use', async () => {
    const url = await serve();
    expect((await fetch(`${url}/reports/2026-09`, { method: 'HEAD' })).status).toBe(404);
    expect((await fetch(`${url}/reports/2026-09`, { method: 'POST' })).status).toBe(404);
  });
});

describe('a report', () => {
  const failing = (afterPieces: number): Reports => ({
    open: async () => ({
      ...{ contentType: 'text/csv', fileName: 'x.csv', isPage: false },
      async write(write) {
        for (let i = 0; i < afterPieces; i++) {
          await write('a,b\r\n');
          await delay(5);
        }
        throw new Error('the history is gone');
      },
    }),
  });

  test('that fails before its first byte is an error response', async () => {
    const answer = await fetch(`${await serve({ reports: failing(0) })}/reports/2026-09`);
    expect(answer.status).toBe(500);
    expect(answer.headers.get('content-disposition')).toBeNull();
    expect(await answer.text()).not.toContain('the history is gone');
  });

  test('that fails later is cut off, without a regular end', async () => {
    const answer = await fetch(`${await serve({ reports: failing(3) })}/reports/2026-09`);
    expect(answer.status).toBe(200);
    await expect(answer.text()).rejects.toThrow();
  });

  test('ends when its caller disconnects, and the audit trail records it', async () => {
    const url = await serve();
    await new Promise<void>((resolve, reject) => {
      const request = get(`${url}/reports/2026-09?format=ndjson&rows=revisions`, (answer) => {
        answer.once('data', () => {
          answer.destroy();
          resolve();
        });
      });
      request.on('error', reject);
    });
    for (;;) {
      const entry = await lastAudit();
      if (entry?.outcome === 'FAILED') {
        expect(entry.detail).toContain('the caller closed the connection');
        break;
      }
      await delay(5);
    }
  });

  test('beyond three at the same time is refused with the time to retry', async () => {
    const gate: (() => void)[] = [];
    const slow: Reports = {
      open: async () => ({
        ...{ contentType: 'text/csv', fileName: 'x.csv', isPage: false },
        async write(write) {
          await new Promise<void>((resolve) => gate.push(resolve));
          await write('a,b\r\n');
        },
      }),
    };
    const url = await serve({ reports: slow });
    const first = [1, 2, 3].map(() => fetch(`${url}/reports/2026-09`));
    while (gate.length < 3) await delay(5);
    const fourth = await fetch(`${url}/reports/2026-09`);
    expect([fourth.status, fourth.headers.get('retry-after')]).toEqual([429, '10']);
    for (const release of gate.splice(0)) release();
    for (const answer of await Promise.all(first))
      expect([answer.status, await answer.text()]).toEqual([200, 'a,b\r\n']);
    const fifth = fetch(`${url}/reports/2026-09`);
    while (gate.length < 1) await delay(5);
    gate[0]?.();
    expect((await fifth).status).toBe(200);
  });
});
