import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { MessageRecord } from '../../src/resources/threat/threat.js';
import { canonicalJson } from '../../src/values/canonical-json.js';
import { json, type Reply, raw } from '../support/upstream-server.js';
import { decodeError, type Harness, POLL, startHarness, upstreamError } from './harness.js';
import { messagePayload, threatPayload } from './payloads.js';

let h: Harness;

beforeEach(async () => {
  h = await startHarness({ retry: { tries: 2 } });
});

afterEach(() => h.close());

const threat = (id = 't1') => h.client.detail('threat', id, null, POLL);

async function decoded(changes: Record<string, unknown>): Promise<MessageRecord> {
  h.server.on('/threats/t1', json(threatPayload([messagePayload(changes)])));
  const [message] = (await threat()).record.messages;
  if (!message) throw new Error('no message');
  return message;
}

test('a detail is decoded as the vendor documents it', async () => {
  h.server.on('/threats/t1', json(threatPayload()));
  const { record, payload, fetchedAt } = await threat();
  expect(record).toEqual({
    threatId: 't1',
    recipientCount: 5,
    pagesComplete: true,
    tenantId: '12',
    tenantName: 'corp',
    messages: [
      {
        messageId: '101',
        portalUrl: 'https://portal.example.com/home/remediation-history/101',
        subject: 'Overdue invoice 4711',
        fromAddress: 'billing@vendor.example',
        fromName: 'Billing',
        senderDomain: 'vendor.example',
        senderIpAddress: '192.0.2.10',
        toAddresses: ['ann@corp.example'],
        recipientAddress: 'ann@corp.example',
        ccAddresses: [],
        replyToAddresses: ['pay@elsewhere.example'],
        returnPath: 'bounce@vendor.example',
        receivedTime: '2026-02-01T08:00:05.000Z',
        sentTime: '2026-02-01T08:00:00.000Z',
        internetMessageId: '<1@vendor.example>',
        attackTypeRaw: 'Invoice/Payment Fraud (BEC)',
        attackStrategyRaw: 'Name Impersonation',
        attackVectorRaw: 'Link',
        attackedPartyRaw: 'Employee (other)',
        impersonatedPartyRaw: 'None / Others',
        remediationStatusRaw: 'Auto-Remediated',
        remediationTime: '2026-02-01T08:01:45.735Z',
        autoRemediated: true,
        postRemediated: false,
        isRead: false,
        attachmentCount: 1,
        attachmentNames: ['invoice.pdf'],
        urlCount: 2,
        urls: ['https://pay.example/a,b'],
        summaryInsights: ['Unusual Sender'],
        judgementRaw: 'Attack',
        customerOverride: null,
      },
    ],
  });
  expect(payload).toEqual(threatPayload());
  expect(Math.abs(Date.parse(fetchedAt) - Date.now())).toBeLessThan(60_000);
  expect(Object.fromEntries(h.server.requests[0]?.query ?? [])).toEqual({ pageSize: '100', pageNumber: '1' });
});

describe('message ids', () => {
  const BIG = '-1234567891234567891';
  test.each<[string, string, string]>([
    ['the text, where both are there', `"abxMessageId":${BIG},"abxMessageIdStr":"${BIG}"`, BIG],
    [
      'the text, though the integer was rounded',
      `"abxMessageId":-1234567891234568000,"abxMessageIdStr":"${BIG}"`,
      BIG,
    ],
    ['the text, though it came as a number', `"abxMessageId":5,"abxMessageIdStr":${BIG}`, BIG],
    ['the integer to its last digit, where the text is missing', `"abxMessageId":${BIG}`, BIG],
    [
      'the integer, where the text is null',
      `"abxMessageId":2260288475997441028,"abxMessageIdStr":null`,
      '2260288475997441028',
    ],
    ['the integer, where the text is blank', `"abxMessageId":77,"abxMessageIdStr":""`, '77'],
    ['the integer, where the text is "null"', `"abxMessageId":77,"abxMessageIdStr":"null"`, '77'],
    [
      'the whole id of the portal, where the integer is its rounding',
      `"abxMessageId":1234567891234568000,"abxPortalUrl":"https://portal.example.com/x/1234567891234567891"`,
      '1234567891234567891',
    ],
    [
      'the integer, where the portal names something else',
      `"abxMessageId":1234567891234568000,"abxPortalUrl":"https://portal.example.com/x/999"`,
      '1234567891234568000',
    ],
    [
      'the integer, where the portal names a near one',
      `"abxMessageId":77,"abxPortalUrl":"https://p.example/x/78"`,
      '77',
    ],
  ])('are read from %s', async (_name, fields, id) => {
    h.server.on('/threats/t1', raw(`{"threatId":"t1","messages":[{${fields}}]}`));
    expect((await threat()).record.messages.map((message) => message.messageId)).toEqual([id]);
  });

  test('that are large integers are text in the payload', async () => {
    h.server.on('/threats/t1', raw(`{"threatId":"t1","messages":[{"abxMessageId":${BIG},"n":1.5,"m":12}]}`));
    expect((await threat()).payload).toEqual({
      threatId: 't1',
      messages: [{ abxMessageId: BIG, n: 1.5, m: 12 }],
    });
  });

  test('that rounding would make equal stay two messages', async () => {
    const rounded = (last: string) =>
      `{"abxMessageId":-1111111111111111200,"abxPortalUrl":"https://p.example/-11111111111111111${last}"}`;
    h.server.on('/threats/t1', raw(`{"threatId":"t1","messages":[${rounded('12')},${rounded('14')}]}`));
    expect((await threat()).record.messages.map((message) => message.messageId)).toEqual([
      '-1111111111111111112',
      '-1111111111111111114',
    ]);
  });
});

describe('fields that come in several forms', () => {
  test.each<[string, Record<string, unknown>, Partial<MessageRecord>]>([
    ['toAddresses: one', { toAddresses: 'a@x.example' }, { toAddresses: ['a@x.example'] }],
    [
      'toAddresses: joined',
      { toAddresses: 'a@x.example,b@x.example' },
      { toAddresses: ['a@x.example', 'b@x.example'] },
    ],
    [
      'toAddresses: joined with blanks',
      { toAddresses: 'a@x.example, b@x.example' },
      { toAddresses: ['a@x.example', 'b@x.example'] },
    ],
    [
      'toAddresses: a list',
      { toAddresses: ['a@x.example', 'b@x.example'] },
      { toAddresses: ['a@x.example', 'b@x.example'] },
    ],
    [
      'toAddresses: a list of joined ones',
      { toAddresses: ['a@x.example, b@x.example', ''] },
      { toAddresses: ['a@x.example', 'b@x.example'] },
    ],
    [
      'toAddresses: names with commas',
      { toAddresses: '"Doe, Ann" <a@x.example>, b@x.example' },
      { toAddresses: ['a@x.example', 'b@x.example'] },
    ],
    [
      'toAddresses: semicolons',
      { toAddresses: '"Doe, Jane" <j@x.test>; b@x.test' },
      { toAddresses: ['j@x.test', 'b@x.test'] },
    ],
    [
      'toAddresses: the last cut off within a quoted name',
      { toAddresses: 'a@x.example, "Doe, An' },
      { toAddresses: ['a@x.example', 'Doe, An'] },
    ],
    [
      'toAddresses: the last cut off within an address',
      { toAddresses: 'Ann <a@x.example>, Ben <b@x.ex' },
      { toAddresses: ['a@x.example', 'b@x.ex'] },
    ],
    [
      'toAddresses: a quoted local part with another address in it',
      { toAddresses: '"a@good.example, b"@evil.example, c@x.example' },
      { toAddresses: ['"a@good.example, b"@evil.example', 'c@x.example'] },
    ],
    [
      'toAddresses: blanks between them',
      { toAddresses: 'a@x.example b@x.example' },
      { toAddresses: ['a@x.example', 'b@x.example'] },
    ],
    [
      'toAddresses: a group',
      { toAddresses: 'Team: a@x.example, b@x.example;, c@x.example' },
      { toAddresses: ['a@x.example', 'b@x.example', 'c@x.example'] },
    ],
    ['toAddresses: blank', { toAddresses: '' }, { toAddresses: [] }],
    ['toAddresses: null', { toAddresses: null }, { toAddresses: [] }],
    ['toAddresses: missing', { toAddresses: undefined }, { toAddresses: [] }],
    ['ccEmails: text', { ccEmails: 'c@x.example' }, { ccAddresses: ['c@x.example'] }],
    ['replyToEmails: null', { replyToEmails: null }, { replyToAddresses: [] }],
    ['urls: one, with a comma', { urls: 'https://x.example/a,b' }, { urls: ['https://x.example/a,b'] }],
    [
      'attachmentNames: blanks among them',
      { attachmentNames: [null, '', 'a.zip'] },
      { attachmentNames: ['a.zip'] },
    ],
    ['isRead: spelt out', { isRead: 'true' }, { isRead: true }],
    ['isRead: spelt out with a capital', { isRead: 'False' }, { isRead: false }],
    ['isRead: null', { isRead: null }, { isRead: null }],
    ['isRead: a word nobody knows', { isRead: 'perhaps' }, { isRead: null }],
    ['autoRemediated: a number', { autoRemediated: 1 }, { autoRemediated: true }],
    ['attachmentCount: text', { attachmentCount: '3' }, { attachmentCount: 3 }],
    ['attachmentCount: no number', { attachmentCount: 'some' }, { attachmentCount: null }],
    ['urlCount: missing', { urlCount: undefined }, { urlCount: null }],
    [
      'urlCount: not the number of urls',
      { urlCount: 39 },
      { urlCount: 39, urls: ['https://pay.example/a,b'] },
    ],
    [
      'attack fields of null',
      { attackStrategy: null, attackVector: null, attackedParty: null, impersonatedParty: null },
      { attackStrategyRaw: null, attackVectorRaw: null, attackedPartyRaw: null, impersonatedPartyRaw: null },
    ],
    [
      'a word nobody has seen',
      { attackType: 'Quishing 2.0', remediationStatus: 'Would Remediate' },
      { attackTypeRaw: 'Quishing 2.0', remediationStatusRaw: 'Would Remediate' },
    ],
    [
      'either spelling of a party',
      { attackedParty: 'Employee (Other)' },
      { attackedPartyRaw: 'Employee (Other)' },
    ],
    [
      '"null" spelt out',
      {
        senderIpAddress: 'null',
        returnPath: 'NULL',
        remediationStatus: 'null',
        remediationTimestamp: 'null',
      },
      { senderIpAddress: null, returnPath: null, remediationStatusRaw: null, remediationTime: null },
    ],
    ['"null" as a subject', { subject: 'null' }, { subject: 'null' }],
    [
      'a blank address',
      { senderIpAddress: '', recipientAddress: ' ' },
      { senderIpAddress: null, recipientAddress: null },
    ],
    ['a blank subject', { subject: '' }, { subject: '' }],
    ['an empty object for nothing', { returnPath: {} }, { returnPath: null }],
    ['a number for a text', { subject: 4711 }, { subject: '4711' }],
    [
      'a time but no remediation',
      { autoRemediated: false, postRemediated: false },
      { autoRemediated: false, postRemediated: false, remediationTime: '2026-02-01T08:01:45.735Z' },
    ],
    [
      'an override',
      { customerOverride: { overrideType: 'A', reason: 'safe', extra: 1 } },
      { customerOverride: { overrideType: 'A', reason: 'safe', overrideJudgement: null, value: null } },
    ],
    [
      'a subject cut off within a character',
      { subject: 'Win \ud83c\udf89 now \ud83c' },
      { subject: 'Win \ud83c\udf89 now \ufffd' },
    ],
  ])('are decoded: %s', async (_name, changes, expected) => {
    expect(await decoded(changes)).toMatchObject(expected);
  });

  test('may be missing: a message of 2021 has little more than its id', async () => {
    h.server.on('/threats/t1', json({ threatId: 't1', messages: [{ abxMessageId: 9, subject: 'Old' }] }));
    const { record } = await threat();
    expect(record).toMatchObject({ recipientCount: null, tenantId: null, tenantName: null });
    expect(record.messages[0]).toMatchObject({
      messageId: '9',
      subject: 'Old',
      receivedTime: null,
      urls: [],
    });
  });
});

describe('timestamps from Abnormal', () => {
  test.each([
    ['2026-02-01T08:00:05Z', '2026-02-01T08:00:05.000Z'],
    ['2026-02-01T08:00:05.7Z', '2026-02-01T08:00:05.700Z'],
    ['2026-02-01T08:00:05.73564Z', '2026-02-01T08:00:05.735Z'],
    ['2026-02-01T08:00:05.123456789Z', '2026-02-01T08:00:05.123Z'],
    ['2026-02-01T08:00:05.789000+00:00', '2026-02-01T08:00:05.789Z'],
    ['2026-02-01T08:00:05+00:00', '2026-02-01T08:00:05.000Z'],
    ['2026-02-01T08:00:05-08:00', '2026-02-01T16:00:05.000Z'],
    ['2026-02-01 08:00:05.141000+00:00', '2026-02-01T08:00:05.141Z'],
    ['2026-02-01T08:00:05', '2026-02-01T08:00:05.000Z'],
    ['', null],
    [null, null],
  ])('are read: %j', async (sent, read) => {
    expect((await decoded({ remediationTimestamp: sent })).remediationTime).toBe(read);
    expect(h.logged()).not.toContain('do not read');
  });

  test.each(['the other day', '2026-02-30T08:00:00Z', '1769932805'])(
    'that cannot be read (%j) are null in the record, kept in the payload and logged by field name',
    async (sent) => {
      const message = await decoded({ receivedTime: sent });
      expect(message).toMatchObject({ receivedTime: null, subject: 'Overdue invoice 4711' });
      expect((await threat()).payload).toMatchObject({ messages: [{ receivedTime: sent }] });
      expect(h.logged()).toContain('messages[101].receivedTime');
    },
  );
});

describe('the messages of a threat', () => {
  test.each<[string, Record<string, unknown>]>([
    ['missing', { threatId: 't1', recipientCount: 3 }],
    ['null', { threatId: 't1', recipientCount: 3, messages: null }],
    ['none', { threatId: 't1', recipientCount: 3, messages: [] }],
  ])('are an empty list for %s', async (_name, sent) => {
    h.server.on('/threats/t1', json(sent));
    const { record, payload } = await threat();
    expect(record).toMatchObject({ messages: [], recipientCount: 3, pagesComplete: true });
    expect(payload).toEqual(sent);
  });

  test('are sorted newest first, ties by id, those without a time last', async () => {
    const sent = [
      messagePayload({ abxMessageIdStr: 'no-time', receivedTime: null }),
      messagePayload({ abxMessageIdStr: 'b', receivedTime: '2026-02-01T08:00:00Z' }),
      messagePayload({ abxMessageIdStr: 'old', receivedTime: '2026-01-01T00:00:00Z' }),
      // the same instant as b, written otherwise
      messagePayload({ abxMessageIdStr: 'a', receivedTime: '2026-02-01T09:00:00+01:00' }),
      messagePayload({ abxMessageIdStr: 'new', receivedTime: '2026-03-01T00:00:00Z' }),
    ];
    h.server.on('/threats/t1', json(threatPayload(sent)), json(threatPayload([...sent].reverse())));
    const [one, other] = [await threat(), await threat()];
    expect(one.record.messages.map((message) => message.messageId)).toEqual([
      'new',
      'a',
      'b',
      'old',
      'no-time',
    ]);
    expect(canonicalJson(other.payload)).toBe(canonicalJson(one.payload));
  });

  test('are one if sent twice, and two if different messages share an id', async () => {
    const sent = [
      messagePayload(),
      messagePayload(),
      messagePayload({ recipientAddress: 'bob@corp.example' }),
    ];
    h.server.on('/threats/t1', json(threatPayload(sent)));
    const { record, payload } = await threat();
    expect(record.messages.map((message) => message.recipientAddress)).toEqual([
      'ann@corp.example',
      'bob@corp.example',
    ]);
    expect(payload).toMatchObject({ messages: [{}, {}] });
  });

  test('keep unknown fields', async () => {
    const sent = threatPayload([messagePayload({ brandNew: { deep: [1] } })], { alsoNew: null });
    h.server.on('/threats/t1', json(sent));
    expect((await threat()).payload).toEqual(sent);
  });
});

describe('the message pages of a threat', () => {
  const message = (id: string, minute: number, changes: Record<string, unknown> = {}) =>
    messagePayload({ abxMessageIdStr: id, receivedTime: `2026-02-01T08:${10 + minute}:00Z`, ...changes });
  const page = (pageNumber: number, messages: readonly unknown[], nextPageNumber?: unknown): Reply =>
    json(threatPayload(messages, { pageNumber, nextPageNumber }));
  const ids = (messages: readonly MessageRecord[]) => messages.map(({ messageId }) => messageId);

  test('are followed and joined; paging fields are not in the payload', async () => {
    h.server.on(
      '/threats/t1',
      page(1, [message('c', 3), message('b', 2)], 2),
      page(2, [message('a', 1)], null),
    );
    const { record, payload } = await threat();
    expect(ids(record.messages)).toEqual(['c', 'b', 'a']);
    expect(record.pagesComplete).toBe(true);
    h.server.on('/threats/t1', json(threatPayload([message('a', 1), message('b', 2), message('c', 3)])));
    expect(canonicalJson((await threat()).payload)).toBe(canonicalJson(payload));
    expect(h.server.requests.map((request) => request.query.get('pageNumber'))).toEqual(['1', '2', '1']);
  });

  test('give the last version read of a message that moved to a later page', async () => {
    h.server.on(
      '/threats/t1',
      page(1, [message('b', 2), message('a', 1, { isRead: false })], '2'),
      page(2, [message('a', 1, { isRead: true })]),
    );
    const { record } = await threat();
    expect(record.messages.map(({ messageId, isRead }) => [messageId, isRead])).toEqual([
      ['b', false],
      ['a', true],
    ]);
  });

  test.each<[string, Reply[], number]>([
    ['the first page again and again', [page(1, [message('a', 1)], 2)], 2],
    ['another page than was asked for', [page(1, [message('a', 1)], 2), page(1, [message('b', 1)])], 2],
    ['a page that names itself as the next', [page(1, [message('a', 1)], 1)], 1],
    ['a page that leads back', [page(1, [message('a', 1)], 2), page(2, [], 1)], 2],
    ['a page that leads past one', [page(1, [message('a', 1)], 7)], 1],
    ['a next page that is no number', [page(1, [message('a', 1)], 'more')], 1],
    [
      'a next page that is not there',
      [page(1, [message('a', 1)], 2), json({ message: 'no such page' }, 404)],
      2,
    ],
  ])('end at %s, and the threat is marked incomplete', async (_name, [first, ...rest], calls) => {
    if (first) h.server.on('/threats/t1', first, ...rest);
    const { record } = await threat();
    expect(ids(record.messages)).toEqual(['a']);
    expect(record.pagesComplete).toBe(false);
    expect(h.server.requests).toHaveLength(calls);
  });

  test.each<[string, (number: number) => object[], number, boolean]>([
    ['an empty page is the last, whatever it names', (n) => (n === 1 ? [message('a', 1)] : []), 2, true],
    ['two pages without a new message are enough', () => [message('a', 1)], 3, false],
  ])('end when each page names a next page: %s', async (_name, messagesOf, calls, isComplete) => {
    h.server.on('/threats/t1', (response, request) => {
      const number = Number(request.query.get('pageNumber'));
      page(number, messagesOf(number), number + 1)(response, request);
    });
    const { record } = await threat();
    expect(ids(record.messages)).toEqual(['a']);
    expect(record.pagesComplete).toBe(isComplete);
    expect(h.server.requests).toHaveLength(calls);
  });

  test('are followed up to forty pages', async () => {
    h.server.on('/threats/t1', (response, request) => {
      const number = Number(request.query.get('pageNumber'));
      page(number, [message(String(number), 1)], number + 1)(response, request);
    });
    const { record } = await threat();
    expect(record).toMatchObject({ pagesComplete: false });
    expect(record.messages).toHaveLength(40);
    expect(h.server.requests).toHaveLength(40);
  });

  test('make the whole detail fail if one fails, because a partial threat is not a version', async () => {
    h.server.on('/threats/t1', page(1, [message('a', 1)], 2), json({}, 500));
    expect(await upstreamError(threat())).toMatchObject({ code: 'SERVER_ERROR' });
  });

  test('of another threat are not accepted', async () => {
    h.server.on('/threats/t1', page(1, [message('a', 1)], 2), json({ threatId: 't2', messages: [] }));
    expect((await decodeError(threat())).body).toContain('"t2"');
  });
});

describe('a response that is not a threat', () => {
  test.each<[string, unknown, RegExp]>([
    ['another one', threatPayload([], { threatId: 't2' }), /another record, "t2"/],
    ['one without its id', { messages: [] }, /threatId: expected an id, received nothing/],
    ['one whose id is a list', { threatId: ['t1'] }, /threatId: expected an id, received a list/],
    ['messages of a number', { threatId: 't1', messages: 3 }, /messages: .*expected array, received number/],
    ['messages of text', { threatId: 't1', messages: '[]' }, /messages: .*expected array, received string/],
    ['a list', [threatPayload()], /the body: .*expected object/],
    ['null', null, /the body: .*expected object/],
    ['a number', 7, /the body: .*expected object/],
  ])('is rejected: %s', async (_name, sent, reason) => {
    h.server.on('/threats/t1', json(sent));
    const error = await decodeError(threat());
    expect(error.message).toMatch(reason);
    expect(error.message).toContain('the threat t1');
    expect(error.body).toBe(JSON.stringify(sent));
  });

  test.each(['', '.', '..', ' t1', 'a\nb', '\ud800'])(
    'is not requested for %j, which cannot be an id',
    async (id) => {
      expect(await upstreamError(threat(id))).toMatchObject({ code: 'NOT_FOUND' });
      expect(h.server.requests).toHaveLength(0);
    },
  );

  test('is not reached through an id with a slash', async () => {
    h.server.on('/threats/../cases/1', json(threatPayload([], { threatId: '../cases/1' })));
    expect((await threat('../cases/1')).record.threatId).toBe('../cases/1');
  });
});

describe('the parts of a threat', () => {
  test('include attachments with the ids of their messages', async () => {
    const sent =
      '{"attachments":[{"abxMessageId":-1234567891234567891,"abxMessageIdStr":"-1234567891234567891","attachmentName":"a.pdf"},{"abxMessageId":-1234567891234567892,"attachmentName":""},{"attachmentName":"b.pdf","verdict":"x"}],"tenantId":null,"tenantName":null}';
    h.server.on('/threats/t1/attachments', raw(sent));
    const { record, payload } = await h.client.detail('threatAttachments', 't1', null, POLL);
    expect(record).toEqual({
      threatId: 't1',
      attachments: [
        { messageId: '-1234567891234567891', name: 'a.pdf' },
        { messageId: '-1234567891234567892', name: '' },
        { messageId: null, name: 'b.pdf' },
      ],
    });
    expect(payload).toMatchObject({
      attachments: [{ abxMessageId: '-1234567891234567891' }, {}, { verdict: 'x' }],
    });
  });

  test('include links', async () => {
    const link = {
      abxMessageId: 5,
      abxMessageIdStr: '5',
      domainLink: 'spoof.example',
      linkType: 'html href',
      source: 'body',
      displayText: 'Click',
      linkUrl: 'http://spoof.example',
    };
    h.server.on(
      '/threats/t1/links',
      json({ links: [link, { linkUrl: null, displayText: '' }], tenantId: 1 }),
    );
    expect((await h.client.detail('threatLinks', 't1', null, POLL)).record).toEqual({
      threatId: 't1',
      links: [
        {
          messageId: '5',
          url: 'http://spoof.example',
          domain: 'spoof.example',
          linkType: 'html href',
          source: 'body',
          displayText: 'Click',
        },
        { messageId: null, url: null, domain: null, linkType: null, source: null, displayText: '' },
      ],
    });
  });

  test('fail without their collection, which is not the same as an empty one', async () => {
    h.server.on('/threats/t1/attachments', json({ tenantId: 1 }));
    h.server.on('/threats/t1/links', json({ links: {} }));
    expect((await decodeError(h.client.detail('threatAttachments', 't1', null, POLL))).message).toMatch(
      /attachments: .*received undefined/,
    );
    expect((await decodeError(h.client.detail('threatLinks', 't1', null, POLL))).message).toMatch(/links: /);
  });
});
