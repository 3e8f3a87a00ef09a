import { expect, test } from 'vitest';
import { notAnalyzedMessageDefinition as message } from '../../src/resources/not-analyzed-message/not-analyzed-message.js';
import { portalAuditLogDefinition as entry } from '../../src/resources/portal-audit-log/portal-audit-log.js';
import { DecodeError } from '../../src/resources/wire.js';

const ID = '-2718281828459045235';
const detail = (json: unknown) => ({
  ...{ pages: [{ json, evidence: () => JSON.stringify(json) }] as const, isComplete: true, item: null },
});

test('a message that was not analysed is read as the vendor documents it', () => {
  const json = {
    ...{ subject: 'Fw: your parcel', abx_message_id: ID, reported_datetime: '2026-02-01T08:00:00.5+02:00' },
    ...{ recipient: { name: 'Reports' }, reporter: { name: 'Sam', email: 'sam@corp.example' } },
    not_analyzed_reason: 'EXCLUDED_SENDER',
  };
  const { record, unread } = message.decode(ID, detail(json));
  expect(unread).toEqual([]);
  expect(record).toEqual({
    ...{ messageId: ID, reportedTime: '2026-02-01T06:00:00.500Z', reasonRaw: 'EXCLUDED_SENDER' },
    ...{ subject: 'Fw: your parcel', reporterName: 'Sam', reporterAddress: 'sam@corp.example' },
    ...{ recipientName: 'Reports', recipientAddress: null },
  });
  expect(message.fieldsOf(record)).toMatchObject({ id: ID, reason: 'EXCLUDED_SENDER' });
  expect(() => message.decode('1', detail(json))).toThrow('it is of another record');
  expect(() => message.decode(ID, detail({ subject: 'no id' }))).toThrow(DecodeError);
});

test('an entry of the audit log is read with its time with a space, and the text “null” is no reason', () => {
  const json = {
    ...{ action: 'view_message_content', category: 'threat_log', sourceIp: '192.0.2.7', status: 'SUCCESS' },
    actionDetails: { messageId: ID, providedReason: 'null', requestUrl: '/threat-log' },
    ...{ tenantName: '', timestamp: '2024-07-17 15:39:32.141000+00:00', user: { email: 'sam@corp.example' } },
  };
  const { record, unread } = entry.decode('digest', detail(json));
  expect(unread).toEqual([]);
  expect(record).toEqual({
    ...{ entryId: 'digest', timestamp: '2024-07-17T15:39:32.141Z', category: 'threat_log' },
    ...{ action: 'view_message_content', statusRaw: 'SUCCESS', userAddress: 'sam@corp.example' },
    ...{ sourceIp: '192.0.2.7', tenantName: '', messageId: ID, reason: null, requestUrl: '/threat-log' },
  });
  const { record: bare } = entry.decode('digest', detail({ timestamp: 'yesterday', actionDetails: null }));
  expect(bare).toMatchObject({ timestamp: null, action: null, messageId: null, userAddress: null });
});
