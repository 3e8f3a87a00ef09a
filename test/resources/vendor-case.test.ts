import { expect, test } from 'vitest';
import { vendorCaseDefinition as definition } from '../../src/resources/vendor-case/vendor-case.js';
import { DecodeError } from '../../src/resources/wire.js';
import { vendorCasePayload } from '../abnormal/payloads.js';

const THREAT = '184712ab-6d8b-47b3-89d3-a314efef79e2';

function decode(payload: unknown, id = '501') {
  const page = { json: payload, evidence: () => JSON.stringify(payload) };
  return definition.decode(id, { pages: [page], isComplete: true, item: null });
}

test('a vendor case is read as the vendor documents it', () => {
  const { record, unread } = decode(vendorCasePayload());
  expect(unread).toEqual([]);
  expect(record).toEqual({
    ...{ vendorCaseId: '501', vendorDomain: 'vendor.example' },
    ...{ firstObservedTime: '2026-02-01T08:00:00.000Z', lastModifiedTime: '2026-02-02T08:00:00.000Z' },
    insights: [{ highlight: 'Vendor compromise', description: 'Another tone than before' }],
    timeline: [
      {
        ...{ time: '2026-02-01T08:00:00.000Z', senderAddress: 'billing@vendor.example' },
        ...{ recipientAddress: 'ann@corp.example', subject: 'New bank account' },
        ...{ markedAsRaw: 'Malicious', threatId: THREAT },
      },
    ],
    threatIds: [THREAT],
  });
  expect(definition.fieldsOf(record)).toMatchObject({
    ...{ vendorDomain: 'vendor.example', senderAddress: ['billing@vendor.example'] },
    ...{ recipientAddress: ['ann@corp.example'], markedAs: ['Malicious'], threatId: [THREAT] },
  });
});

test('an event that cannot be read is left out and named, and one without a threat stays', () => {
  const { record, unread } = decode(
    vendorCasePayload({ insights: null, timeline: [7, { threatId: null, markedAs: 'Safe' }] }),
  );
  expect(record).toMatchObject({
    insights: [],
    threatIds: [],
    timeline: [{ markedAsRaw: 'Safe', time: null }],
  });
  expect(unread.map(({ path }) => path)).toEqual(['timeline.0']);
});

test('a response without an id, or of another vendor case, is rejected', () => {
  expect(() => decode(vendorCasePayload({ vendorCaseId: null }))).toThrow(DecodeError);
  expect(() => decode(vendorCasePayload(), '2')).toThrow('it is of another record');
  expect(() => decode(vendorCasePayload({ timeline: 'none' }))).toThrow(DecodeError);
});
