import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Fetched } from '../../src/abnormal/client.js';
import { campaignSchema } from '../../src/resources/campaign/campaign.js';
import { caseItemSchema, caseSchema } from '../../src/resources/case/case.js';
import { eventSchema, insightShape } from '../../src/resources/case/case-analysis.js';
import type { Kind } from '../../src/resources/registry.js';
import { messageSchema, threatSchema } from '../../src/resources/threat/decode-threat.js';
import { overrideShape } from '../../src/resources/threat/threat.js';
import { attachmentShape, linkShape } from '../../src/resources/threat/threat-definition.js';
import { addresses, integer, requiredId, texts } from '../../src/resources/wire.js';
import { canonicalJson } from '../../src/values/canonical-json.js';
import { raw as rawReply } from '../support/upstream-server.js';
import { type Harness, POLL, startHarness } from './harness.js';
import { campaignPayload, casePayload, messagePayload, threatPayload } from './payloads.js';

/*
 * One value of a detail that does not read costs that value and no other. Tested over every field of every schema:
 * a field that is added is in it.
 */

let h: Harness;
beforeAll(async () => {
  h = await startHarness();
});
afterAll(() => h.close());

type Raw = Record<string, unknown>;

/** An object of a detail: its schema, a detail that has it, and the detail with something put into it. */
interface Place {
  /** As drift names it. */
  readonly path: string;
  readonly shape: Readonly<Record<string, unknown>>;
  fetch(changes: Raw): Promise<Fetched<Kind>>;
}

const attachment = { abxMessageIdStr: '101', attachmentName: 'a.pdf' };
const link = { abxMessageIdStr: '101', linkUrl: 'https://a.example' };
const event = { event_timestamp: '2026-02-01T22:41:54Z', title: 'x' };

function get<T>(path: string, body: unknown, read: () => Promise<T>): Promise<T> {
  h.server.on(path, rawReply(JSON.stringify(body)));
  return read();
}
const threat = (body: unknown) => get('/threats/t1', body, () => h.client.detail('threat', 't1', null, POLL));
const aCase = (body: unknown, item: Raw | null = null) =>
  get('/cases/4711', body, () => h.client.detail('case', '4711', item, POLL));
const analysis = (body: unknown) =>
  get('/cases/4711/analysis', body, () => h.client.detail('caseAnalysis', '4711', null, POLL));
const attachments = (list: unknown[]) =>
  get('/threats/t1/attachments', { attachments: list }, () =>
    h.client.detail('threatAttachments', 't1', null, POLL),
  );
const links = (list: unknown[]) =>
  get('/threats/t1/links', { links: list }, () => h.client.detail('threatLinks', 't1', null, POLL));

const PLACES: readonly Place[] = [
  {
    ...{ path: 'threat', shape: threatSchema.shape },
    fetch: (changes) => threat(threatPayload([messagePayload()], changes)),
  },
  {
    ...{ path: 'threat.messages[]', shape: messageSchema.shape },
    fetch: (changes) =>
      threat(threatPayload([messagePayload({ abxMessageIdStr: '102' }), messagePayload(changes)])),
  },
  {
    ...{ path: 'threat.messages[].customerOverride', shape: overrideShape },
    fetch: (changes) =>
      threat(threatPayload([messagePayload({ customerOverride: { reason: 'r', ...changes } })])),
  },
  { ...{ path: 'case', shape: caseSchema.shape }, fetch: (changes) => aCase(casePayload(changes)) },
  {
    ...{ path: 'cases[]', shape: caseItemSchema.shape },
    fetch: (changes) =>
      aCase(casePayload({ threatIds: [], genai_summary: [] }), { caseId: 4711, ...changes }),
  },
  {
    ...{ path: 'campaign', shape: campaignSchema.shape },
    fetch: (changes) =>
      get('/abusecampaigns/c1', campaignPayload(changes), () =>
        h.client.detail('campaign', 'c1', null, POLL),
      ),
  },
  {
    ...{ path: 'caseAnalysis.insights[]', shape: insightShape },
    fetch: (changes) => analysis({ insights: [{ signal: 's' }, changes] }),
  },
  {
    ...{ path: 'caseAnalysis.eventTimeline[]', shape: eventSchema.shape },
    fetch: (changes) => analysis({ eventTimeline: [event, { ...event, ...changes }] }),
  },
  {
    ...{ path: 'threatAttachments.attachments[]', shape: attachmentShape },
    fetch: (changes) => attachments([attachment, { ...attachment, ...changes }]),
  },
  {
    ...{ path: 'threatLinks.links[]', shape: linkShape },
    fetch: (changes) => links([link, { ...link, ...changes }]),
  },
];

const FIELDS = PLACES.flatMap((place) =>
  Object.entries(place.shape)
    .filter(([name, schema]) => schema !== requiredId && !(place.path === 'threat' && name === 'messages'))
    .map(([name, schema]) => ({ place, name, schema, text: `${place.path}.${name}` })),
);
const isList = (schema: unknown) => schema === texts || schema === addresses;

test('the number of tested fields is as expected', () => expect(FIELDS.length).toBeGreaterThan(100));

test.each(FIELDS)(
  '$text with a wrong type is null and named, and no other field is affected',
  async ({ place, name, schema, text }) => {
    const value = isList(schema)
      ? [{ a: 1 }, 'kept@x.example']
      : schema === messageSchema.shape.customerOverride
        ? 'x'
        : [{ a: 1 }];
    const sound = await place.fetch({});
    const { record, payload, drift } = await place.fetch({ [name]: value });
    const unreadable = drift.filter(({ kind }) => kind === 'UNREADABLE');
    expect(unreadable.map(({ path }) => path)).toEqual([text]);
    // what was sent is kept, and nothing of it is told
    expect(canonicalJson(payload)).toContain(canonicalJson(value));
    expect(JSON.stringify(unreadable)).not.toContain('kept@');
    if (isList(schema)) expect(JSON.stringify(record)).toContain('"kept@x.example"');
    // no other field is touched
    const changed = differing(sound.record, record).filter((path) => !path.startsWith('unread'));
    expect(new Set(changed.map((path) => path.replace(/\.\d+$/, ''))).size).toBeLessThanOrEqual(
      // the date decides the order of messages, and the id and the portal address which message it is
      ['receivedTime', 'abxMessageIdStr', 'abxPortalUrl', 'severity'].includes(name)
        ? Number.POSITIVE_INFINITY
        : 1,
    );
  },
);

/** The paths of the values in which two values differ. */
function differing(a: unknown, b: unknown, path = ''): string[] {
  if (canonicalJson(a ?? null) === canonicalJson(b ?? null)) return [];
  const isObject = (value: unknown): value is Raw => typeof value === 'object' && value !== null;
  if (!isObject(a) || !isObject(b)) return [path];
  const keys = new Set([...Object.keys(a), ...Object.keys(b)]);
  return [...keys].flatMap((key) => differing(a[key], b[key], path === '' ? key : `${path}.${key}`));
}

describe('an integer that the graph cannot show', () => {
  const integers = FIELDS.filter(({ schema }) => schema === integer);
  const beyond = [2 ** 31, -(2 ** 31), 2 ** 53, 1e300, 1.5, '99999999999', '1e3'];

  test('is checked in every integer field', () => {
    expect(integers.map(({ text }) => text)).toEqual([
      ...['threat.recipientCount', 'threat.messages[].attachmentCount', 'threat.messages[].urlCount'],
    ]);
  });

  test.each(integers.flatMap((field) => beyond.map((value) => ({ ...field, value }))))(
    '$text of $value is null, reported as drift and kept as received',
    async ({ place, name, value, text }) => {
      const { record, payload, drift } = await place.fetch({ [name]: value });
      const holders = 'messages' in record ? [record, ...record.messages] : [];
      expect(holders.map((holder) => (holder as unknown as Raw)[name])).toContain(null);
      expect(drift).toEqual([
        { kind: 'UNREADABLE', path: text, value: 'not a whole number within ±2147483647' },
      ]);
      // what no JavaScript number can hold is kept as text
      expect(canonicalJson(payload).replaceAll('"', '')).toContain(`${name}:${value}`);
    },
  );

  test.each(integers)('$text of 2147483647 is accepted', async ({ place, name }) => {
    const { record, drift } = await place.fetch({ [name]: 2_147_483_647 });
    expect(JSON.stringify(record)).toContain(`"${name}":2147483647`);
    expect(drift).toEqual([]);
  });
});

describe('an invalid list element', () => {
  const BAD = [null, 7, 'x', ['y']];

  test.each<[string, (list: unknown[]) => Promise<Fetched<Kind>>, string, unknown]>([
    ['threatAttachments.attachments', attachments, 'attachments', attachment],
    ['threatLinks.links', links, 'links', link],
    ['caseAnalysis.insights', (insights) => analysis({ insights }), 'insights', { signal: 's' }],
    ['caseAnalysis.eventTimeline', (eventTimeline) => analysis({ eventTimeline }), 'events', event],
  ])('of %s does not affect the other elements', async (path, fetch, name, good) => {
    for (const bad of BAD) {
      const { record, payload, drift } = await fetch([good, bad, good]);
      expect((record as unknown as Record<string, unknown[]>)[name]).toHaveLength(2);
      expect(canonicalJson(payload)).toContain(`,${canonicalJson(bad)},`);
      expect(drift).toMatchObject([{ kind: 'UNREADABLE', path: `${path}[]` }]);
    }
  });

  test('of a threat’s messages does not affect the others; the threat is incomplete and names it', async () => {
    for (const bad of [...BAD, { subject: 'without an id' }]) {
      const sent = [messagePayload({ abxMessageIdStr: '1' }), bad, messagePayload({ abxMessageIdStr: '2' })];
      const { record, payload, drift } = await threat(threatPayload(sent));
      if (!('messages' in record)) throw new Error('no threat');
      expect(record.messages.map(({ messageId }) => messageId)).toEqual(['1', '2']);
      expect(record.pagesComplete).toBe(false);
      // by its place in what is kept as received
      const kept = (payload as { messages: unknown[] }).messages;
      expect(kept).toHaveLength(3);
      expect(kept[2]).toEqual(bad);
      const flaw = drift[0]?.value ?? '';
      expect(record).toMatchObject({ unread: [`messages.2: ${flaw}`] });
      expect(drift).toMatchObject([{ kind: 'UNREADABLE', path: 'threat.messages[]' }]);
    }
    expect(h.logged()).toContain('messages.2: neither abxMessageIdStr nor abxMessageId holds an id');
  });

  test('of a threat gives the same version at any position', async () => {
    const [a, b] = [messagePayload({ abxMessageIdStr: '1' }), { subject: 'b' }];
    const one = await threat(threatPayload([a, b, { subject: 'c' }]));
    const other = await threat(threatPayload([{ subject: 'c' }, b, a]));
    expect(canonicalJson(other.payload)).toBe(canonicalJson(one.payload));
  });
});

test('a record without unreadable fields has no list of unreadable fields', async () => {
  for (const { fetch } of PLACES) expect((await fetch({})).record).not.toHaveProperty('unread');
});
