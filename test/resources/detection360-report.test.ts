import { expect, test } from 'vitest';
import { detection360ReportDefinition as definition } from '../../src/resources/detection360-report/detection360-report.js';
import { DecodeError } from '../../src/resources/wire.js';
import { reportPayload } from '../abnormal/payloads.js';

function decode(payload: unknown, id = '70412') {
  const page = { json: payload, evidence: () => JSON.stringify(payload) };
  return definition.decode(id, { pages: [page], isComplete: true, item: null });
}

test('a report is read as the vendor documents it', () => {
  const { record, unread, payload } = decode(reportPayload());
  expect(record).toEqual({
    ...{ reportId: '70412', inquiryTypeRaw: 'MISSED_ATTACK', statusRaw: 'RESOLVED' },
    submissionTime: '2026-02-01T09:30:00.000Z',
    ...{ submittedByName: 'Ann', submittedByAddress: 'ann@corp.example' },
    messageIds: ['-2718281828459045235', '101'],
    analysis: 'The sender was new.',
    rootCauses: [{ name: 'New sender', description: 'Not seen before' }],
  });
  expect(unread).toEqual([]);
  expect(payload).toEqual(reportPayload());
  expect(definition.fieldsOf(record)).toEqual({
    ...{ id: '70412', submissionTime: '2026-02-01T09:30:00.000Z', inquiryType: 'MISSED_ATTACK' },
    ...{ status: 'RESOLVED', open: false, submittedByAddress: 'ann@corp.example' },
    messageId: ['-2718281828459045235', '101'],
  });
});

test('a report before its review has no analysis, and one without a status is open', () => {
  const { report: _none, submitted_by: _nobody, status: _unsaid, ...payload } = reportPayload();
  const { record, unread } = decode(payload);
  expect(record).toMatchObject({ analysis: null, rootCauses: [], submittedByName: null, statusRaw: null });
  expect(definition.fieldsOf(record).open).toBe(true);
  expect(unread).toEqual([]);
});

test('parts that cannot be read are named and leave the others', () => {
  const { record, unread } = decode(
    reportPayload({
      submission_datetime: 'yesterday',
      report: { analysis: ['no text'], root_causes: [7, { name: 'A' }] },
    }),
  );
  expect(record).toMatchObject({ submissionTime: null, analysis: null, statusRaw: 'RESOLVED' });
  expect(record.rootCauses).toEqual([{ name: 'A', description: null }]);
  expect(unread.map(({ path }) => path).sort()).toEqual([
    'report.analysis',
    'report.root_causes.0',
    'submission_datetime',
  ]);
});

test('an item without an id, or of another report, is rejected', () => {
  expect(() => decode(reportPayload({ id: null }))).toThrow(DecodeError);
  expect(() => decode(reportPayload(), '1')).toThrow('it is of another record');
});
