import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parsePeriod } from '../../../src/controls/period.js';
import { controlsOf } from '../../../src/controls/registry.js';
import { type ReportQuestion, writeReport } from '../../../src/evidence/report/write-report.js';
import { openStore } from '../../../src/history/open-store.js';
import type { HistoryStore, Pin } from '../../../src/history/store.js';
import { applyPolicy, CONTROL_IDS, NO_POLICY } from '../../../src/policy/policy.js';
import { canonicalJson, sha256 } from '../../../src/values/canonical-json.js';
import { mail } from '../../support/control-facts.js';
import { ask, hoursAfter, recordHistory, type Seen } from '../../support/evidence-history.js';
import { sampleCase, sampleMessage, sampleThreat } from '../../support/records.js';

const BEGIN = '2026-09-01T00:00:00.000Z';
const threats = 1300;
const seen: Seen[] = [
  ...Array.from({ length: threats }, (_, i) => {
    const at = hoursAfter(BEGIN, i / 4);
    const changes = { subject: i === 7 ? 'two\nlines "and" quotes \u2028' : `Mail ${i}` };
    const messages = [sampleMessage(`m${i}`, mail(at, i % 100 === 7 ? null : 5000, changes))];
    return { at: hoursAfter(BEGIN, Math.ceil(i / 40) * 10 + 1), threat: sampleThreat(`t${i}`, { messages }) };
  }),
  ...['Action Required', 'Acknowledged (In progress)'].map((statusRaw, i) => ({
    at: hoursAfter(BEGIN, 40 + 20 * i),
    case: sampleCase('c1', { customerVisibleTime: hoursAfter(BEGIN, 39), statusRaw }),
  })),
];

let store: HistoryStore;
let pin: Pin;

beforeAll(async () => {
  store = await openStore('sqlite::memory:', 'write');
  const span = { from: '2026-08-20T00:00:00.000Z', to: '2026-10-05T00:00:00.000Z' };
  pin = await recordHistory(store, { ...span, seen });
});

afterAll(() => store.close());

function question(changes: Partial<ReportQuestion> & { of?: string } = {}): ReportQuestion {
  const { of = '2026-09', ...rest } = changes;
  return {
    period: parsePeriod(of),
    controls: controlsOf(CONTROL_IDS),
    pin,
    integrations: null,
    rules: applyPolicy(NO_POLICY),
    credentials: [],
    trend: null,
    format: 'ndjson',
    rows: 'population',
    simulated: [],
    ...rest,
  };
}

async function write(asked: ReportQuestion): Promise<string> {
  const pieces: string[] = [];
  await writeReport(store, asked, async (text) => void pieces.push(text));
  return pieces.join('');
}

type Line = Record<string, unknown> & { readonly type: string };
const linesOf = (text: string) =>
  text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Line);

describe('findings', () => {
  test('are lines between an opening line and a closing line', async () => {
    const lines = linesOf(await write(question()));
    expect(lines[0]).toMatchObject({ type: 'report', rows: 'population', seq: pin.seq, asOf: pin.at });
    const results = lines.filter(({ type }) => type === 'result');
    expect(results.map(({ control }) => control)).toEqual(CONTROL_IDS);
    const rows = lines.filter(({ type }) => type === 'finding');
    expect(lines.at(-1)).toEqual({ type: 'end', rows: rows.length });
    expect(lines).toHaveLength(2 + rows.length + results.length);
  });

  test('include every member of every population with its outcome', async () => {
    const lines = linesOf(await write(question()));
    const { results } = await ask(store, { period: '2026-09', pin });
    for (const { control, outcomes } of results) {
      const rows = lines.filter((line) => line.type === 'finding' && line.control === control);
      for (const [outcome, count] of Object.entries(outcomes))
        expect(
          rows.filter((row) => row.outcome === outcome),
          `${control} ${outcome}`,
        ).toHaveLength(count);
    }
    const messages = lines.filter(
      ({ control, type }) => type === 'finding' && control === 'attacks-remediated',
    );
    expect(messages).toHaveLength(threats);
    expect(messages[7]).toMatchObject({ outcome: 'EXCEPTION', subject: 'RECORD', kind: 'threat', id: 't7' });
    expect(messages[7]?.label).toContain('two\nlines "and" quotes \u2028');
  });

  test('can be limited to those that count against a control', async () => {
    const lines = linesOf(await write(question({ rows: 'exceptions' })));
    const rows = lines.filter(({ type }) => type === 'finding');
    expect(rows.length).toBe(13);
    expect(rows.every(({ outcome }) => outcome === 'EXCEPTION')).toBe(true);
  });

  test('of the same view have the same bytes, whatever is recorded meanwhile', async () => {
    const first = await write(question());
    const later = { from: '2026-10-06T00:00:00.000Z', to: '2026-10-07T00:00:00.000Z', prefix: 'later' };
    await recordHistory(store, later);
    expect(await write(question())).toBe(first);
  });
});

describe('revisions', () => {
  const versions = async (changes: Parameters<typeof question>[0] = {}) =>
    linesOf(await write(question({ rows: 'revisions', ...changes })));

  test('are every version recorded in the period, in the order of recording', async () => {
    const lines = await versions();
    const rows = lines.slice(1, -1);
    expect(lines[0]).toMatchObject({ type: 'report', rows: 'revisions', seq: pin.seq });
    expect(lines.at(-1)).toEqual({ type: 'end', rows: rows.length });
    expect(rows).toHaveLength(threats + 2);
    const order = rows.map(({ seq }) => Number(seq));
    expect([...order].sort((a, b) => a - b)).toEqual(order);
    expect(new Set(rows.map(({ kind, id, seq }) => `${kind} ${id} ${seq}`)).size).toBe(rows.length);
    const [open, taken] = rows.filter(({ kind }) => kind === 'case');
    expect(open).toMatchObject({ supersededBy: taken?.seq, observedTo: taken?.observedFrom });
    expect(taken).toMatchObject({ supersededBy: null, observedTo: null, verifiedAt: null });
  });

  test('each have the received text, which matches the digest', async () => {
    const text = await write(question({ rows: 'revisions' }));
    for (const line of text.trimEnd().split('\n').slice(1, -1)) {
      const [, received = ''] = /,"received":(.*)}$/s.exec(line) ?? [];
      const { digest, received: parsed } = JSON.parse(line);
      expect(sha256(received)).toBe(digest);
      expect(sha256(canonicalJson(parsed))).toBe(digest);
    }
  });

  test('of adjacent periods neither repeat nor miss a version', async () => {
    const days = Array.from({ length: 30 }, (_, i) => `2026-09-${String(i + 1).padStart(2, '0')}`);
    const each = await Promise.all(days.map((of) => versions({ of })));
    const whole = await versions();
    expect(each.flatMap((lines) => lines.slice(1, -1))).toEqual(whole.slice(1, -1));
  });

  test('as of an earlier view do not include later ones', async () => {
    const early = await store.pinAt('2026-09-02T18:00:00.000Z');
    const rows = (await versions({ pin: early })).slice(1, -1);
    expect(rows.every(({ seq }) => Number(seq) <= early.seq)).toBe(true);
    expect(rows.find(({ kind }) => kind === 'case')).toMatchObject({ supersededBy: null, observedTo: null });
  });

  test('of a period without versions are none, and the output says so', async () => {
    expect(await versions({ of: '2020-01' })).toMatchObject([{ type: 'report' }, { type: 'end', rows: 0 }]);
    expect((await versions({ integrations: ['nobody'] })).at(-1)).toEqual({ type: 'end', rows: 0 });
  });
});

test.each(['population', 'revisions'] as const)(
  '%s are read no faster than the consumer takes them',
  async (rows) => {
    let [under, most] = [0, 0];
    let pieces = 0;
    await writeReport(store, question({ rows }), async () => {
      most = Math.max(most, ++under);
      pieces += 1;
      await new Promise((resolve) => setImmediate(resolve));
      under -= 1;
    });
    expect(most).toBe(1);
    expect(pieces).toBeGreaterThan(3);
  },
);

test.each(['population', 'revisions'] as const)('%s end when the consumer stops', async (rows) => {
  const stop = new AbortController();
  const written: string[] = [];
  const writing = writeReport(
    store,
    question({ rows }),
    async (text) => {
      written.push(text);
      if (written.length === 2) stop.abort();
    },
    { signal: stop.signal },
  );
  await expect(writing).rejects.toThrow();
  expect(written.join('')).not.toContain('"type":"end"');
});

test('a consumer that fails ends the output with its error', async () => {
  const full = new Error('no space left on device');
  await expect(writeReport(store, question(), () => Promise.reject(full))).rejects.toBe(full);
});
