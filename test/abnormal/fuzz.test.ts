import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { AbnormalClient } from '../../src/abnormal/client.js';
import { UpstreamError } from '../../src/abnormal/errors.js';
import { DecodeError } from '../../src/resources/wire.js';
import { canonicalJson } from '../../src/values/canonical-json.js';
import { raw } from '../support/upstream-server.js';
import { type Harness, POLL, startHarness, WINDOW } from './harness.js';
import { campaignPayload, casePayload, messagePayload, threatPayload } from './payloads.js';

let h: Harness;
const unhandled: unknown[] = [];
const onUnhandled = (reason: unknown) => void unhandled.push(reason);

beforeAll(async () => {
  process.on('unhandledRejection', onUnhandled);
  h = await startHarness({ retry: { tries: 2 }, maxBodyBytes: 4_000_000 });
});

afterAll(async () => {
  process.off('unhandledRejection', onUnhandled);
  await h.close();
});

interface Subject {
  readonly name: string;
  readonly path: string;
  readonly payload: unknown;
  readonly read: (client: AbnormalClient) => Promise<unknown>;
}

const analysis = {
  insights: [{ signal: 'a', description: 'b' }],
  eventTimeline: [
    { event_timestamp: '2026-02-01T22:41:54Z', title: 'x', location: { city: 'Aix' }, isp: 'y' },
  ],
};
const link = { abxMessageId: 5, abxMessageIdStr: '5', linkUrl: 'http://a.example', domainLink: 'a.example' };

const SUBJECTS: readonly Subject[] = [
  {
    name: 'a list of threats',
    path: '/threats',
    payload: { threats: [{ threatId: 'a' }, { threatId: 'b' }], pageNumber: 1, nextPageNumber: 2, total: 3 },
    read: (client) => client.list('threats', 'receivedTime', WINDOW, 1, POLL),
  },
  {
    name: 'a list of cases',
    path: '/cases',
    payload: { cases: [{ caseId: 1, last_modified: '2026-02-01T00:00:00Z' }], pageNumber: 1 },
    read: (client) => client.list('cases', 'lastModifiedTime', WINDOW, 1, POLL),
  },
  {
    name: 'a threat',
    path: '/threats/t1',
    payload: threatPayload([messagePayload(), messagePayload({ abxMessageIdStr: '102', isRead: 'true' })], {
      pageNumber: 1,
    }),
    read: (client) => client.detail('threat', 't1', null, POLL),
  },
  {
    name: 'a case',
    path: '/cases/4711',
    payload: casePayload(),
    read: (client) => client.detail('case', '4711', { caseId: 4711, created: '2026-02-01T00:00:00Z' }, POLL),
  },
  {
    name: 'a campaign',
    path: '/abusecampaigns/c1',
    payload: campaignPayload(),
    read: (client) => client.detail('campaign', 'c1', null, POLL),
  },
  {
    name: 'an analysis',
    path: '/cases/4711/analysis',
    payload: analysis,
    read: (client) => client.detail('caseAnalysis', '4711', null, POLL),
  },
  {
    name: 'links',
    path: '/threats/t1/links',
    payload: { links: [link], tenantId: 1, tenantName: 'a' },
    read: (client) => client.detail('threatLinks', 't1', null, POLL),
  },
  {
    name: 'attachments',
    path: '/threats/t1/attachments',
    payload: { attachments: [{ abxMessageId: 5, attachmentName: 'a' }] },
    read: (client) => client.detail('threatAttachments', 't1', null, POLL),
  },
];

type Giant = 'text' | 'list' | 'objects';

const GIANTS: Record<Giant, () => unknown> = {
  text: () => 'x'.repeat(300_000),
  list: () => Array(20_000).fill(1),
  objects: () => Array.from({ length: 2_000 }, () => ({})),
};

const substituteText: fc.Arbitrary<string> = fc.oneof(
  { weight: 4, arbitrary: fc.jsonValue({ maxDepth: 3 }).map((value) => JSON.stringify(value)) },
  {
    weight: 2,
    arbitrary: fc.constantFrom('null', '""', '"null"', '{}', '[]', '[[]]', '{"a":{}}', 'true', '"true"'),
  },
  {
    weight: 2,
    arbitrary: fc.constantFrom('-1', '0', '1.5', '9007199254740992', '1e300', '"\\ud83d"', '"\\u0000"'),
  },
);

/** What is put in a value's place: other types, garbage, numbers at every edge, giants. */
const substitute: fc.Arbitrary<() => unknown> = fc.oneof(
  { weight: 8, arbitrary: substituteText.map((text) => () => JSON.parse(text)) },
  { weight: 1, arbitrary: fc.constantFrom<Giant>('text', 'list', 'objects').map((giant) => GIANTS[giant]) },
);

interface Mutation {
  readonly where: number;
  readonly how: 'replace' | 'remove' | 'wrap' | 'rename';
  readonly by: () => unknown;
}

const mutation: fc.Arbitrary<Mutation> = fc.record({
  where: fc.nat(1_000),
  how: fc.constantFrom('replace', 'replace', 'remove', 'wrap', 'rename'),
  by: substitute,
});

/** `value` with one of its parts, counted through in order, changed. */
function mutate(value: unknown, { where, how, by }: Mutation): unknown {
  const parts = partsOf(value);
  const { holder, key } = parts[where % parts.length] ?? { holder: null, key: '' };
  if (holder === null) return by();
  const old = holder[key];
  if (how !== 'wrap' && how !== 'replace') delete holder[key];
  if (how === 'replace') holder[key] = by();
  if (how === 'wrap') holder[key] = [old];
  if (how === 'rename') holder[`${key}_`] = old;
  return value;
}

interface Part {
  readonly holder: Record<string, unknown> | null;
  readonly key: string;
}

function partsOf(value: unknown, holder: Part['holder'] = null, key = ''): Part[] {
  const self = { holder, key };
  if (typeof value !== 'object' || value === null) return [self];
  const record = value as Record<string, unknown>;
  return [self, ...Object.keys(record).flatMap((name) => partsOf(record[name], record, name))];
}

/** What is done to the text itself. */
const damage: fc.Arbitrary<(text: string) => Buffer> = fc.oneof(
  { weight: 6, arbitrary: fc.constant((text: string) => Buffer.from(text)) },
  {
    weight: 1,
    arbitrary: fc.nat(5_000).map((at) => (text: string) => Buffer.from(text).subarray(0, at % text.length)),
  },
  {
    weight: 1,
    arbitrary: fc.tuple(fc.nat(5_000), fc.nat(255)).map(([at, byte]) => (text: string) => {
      const bytes = Buffer.from(text);
      bytes[at % bytes.length] = byte;
      return bytes;
    }),
  },
  {
    weight: 1,
    arbitrary: fc.nat(5_000).map((at) => (text: string) => {
      return Buffer.from(`${text.slice(0, at % text.length)}${text}${text.slice(at % text.length)}`);
    }),
  },
  {
    weight: 1,
    arbitrary: fc.nat(20).map((at) => (text: string) => {
      const fields = text.split(',');
      const field = fields[at % fields.length] ?? '';
      return Buffer.from([...fields.slice(0, 1), field, ...fields.slice(1)].join(','));
    }),
  },
  {
    weight: 1,
    arbitrary: fc.nat(5_000).map((depth) => (text: string) => {
      return Buffer.from(text.replace(/:/, `:${'['.repeat(depth)}${']'.repeat(depth)},"x":`));
    }),
  },
);

test.each(SUBJECTS)(
  '$name, mutated in any way, is decoded or rejected with a reason',
  async ({ path, payload, read }) => {
    const outcomes = { read: 0, refused: 0 };
    await fc.assert(
      fc.asyncProperty(fc.array(mutation, { maxLength: 4 }), damage, async (mutations, break_) => {
        const mutated = mutations.reduce(mutate, structuredClone(payload));
        h.server.on(path, raw(break_(JSON.stringify(mutated) ?? 'null')));
        try {
          const result = await read(h.client);
          // what was read can be recorded
          expect(canonicalJson(JSON.parse(JSON.stringify(result)))).toBe(canonicalJson(result));
          outcomes.read += 1;
        } catch (error) {
          if (!(error instanceof DecodeError) && !(error instanceof UpstreamError)) throw error;
          expect(error.message).toMatch(/Abnormal/);
          expect(Buffer.byteLength(error.body ?? '')).toBeLessThanOrEqual(65_536);
          outcomes.refused += 1;
        }
      }),
      { numRuns: Number(process.env.FUZZ_RUNS ?? 120) },
    );
    // both happen, or the mutations are not what they are meant to be
    expect(Math.min(outcomes.read, outcomes.refused)).toBeGreaterThan(5);
    expect(unhandled).toEqual([]);
  },
);
