import { describe, expect, test } from 'vitest';
import type { AuditEvent } from '../src/audit-trail.js';
import { audited, recordAudit, verifyAudit } from '../src/audit-trail.js';
import type { HistoryStore } from '../src/history/store.js';
import type { DocumentBody, JournalEntry } from '../src/model/documents.js';
import { OracleStore } from './support/oracle-store.js';

const CALLER = { kind: 'API_KEY', id: 'k1', name: 'ops', role: 'operator' } as const;
const POLL: AuditEvent = {
  caller: CALLER,
  action: 'POLL',
  target: 'default',
  outcome: 'SUCCEEDED',
  detail: null,
};
const T0 = Date.UTC(2026, 2, 1);

const entriesOf = (store: HistoryStore) =>
  store.journal({ journal: 'audit', from: null, descending: false, limit: 1000 });

/** A journal as somebody with the file before him left it. */
const altered = (entries: readonly JournalEntry[]): Pick<HistoryStore, 'journal'> => ({
  journal: async ({ from, limit }) => entries.filter(({ index }) => index > (from ?? 0)).slice(0, limit),
});

describe('the audit trail', () => {
  test('returns who did what and when, with the digest of the previous entry', async () => {
    const store = new OracleStore(() => T0);
    let now = T0;
    const first = await recordAudit({ store, clock: () => now }, POLL);
    now += 1000;
    const second = await recordAudit(
      { store, clock: () => now },
      { ...POLL, outcome: 'FAILED', detail: 'no answer' },
    );
    expect(first).toMatchObject({ ...POLL, index: 1, at: '2026-03-01T00:00:00.000Z', previous: null });
    expect(second).toMatchObject({ index: 2, at: '2026-03-01T00:00:01.000Z', outcome: 'FAILED' });
    expect(second.previous).toBe(first.digest);
  });

  test('has times that never decrease, even if the clock does', async () => {
    const store = new OracleStore(() => T0);
    await recordAudit({ store, clock: () => T0 }, POLL);
    const { at } = await recordAudit({ store, clock: () => T0 - 60_000 }, POLL);
    expect(at).toBe('2026-03-01T00:00:00.000Z');
  });

  test('records all of many concurrent entries in one chain', async () => {
    const store = new OracleStore(() => T0);
    const names = Array.from({ length: 30 }, (_, i) => `account-${i}`);
    await Promise.all(names.map((target) => recordAudit({ store, clock: () => T0 }, { ...POLL, target })));
    const targets = (await entriesOf(store)).map(({ body }) => body.target);
    expect([...targets].sort()).toEqual([...names].sort());
    expect(await verifyAudit(store)).toEqual({ length: 30, intact: true, brokenAt: null });
  });

  test('reports an entry that was altered, removed, moved or inserted', async () => {
    const store = new OracleStore(() => T0);
    for (let i = 1; i <= 5; i += 1) {
      await recordAudit({ store, clock: () => T0 + i }, { ...POLL, target: `a${i}` });
    }
    const [e1, e2, e3, e4, e5] = (await entriesOf(store)) as [
      JournalEntry,
      JournalEntry,
      JournalEntry,
      JournalEntry,
      JournalEntry,
    ];
    const body = (entry: JournalEntry, change: DocumentBody) => ({
      ...entry,
      body: { ...entry.body, ...change },
    });
    const brokenAt = async (...entries: JournalEntry[]) => (await verifyAudit(altered(entries))).brokenAt;
    expect(await brokenAt(e1, e2, e3, e4, e5)).toBeNull();
    expect(await brokenAt(e1, body(e2, { outcome: 'FAILED' }), e3, e4, e5)).toBe(3);
    expect(await brokenAt(e1, { ...e2, at: '2020-01-01T00:00:00.000Z' }, e3, e4, e5)).toBe(3);
    expect(await brokenAt(e1, e2, e4, e5)).toBe(3);
    expect(await brokenAt(e2, e3, e4, e5)).toBe(1);
    expect(await brokenAt(e1, e2, { ...e4, index: 3 }, { ...e5, index: 4 })).toBe(3);
    expect(await brokenAt(e1, { ...e3, index: 2 }, { ...e2, index: 3 }, e4, e5)).toBe(2);
  });

  test('records a failure too, and rethrows it', async () => {
    const store = new OracleStore(() => T0);
    const services = { store, clock: () => T0 };
    const done = { caller: CALLER, action: 'TEST_INTEGRATION', target: 'default' } as const;
    const failing = audited(services, done, async () => {
      throw new Error('no such account');
    });
    await expect(failing).rejects.toThrow('no such account');
    expect(
      await audited(
        services,
        done,
        async () => 3,
        (count) => `${count} work`,
      ),
    ).toBe(3);
    const bodies = (await entriesOf(store)).map(({ body: { outcome, detail } }) => [outcome, detail]);
    expect(bodies).toEqual([
      ['FAILED', 'no such account'],
      ['SUCCEEDED', '3 work'],
    ]);
  });
});
