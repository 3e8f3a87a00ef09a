import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { openStore } from '../../src/history/open-store.js';

describe('openStore', () => {
  it('opens a SQLite file by its path, and an in-memory history', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'history-'));
    const path = join(folder, 'history.db');
    for (const url of [`sqlite:${path}`, `sqlite://${path}`]) {
      const store = await openStore(url, 'write');
      expect(store.description).toBe('sqlite');
      await expect(openStore(`sqlite:${path}`, 'write')).rejects.toMatchObject({ code: 'IN_USE' });
      await store.close();
    }
    const [one, other] = [
      await openStore('sqlite::memory:', 'write'),
      await openStore('sqlite::memory:', 'write'),
    ];
    await Promise.all([one.close(), other.close()]);
    await rm(folder, { recursive: true });
  });

  it.each([
    '',
    'sqlite:',
    'sqlite:/',
    'sqlite://host/path.db',
    './history.db',
    'postgres://user:hunter2@host/db',
    'mongodb:user:hunter2',
  ])('refuses HISTORY=%j with the accepted forms and without the password', async (url) => {
    const refused = openStore(url, 'write');
    await expect(refused).rejects.toMatchObject({ name: 'HistoryError', code: 'UNUSABLE' });
    await expect(refused).rejects.toThrow(/HISTORY/);
    await expect(refused).rejects.not.toThrow(/hunter2/);
  });
});
