import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { afterAll, afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { loadPolicy, type PolicyWatch, policyCheck, watchPolicy } from '../../src/app/policy-file.js';
import { toAuditEntry, verifyAudit } from '../../src/audit-trail.js';
import { sealHistory } from '../../src/evidence/seal/make-seals.js';
import { storedSeal } from '../../src/evidence/seal/seal.js';
import { verifyHistory } from '../../src/evidence/verify/verify.js';
import { openStore } from '../../src/history/open-store.js';
import type { HistoryStore } from '../../src/history/store.js';
import { sha256 } from '../../src/values/canonical-json.js';
import { Playground } from '../support/app.js';
import { testMongo } from '../support/mongo.js';
import { batchOf } from '../support/records.js';

const mongo = await testMongo();
const folder = mkdtempSync(join(tmpdir(), 'policy-'));
const path = join(folder, 'policy.yaml');
const clock = () => Date.parse('2026-10-06T00:00:00.000Z');
const FIRST = 'version: 1\ntitle: First\n';
const SECOND = 'version: 1\ntitle: Second rules\n';
const CHECK = { publicKeys: null, mustBeSigned: false, held: [] };

afterAll(() => rmSync(folder, { recursive: true }));

const STORES: [name: string, url: () => string][] = [
  ['sqlite', () => 'sqlite::memory:'],
  ...(mongo ? [['mongodb', () => mongo.freshUrl()] as [string, () => string]] : []),
];

describe.each(STORES)('a policy file of a gateway with %s', (_name, freshUrl) => {
  const logged: string[] = [];
  const log = pino({ level: 'info' }, { write: (line: string) => void logged.push(line) });
  let url: string;
  let store: HistoryStore;
  let watch: PolicyWatch | null = null;

  beforeEach(async () => {
    url = freshUrl();
    store = await openStore(url, 'write');
    logged.length = 0;
    writeFileSync(path, FIRST);
  });
  afterEach(async () => {
    await watch?.close();
    watch = null;
    await store.close();
    if (url.startsWith('mongodb')) await mongo?.drop(url);
  });

  const open = async () => {
    watch = await watchPolicy({ path, store, clock, log });
    return watch;
  };
  const trail = async () =>
    (await store.journal({ journal: 'audit', from: null, descending: false, limit: 10 })).map(toAuditEntry);

  test('is used again when it changes, and each change is an entry of the audit trail', async () => {
    const current = await open();
    writeFileSync(path, SECOND);
    await current.look();
    await current.look();
    expect(current.current().title).toBe('Second rules');
    const entries = await trail();
    expect(entries.map(({ action, target }) => [action, target])).toEqual([
      ['CHANGE_POLICY', sha256(FIRST)],
      ['CHANGE_POLICY', sha256(SECOND)],
    ]);
    await current.close();
    // the same file at the next start is no change
    await open();
    expect(await trail()).toEqual(entries);
    expect(await verifyAudit(store)).toMatchObject({ intact: true, length: 2 });
  });

  test('that becomes invalid leaves the policy before it in use, which the log and the readiness say once', async () => {
    const current = await open();
    writeFileSync(path, 'version: 1\nthreshold: {}\n');
    await current.look();
    await current.look();
    expect(current.current().title).toBe('First');
    const { ok, message } = await policyCheck(current).check();
    expect(ok).toBe(true);
    expect(message).toContain(
      `in use: SHA-256 ${sha256(FIRST)}; the file was changed: The policy is not valid`,
    );
    expect(message).toContain('policy.yaml:2:1: threshold is not a known name.');
    expect(logged.filter((line) => line.includes('cannot be used'))).toHaveLength(1);
    rmSync(path);
    await current.look();
    expect(current.problem()).toMatch(/ENOENT/);
    writeFileSync(path, SECOND);
    await current.look();
    expect([current.problem(), current.current().title]).toEqual([null, 'Second rules']);
  });

  test('is named by the seals of its time, and verify finds a text that was altered or removed', async () => {
    const current = await open();
    await store.record(batchOf('batch-1'));
    await sealHistory(store, { signer: null, clock });
    writeFileSync(path, SECOND);
    await current.look();
    await store.record(batchOf('batch-2'));
    await sealHistory(store, { signer: null, clock });
    const seals = await Promise.all([1, 2].map((index) => storedSeal(store, index)));
    expect(seals.map((seal) => seal?.body?.policy)).toEqual([sha256(FIRST), sha256(SECOND)]);
    expect(await verifyHistory(store, CHECK)).toMatchObject({ verdict: 'INTACT', findings: [] });
    const id = `policy-${sha256(FIRST)}`;
    const kept = await store.document('settings', id);
    await store.putDocument('settings', id, { text: SECOND }, kept?.version ?? 0);
    const { verdict, findings } = await verifyHistory(store, CHECK);
    expect([verdict, findings.map(({ code, seal }) => [code, seal])]).toEqual([
      'TAMPERED',
      [['STATE_ALTERED', 1]],
    ]);
  });

  test('that no longer is configured is recorded; a history that never had one is left as it is', async () => {
    await open();
    await watch?.close();
    watch = await watchPolicy({ path: null, store, clock, log });
    expect((await trail()).map(({ target }) => target)).toEqual([sha256(FIRST), null]);
    await store.record(batchOf('batch-1'));
    await sealHistory(store, { signer: null, clock });
    expect((await storedSeal(store, 1))?.body?.policy).toBeNull();
  });
});

test('a seal of a history without a policy does not name one', async () => {
  const store = await openStore('sqlite::memory:', 'write');
  await (await watchPolicy({ path: null, store, clock, log: pino({ level: 'silent' }) })).close();
  await store.record(batchOf('batch-1'));
  await sealHistory(store, { signer: null, clock });
  expect((await storedSeal(store, 1))?.body).not.toHaveProperty('policy');
  expect(await store.documents('settings')).toEqual([]);
  await store.close();
});

test('a gateway with an invalid policy does not start, and names every problem', async () => {
  writeFileSync(path, 'version: 1\nthreshold: {}\nwaiver: []\n');
  expect(() => loadPolicy(path)).toThrow(/:2:1: threshold is not a known name[.]\n.*:3:1: waiver is not/);
  const ground = new Playground();
  await expect(ground.start({ POLICY: path })).rejects.toThrow(/The policy is not valid/);
  await ground.clear();
});

test('a running gateway evaluates by its policy, in the graph, in reports and in its metrics', async () => {
  writeFileSync(
    path,
    'version: 1\norganisation: Example Corp\nthresholds: { quietFor: 3d }\ncontrols: { token-rotation: { owner: Ops }, attacks-captured: { notApplicable: not ours } }\n',
  );
  const ground = new Playground();
  const { url } = await ground.start({ POLICY: path });
  await ground.collected(url);
  const query =
    '{ controls { id owner thresholds { name value } } evidence(period: "2020-01") { policy { digest overrides } results { waived waivers { waived } control { id owner } } } }';
  const { data, errors } = await ground.ask(url, query);
  expect(errors).toBeUndefined();
  const { controls, evidence } = data as {
    controls: { id: string; owner: string | null; thresholds: { name: string; value: number }[] }[];
    evidence: { policy: { digest: string } };
  };
  const digest = loadPolicy(path).file?.digest;
  expect(evidence.policy).toEqual({ digest, overrides: [] });
  expect(controls.find(({ id }) => id === 'token-rotation')?.owner).toBe('Ops');
  const quiet = controls.flatMap(({ thresholds }) => thresholds).find(({ name }) => name === 'quietFor');
  expect(quiet?.value).toBe(3 * 86_400);
  const report = (await (await fetch(`${url}/reports/2020-01?threshold=quietFor=9d`)).json()) as Record<
    string,
    unknown
  >;
  expect(report).toMatchObject({ policy: { digest }, thresholdOverrides: { quietFor: 9 * 86_400_000 } });
  expect(await (await fetch(`${url}/metrics`)).text()).toContain(`policy_info{digest="${digest}"} 1`);
  const posture =
    '{ posture(windows: LAST_24_HOURS, controls: "attacks-captured") { states { verdict reason } } }';
  const state = { verdict: 'NOT_APPLICABLE', reason: expect.stringContaining('not ours') };
  expect((await ground.ask(url, posture)).data).toMatchObject({ posture: { states: [state] } });
  const overview = async () => (await fetch(`${url}/?window=24h`)).text();
  await vi.waitFor(async () => expect(await overview()).toContain('Not applicable by the policy: not ours'), {
    timeout: 30_000,
    interval: 50,
  });
  expect(await overview()).toContain('<h1>Example Corp</h1>');
  const { checks } = (await (await fetch(`${url}/readyz`)).json()) as { checks: { name: string }[] };
  expect(checks.map(({ name }) => name)).toContain('policy');
  await ground.clear();
});
