import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { HistoryStore } from '../../src/history/store.js';
import { changeDocument } from '../../src/history/store-access.js';
import type { DocumentBody, Journal } from '../../src/model/documents.js';
import { toInstant } from '../../src/values/instant.js';
import { batchOf, START } from '../support/records.js';
import type { OpenedStore } from './history-store-suite.js';

const AWKWARD: DocumentBody = {
  $set: { 'a.b': [1, -0.5, 1e21, null, true, ''] },
  text: 'Grüße, 日本, 👩‍🚀, \u0000, \ud800 and "quotes"\n',
  ...{ 10: 'ten', 9: 'nine' },
  large: 'ä'.repeat(600_000),
};

/** What the gateway keeps of its own: documents and journals, also those that somebody beside the writer writes. */
export function describeDocuments(open: () => Promise<OpenedStore>): void {
  // the length of a journal is that of all tests before
  describe('documents and journals', { shuffle: false }, () => {
    let opened: OpenedStore;
    let store: HistoryStore;
    let beside: HistoryStore;
    let made = 0;

    beforeAll(async () => {
      opened = await open();
      store = opened.store;
      beside = await opened.manage();
    });
    afterAll(async () => {
      await beside.close();
      await opened.dispose();
    });

    const newId = () => `document-${++made}`;

    it('store a document unchanged, version by version', async () => {
      const id = newId();
      expect(await store.document('settings', id)).toBeNull();
      expect(await store.putDocument('settings', id, AWKWARD, 0)).toBe(true);
      expect(await store.document('settings', id)).toStrictEqual({ id, version: 1, body: AWKWARD });
      expect(await store.putDocument('settings', id, {}, 1)).toBe(true);
      expect(await store.document('settings', id)).toStrictEqual({ id, version: 2, body: {} });
    });

    it('change a document only if the writer knows the current version', async () => {
      const id = newId();
      expect(await store.putDocument('settings', id, { n: 1 }, 1)).toBe(false);
      expect(await store.removeDocument('settings', id, 1)).toBe(false);
      expect(await store.removeDocument('settings', id, 0)).toBe(false);
      expect(await store.document('settings', id)).toBeNull();
      await store.putDocument('settings', id, { n: 1 }, 0);
      for (const wrong of [0, 2, -1]) {
        expect(await store.putDocument('settings', id, { n: 2 }, wrong)).toBe(false);
        expect(await store.removeDocument('settings', id, wrong)).toBe(false);
      }
      expect(await store.document('settings', id)).toStrictEqual({ id, version: 1, body: { n: 1 } });
      expect(await store.removeDocument('settings', id, 1)).toBe(true);
      expect(await store.document('settings', id)).toBeNull();
      expect(await store.putDocument('settings', id, { n: 3 }, 0)).toBe(true);
      expect(await store.document('settings', id)).toStrictEqual({ id, version: 1, body: { n: 3 } });
    });

    it('list one collection by id, and nothing of another', async () => {
      const ids = ['b', 'a', 'B', '10', '9', 'é', 'a/b', '.', '$x', '\u{1f600}', '\uffee'];
      for (const id of ids) await store.putDocument('apiKeys', id, { key: id }, 0);
      await store.putDocument('drift', 'a', { drift: 'a' }, 0);
      const inOrder = ['$x', '.', '10', '9', 'B', 'a', 'a/b', 'b', 'é', '\uffee', '\u{1f600}'];
      expect(await store.documents('apiKeys')).toStrictEqual(
        inOrder.map((id) => ({ id, version: 1, body: { key: id } })),
      );
      expect(await store.documents('drift')).toStrictEqual([{ id: 'a', version: 1, body: { drift: 'a' } }]);
      expect(await store.documents('integrations')).toStrictEqual([]);
      expect(await store.removeDocument('apiKeys', 'a', 1)).toBe(true);
      expect(await store.document('drift', 'a')).not.toBeNull();
      expect(await store.document('apiKeys', 'a/b')).not.toBeNull();
    });

    it('let one of many concurrent writers of a document succeed', async () => {
      const id = newId();
      const put = (expected: number) =>
        Promise.all(
          Array.from({ length: 10 }, (_, n) =>
            (n % 2 === 0 ? store : beside).putDocument('settings', id, { n }, expected),
          ),
        );
      for (const expected of [0, 1, 2]) {
        const answers = await put(expected);
        expect(answers.filter(Boolean)).toHaveLength(1);
        const document = { id, version: expected + 1, body: { n: answers.indexOf(true) } };
        expect(await store.document('settings', id)).toStrictEqual(document);
        expect(await beside.document('settings', id)).toStrictEqual(document);
      }
      const removals = await Promise.all(
        [store, beside, store].map((s) => s.removeDocument('settings', id, 3)),
      );
      expect(removals.filter(Boolean)).toHaveLength(1);
    });

    it('lose no change of concurrent writers that read, change and retry', async () => {
      const id = newId();
      const increment = (through: HistoryStore) =>
        changeDocument(through, 'settings', id, ({ body }) => ({ n: Number(body.n ?? 0) + 1 }));
      const work = [store, beside, store, beside].map(async (through) => {
        for (let n = 0; n < 5; n += 1) await increment(through);
      });
      await Promise.all(work);
      const document = { id, version: 20, body: { n: 20 } };
      expect(await store.document('settings', id)).toStrictEqual(document);
      expect(await changeDocument(store, 'settings', id, () => null)).toEqual({ document, isChanged: false });
    });

    it('end a change that conflicts every time, and change nothing', async () => {
      const id = newId();
      let others = 0;
      const change = changeDocument(store, 'settings', id, async ({ version }) => {
        others += 1;
        expect(await beside.putDocument('settings', id, { others }, version)).toBe(true);
        return { others: 'mine' };
      });
      await expect(change).rejects.toThrow(`settings/${id} is being changed by other processes`);
      expect(others).toBeGreaterThan(1);
      expect(await store.document('settings', id)).toStrictEqual({ id, version: others, body: { others } });
    });

    it('number journal entries without gaps, and return pages from either end', async () => {
      const at = (n: number) => toInstant(Date.parse(START) + n);
      // long ones are stored in another way
      const textOf = (n: number) => `entry ${n} é`.repeat(n % 3 === 0 ? 1_000 : 1);
      const entry = (n: number) => ({ index: n, at: at(n), body: { n, text: textOf(n) } });
      const append = (n: number) => store.append('seals', n, at(n), entry(n).body);
      const read = (from: number | null, descending: boolean, limit: number) =>
        store.journal({ journal: 'seals', from, descending, limit });
      expect(await store.journalLength('seals')).toBe(0);
      expect(await read(null, false, 10)).toStrictEqual([]);
      for (const wrong of [0, 2, -1]) expect(await append(wrong)).toBe(false);
      for (let n = 1; n <= 12; n += 1) {
        expect(await append(n)).toBe(true);
        for (const wrong of [1, n, n + 2, 0]) expect(await append(wrong)).toBe(false);
        expect(await store.journalLength('seals')).toBe(n);
      }
      const entries = (...ns: number[]) => ns.map(entry);
      expect(await read(null, false, 3)).toStrictEqual(entries(1, 2, 3));
      expect(await read(3, false, 4)).toStrictEqual(entries(4, 5, 6, 7));
      expect(await read(10, false, 300)).toStrictEqual(entries(11, 12));
      expect(await read(12, false, 3)).toStrictEqual([]);
      expect(await read(null, true, 2)).toStrictEqual(entries(12, 11));
      expect(await read(11, true, 2)).toStrictEqual(entries(10, 9));
      expect(await read(2, true, 9)).toStrictEqual(entries(1));
      expect(await read(1, true, 9)).toStrictEqual([]);
      expect(await store.journalLength('audit')).toBe(0);
    });

    it('append all entries of concurrent writers to a journal, one after the other', async () => {
      const append = async (journal: Journal, through: HistoryStore, body: DocumentBody) => {
        for (;;) {
          const index = (await through.journalLength(journal)) + 1;
          if (await through.append(journal, index, START, body)) return index;
        }
      };
      const writers = [store, beside, store, beside].map(async (through, writer) => {
        const indexes: number[] = [];
        for (let n = 0; n < 5; n += 1) indexes.push(await append('audit', through, { writer, n }));
        return indexes;
      });
      const indexes = await Promise.all(writers);
      expect(indexes.flat().sort((a, b) => a - b)).toEqual(Array.from({ length: 20 }, (_, n) => n + 1));
      const query = { journal: 'audit', from: null, descending: false, limit: 100 } as const;
      const entries = await beside.journal(query);
      expect(entries.map(({ index }) => index)).toEqual(Array.from({ length: 20 }, (_, n) => n + 1));
      for (const [writer, own] of indexes.entries()) {
        expect(own.map((index) => entries[index - 1]?.body)).toEqual(own.map((_, n) => ({ writer, n })));
      }
      await store.append('audit', 21, START, AWKWARD);
      expect((await store.journal({ ...query, from: 20 }))[0]?.body).toStrictEqual(AWKWARD);
    });

    it('show all processes what another one wrote, at once', async () => {
      const id = newId();
      for (let version = 0; version < 6; version += 2) {
        expect(await beside.putDocument('settings', id, { by: 'beside' }, version)).toBe(true);
        expect(await store.document('settings', id)).toMatchObject({ version: version + 1 });
        expect(await store.putDocument('settings', id, { by: 'writer' }, version + 1)).toBe(true);
        expect(await beside.document('settings', id)).toMatchObject({ version: version + 2 });
        await store.record(batchOf(`beside-${id}-${version}`));
        expect((await beside.head()).seq).toBe((await store.head()).seq);
      }
    });

    it('keep what was written after the store is closed', async () => {
      const id = newId();
      await store.putDocument('settings', id, { kept: true }, 0);
      const length = await store.journalLength('seals');
      await store.append('seals', length + 1, START, { kept: true });
      await store.close();
      store = await opened.reopen();
      expect(await store.document('settings', id)).toMatchObject({ body: { kept: true } });
      expect(await store.journalLength('seals')).toBe(length + 1);
    });
  });
}
