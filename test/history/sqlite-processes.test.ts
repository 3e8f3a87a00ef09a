import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rename, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, inject, it } from 'vitest';
import { Connection } from '../../src/history/sqlite/connection.js';
import { lockForWriting } from '../../src/history/sqlite/file.js';
import { openSqliteStore } from '../../src/history/sqlite/store.js';
import { batchOf, observeCase, START, sampleCase } from '../support/records.js';
import { compiled } from '../support/scripts.js';

const CHILD = await compiled(inject('desk'), 'test/history/sqlite-child.ts');
const BUSY = { name: 'HistoryError', code: 'IN_USE' };

describe('a SQLite history shared by processes', () => {
  let folder: string;
  let path: string;
  const children: ChildProcess[] = [];

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'history-'));
    path = join(folder, 'history.db');
  });
  afterEach(async () => {
    await Promise.all(children.splice(0).map(kill));
    await rm(folder, { recursive: true });
  });

  /** Starts a child and waits until it has the history open. */
  async function start(task: 'hold' | 'record' | 'manage' | 'open' | 'compete' | 'leave') {
    const child = spawn(process.execPath, [CHILD, task, path], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    children.push(child);
    const lines: string[] = [];
    const output = createInterface({ input: child.stdout });
    output.on('line', (line) => lines.push(line));
    await once(output, 'line');
    return { child, lines };
  }

  it('has one writer: another one fails at once with the name of the file and instructions', async () => {
    const store = await openSqliteStore(path, 'write');
    await expect(openSqliteStore(path, 'write')).rejects.toMatchObject(BUSY);
    await expect(openSqliteStore(path, 'write')).rejects.toThrow(`${path} is in use`);
    await store.close();
    await (await openSqliteStore(path, 'write')).close();
  });

  it('can be written again after its writer is killed', async () => {
    const { child } = await start('hold');
    await expect(openSqliteStore(path, 'write')).rejects.toMatchObject(BUSY);
    const reader = await openSqliteStore(path, 'read');
    expect((await reader.head()).seq).toBe(0);
    await reader.close();
    await kill(child);
    const store = await openSqliteStore(path, 'write');
    await store.record(batchOf('after'));
    await store.close();
  });

  it('shows readers what the writer commits, and when revisions ended', async () => {
    const writer = await openSqliteStore(path, 'write');
    const reader = await openSqliteStore(path, 'read', { limits: { walk: 0, scan: -1, records: -1 } });
    const observe = (description: string, basis: number, integration: string) =>
      observeCase(sampleCase('1', { description }), { basis, integration });
    for (let seq = 1; seq <= 8; seq += 1) {
      // every second batch brings an integration that the reader has not heard of
      const integration = `account-${Math.ceil(seq / 2)}`;
      const observations = [observe(`version ${seq}`, seq - 1, integration)];
      await writer.record(batchOf(`batch-${seq}`, { observations }));
      expect((await reader.head()).seq).toBe(seq);
      const list = { kind: 'case', integrations: null, filter: null, seq } as const;
      const wanted = { ...list, orderBy: 'id', descending: true, after: null, limit: 10 };
      expect(await reader.page(wanted)).toStrictEqual(await writer.page(wanted));
      expect(await reader.count({ ...list, filter: { field: 'id', gte: '' } })).toBe(Math.ceil(seq / 2));
      const key = { integration, kind: 'case', id: '1' } as const;
      expect(await reader.revisions(key, 99, 9)).toStrictEqual(await writer.revisions(key, 99, 9));
      expect((await reader.get([key], seq))[0]?.record.description).toBe(`version ${seq}`);
    }
    await expect(reader.record(batchOf('no'))).rejects.toMatchObject({ name: 'HistoryError' });
    await Promise.all([reader.close(), writer.close()]);
  });

  it('has each batch completely or not at all, whenever its writer is killed', async () => {
    let least = 0;
    for (const [n, delay] of [0, 3, 11, 6].entries()) {
      const { child, lines } = await start('record');
      while (lines.length <= n) await setTimeout(1);
      await setTimeout(delay);
      await kill(child);
      // what was said to be recorded is there, and at most the batch that was being recorded besides
      least = Math.max(least, Number(lines.at(-1)?.split(' ')[1] ?? 0));
      const head = await inspect(path);
      expect(head).toBeGreaterThanOrEqual(least);
      expect(head).toBeLessThanOrEqual(least + 1);
      least = head;
    }
    expect(least).toBeGreaterThan(0);
  });

  it('is managed by one process while another writes to it, without a failure', async () => {
    const writer = await openSqliteStore(path, 'write');
    const { child, lines } = await start('manage');
    let last = 0;
    for (let seq = 1; last < 40; seq += 1) {
      await writer.record(batchOf(`batch-${seq}`, { observations: [observeCase(sampleCase(String(seq)))] }));
      await writer.putDocument('settings', 'own', { seq }, seq - 1);
      const versionNow = async () => (await writer.document('settings', 'managed'))?.version ?? 0;
      const before = await versionNow();
      const length = await writer.journalLength('audit');
      // the other writes the document first, then the entry, and may go on between two looks
      expect(length).toBeGreaterThanOrEqual(Math.max(last, before - 1));
      expect(length).toBeLessThanOrEqual(await versionNow());
      expect(await writer.document('settings', 'own')).toMatchObject({ version: seq });
      last = length;
      await setTimeout(5);
    }
    await kill(child);
    expect(lines).not.toContain('refused');
    const kept = Number(lines.at(-1)?.split(' ')[1]);
    const length = await writer.journalLength('audit');
    expect([kept, kept + 1]).toContain(length);
    const entries = await writer.journal({ journal: 'audit', from: null, descending: false, limit: length });
    expect(entries.map(({ body }) => body.n)).toEqual(Array.from({ length }, (_, n) => n + 1));
    await writer.close();
    expect(await inspectKept(path)).toBe(length);
  });

  it('is managed without a writer, by several processes at once, also if it did not exist', async () => {
    const managers = await Promise.all([1, 2, 3].map(() => openSqliteStore(path, 'manage')));
    const answers = await Promise.all(managers.map((store) => store.putDocument('settings', 'a', {}, 0)));
    expect(answers.filter(Boolean)).toHaveLength(1);
    const writer = await openSqliteStore(path, 'write');
    await writer.record(batchOf('one'));
    for (const store of managers) {
      expect((await store.head()).seq).toBe(1);
      await expect(store.record(batchOf('no'))).rejects.toMatchObject({ code: 'UNUSABLE' });
      await expect(store.acquireLease('a', 'b', 1_000)).rejects.toThrow(/documents and journals only/);
      await expect(store.releaseLease('a', 'b')).rejects.toMatchObject({ code: 'UNUSABLE' });
    }
    const reader = await openSqliteStore(path, 'read');
    await expect(reader.putDocument('settings', 'b', {}, 0)).rejects.toMatchObject({ code: 'UNUSABLE' });
    await expect(reader.removeDocument('settings', 'a', 1)).rejects.toThrow(/reading only/);
    await expect(reader.append('audit', 1, START, {})).rejects.toMatchObject({ code: 'UNUSABLE' });
    expect(await reader.document('settings', 'a')).toMatchObject({ version: 1 });
    await Promise.all([...managers, writer, reader].map((store) => store.close()));
  });

  it('is found whole or not at all while another process creates, opens and closes it', async () => {
    const { child, lines } = await start('open');
    let isOpened = 0;
    for (let n = 0; n < 12; n += 1) {
      let isThere = false;
      for (let last = false; !last; ) {
        last = lines.includes(`left ${n}`) || child.exitCode !== null;
        const reader = await openSqliteStore(`${path}-${n}`, 'read').catch((error: Error) => error);
        if (reader instanceof Error) {
          expect(reader.message).toMatch(/^there is no history at /);
          expect(isThere).toBe(false);
        } else {
          isThere = true;
          isOpened += 1;
          expect(await reader.journalLength('audit')).toBe(0);
          await reader.close();
        }
        await setTimeout(0);
      }
      expect(isThere).toBe(true);
    }
    expect(isOpened).toBeGreaterThan(12);
  });

  it('has exactly one writer if several processes ask at the same time', async () => {
    const children = await Promise.all([1, 2, 3].map(() => start('compete')));
    const askAll = async () => {
      const at = Date.now() + 25;
      const answers = children.map(async ({ child, lines }) => {
        const length = lines.length;
        child.stdin?.write(`${at}\n`);
        while (lines.length === length) await setTimeout(1);
        return lines.at(-1);
      });
      return (await Promise.all(answers)).sort();
    };
    for (let round = 0; round < 20; round += 1) {
      expect(await askAll()).toEqual(['IN_USE', 'IN_USE', 'open']);
      expect(await askAll()).toEqual(['closed', 'closed', 'closed']);
    }
  });

  it('waits for the process that creates it, and fails if that process does something else', async () => {
    const other = join(folder, 'other.db');
    await (await openSqliteStore(other, 'write')).close();
    const lock = lockForWriting(path);
    const managed = openSqliteStore(path, 'manage');
    await setTimeout(250);
    await rename(other, path);
    await (await managed).close();
    await rm(path);
    await expect(openSqliteStore(path, 'manage')).rejects.toMatchObject(BUSY);
    lock.release();
  });

  it('does not keep a process alive', async () => {
    const { child, lines } = await start('leave');
    const [code] = await (child.exitCode === null ? once(child, 'exit') : [child.exitCode]);
    expect([code, lines.at(-1)]).toEqual([0, 'counted 0']);
  });
});

/** Checks that a history is whole, batch by batch, and gives the number of its last. */
async function inspect(path: string): Promise<number> {
  const connection = new Connection(path, 'write');
  expect(connection.all('PRAGMA integrity_check')).toEqual([['ok']]);
  connection.close();
  const store = await openSqliteStore(path, 'write');
  const { seq: head } = await store.head();
  for (let seq = 1; seq <= head; seq += 1) {
    const query = {
      afterSeq: seq - 1,
      toSeq: seq,
      kinds: ['threat'],
      integrations: null,
      after: null,
    } as const;
    const revisions = await store.changes({ ...query, limit: 100 });
    expect(revisions.map(({ seqFrom }) => seqFrom)).toEqual(Array(25).fill(seq));
    expect(revisions[0]?.record).toMatchObject({ messages: [{ subject: `seen by batch ${seq}` }] });
    const shown = { kind: 'threat', integrations: null, seq } as const;
    expect(await store.count({ ...shown, filter: null })).toBe(seq * 12 + 13);
    expect(await store.count({ ...shown, filter: { field: 'id', gte: '' } })).toBe(seq * 12 + 13);
  }
  const stream = { integration: 'default', resource: 'threats', filterKey: 'receivedTime' } as const;
  const entries = await store.ledger(stream, '2026-03-01T00:00:00.000Z', '2026-03-02T00:00:00.000Z', head);
  expect(entries.map(({ seq, listed }) => [seq, listed])).toEqual(entries.map((_, i) => [i + 1, i + 1]));
  expect(entries).toHaveLength(head);
  await store.close();
  return head;
}

/** Checks that a history is whole, and gives the length of its audit trail. */
async function inspectKept(path: string): Promise<number> {
  const connection = new Connection(path, 'write');
  expect(connection.all('PRAGMA integrity_check')).toEqual([['ok']]);
  connection.close();
  const reader = await openSqliteStore(path, 'read');
  const length = await reader.journalLength('audit');
  await reader.close();
  return length;
}

async function kill(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  // not its exit: what it wrote before may still be in the pipe
  const ended = once(child, 'close');
  child.kill('SIGKILL');
  await ended;
}
