import { expect, test } from 'vitest';
import { decodeRemediationHistory } from '../../src/resources/threat/threat-definition.js';
import { DecodeError } from '../../src/resources/wire.js';

const decode = (json: unknown) =>
  decodeRemediationHistory('-7', { json, evidence: () => JSON.stringify(json) });

const TIMES = {
  'Would Remediate': '2023-04-11T21:00:00+00:00',
  'Auto-Remediated': '2023-04-11T20:54:56.244716+00:00',
};
const EVENTS = [
  { statusRaw: 'Auto-Remediated', time: '2023-04-11T20:54:56.244Z' },
  { statusRaw: 'Would Remediate', time: '2023-04-11T21:00:00.000Z' },
];

test('folders are read as the vendor documents them, and as accounts return them', () => {
  expect(decode({ remediation_history: TIMES, folder_locations: ['Junk'] }).record).toEqual({
    ...{ messageId: '-7', events: EVENTS, folders: [{ name: 'Junk', displayName: null }] },
  });
  const live = decode({
    remediation_history: TIMES,
    folder_locations: [{ name: 'junkemail', display_name: 'Junk' }],
  });
  expect(live.record.folders).toEqual([{ name: 'junkemail', displayName: 'Junk' }]);
  expect(live.unread).toEqual([]);
});

test('a time or folder that cannot be read is named, and the others stay', () => {
  const { record, unread } = decode({
    remediation_history: { ...TIMES, 'Marked Safe': 'soon' },
    folder_locations: [7, 'Junk'],
  });
  expect(record.events).toHaveLength(3);
  expect(record.folders).toEqual([{ name: 'Junk', displayName: null }]);
  expect(unread.map(({ path }) => path)).toEqual(['remediation_history.Marked Safe', 'folder_locations.0']);
  expect(decode({ remediation_history: {} }).record).toMatchObject({ events: [], folders: [] });
  expect(() => decode({ folder_locations: [] })).toThrow(DecodeError);
});
