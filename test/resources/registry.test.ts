import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  absentTime,
  DEFINITION_OF,
  FIELDS,
  fieldSpec,
  fieldsOf,
  type ListedKind,
  recordValues,
  undecidedBy,
} from '../../src/resources/registry.js';
import { type Fields, type Filter, isMatch } from '../../src/values/filter.js';
import { LISTED, variantOf, variants } from '../support/arbitraries.js';
import { filterOf, itemFilterOf } from '../support/arbitraries-filters.js';
import {
  sampleCampaign,
  sampleCase,
  sampleDetection360Report,
  sampleMessage,
  sampleNotAnalyzedMessage,
  samplePortalAuditLog,
  sampleThreat,
  sampleVendorCase,
} from '../support/records.js';

type Answer = true | false | 'UNKNOWN';

/** What a filter says of a record when a comparison with a missing time has no answer: Kleene's logic. */
function judge(
  kind: ListedKind,
  fields: Fields,
  filter: Filter,
  items: readonly Fields[] | null = [],
): Answer {
  if ('and' in filter) return all(filter.and.map((part) => judge(kind, fields, part, items)));
  if ('or' in filter) return negated(all(filter.or.map((part) => negated(judge(kind, fields, part, items)))));
  if ('not' in filter) return negated(judge(kind, fields, filter.not, items));
  if ('some' in filter) {
    const found = (items ?? []).map((item) => judge(kind, { ...fields, ...item }, filter.some, null));
    return negated(all(found.map(negated)));
  }
  const spec = items ? fieldSpec(kind, filter.field) : DEFINITION_OF[kind].items?.fields[filter.field];
  const isTime = spec?.type === 'instant';
  const asksForNone = ('eq' in filter && filter.eq === null) || ('in' in filter && filter.in.includes(null));
  if (!isTime || asksForNone || fields[filter.field] !== null) return isMatch(fields, filter);
  const isKnownToBeNone =
    (filter.field === 'latestRemediationTime' &&
      ['NOT_REMEDIATED', 'NOT_NEEDED', 'ATTEMPTED'].includes(String(fields.remediationState))) ||
    (filter.field === 'remediationTime' &&
      ['NOT_REMEDIATED', 'NOT_NEEDED', 'ATTEMPTED'].includes(String(fields.remediation)));
  return isKnownToBeNone ? false : 'UNKNOWN';
}

function all(answers: readonly Answer[]): Answer {
  if (answers.includes(false)) return false;
  return answers.includes('UNKNOWN') ? 'UNKNOWN' : true;
}

function negated(answer: Answer): Answer {
  return answer === 'UNKNOWN' ? answer : !answer;
}

test.each(LISTED)(
  'the parts of an undecided %s filter match exactly the records it cannot decide, once each',
  (kind) => {
    const record = fc.tuple(variants, fc.nat({ max: 20 }));
    fc.assert(
      fc.property(filterOf(kind), fc.array(record, { minLength: 1, maxLength: 8 }), (filter, records) => {
        const parts = undecidedBy(kind, filter);
        for (const [of, n] of records) {
          const { fields, items } = recordValues(kind, variantOf(of, kind, `id-${n}`, n));
          const matching = parts.filter((part) => isMatch(fields, part.filter, items));
          expect(matching).toHaveLength(judge(kind, fields, filter, items) === 'UNKNOWN' ? 1 : 0);
        }
        for (const part of parts)
          if (!part.isOfItems) expect([absentTime(kind, part.filter)]).toEqual(part.fields);
      }),
      { numRuns: 400, seed: 20_260_301 },
    );
  },
);

test('the parts of an undecided filter of messages match exactly the messages it cannot decide, once each', () => {
  fc.assert(
    fc.property(itemFilterOf('threat'), variants, fc.nat({ max: 20 }), (filter, of, n) => {
      const parts = undecidedBy('threat', filter, true);
      const { fields, items } = recordValues('threat', variantOf(of, 'threat', 't', n));
      for (const item of items) {
        const own = { ...fields, ...item };
        const isUnknown = judge('threat', own, filter, null) === 'UNKNOWN';
        expect(parts.filter((part) => isMatch(own, part.filter))).toHaveLength(isUnknown ? 1 : 0);
      }
    }),
    { numRuns: 400, seed: 20_260_301 },
  );
});

/** A record of each kind without any time. */
const WITHOUT_TIMES: Record<ListedKind, Fields> = {
  threat: fieldsOf(
    'threat',
    sampleThreat('t', {
      messages: [
        sampleMessage('1', { receivedTime: null, remediationStatusRaw: 'Remediated', remediationTime: null }),
      ],
    }),
  ),
  case: fieldsOf(
    'case',
    sampleCase('c', {
      ...{ lastModifiedTime: null, createdTime: null, customerVisibleTime: null, firstObservedTime: null },
    }),
  ),
  campaign: fieldsOf('campaign', sampleCampaign('k', { lastReportedTime: null, firstReportedTime: null })),
  notAnalyzedMessage: fieldsOf('notAnalyzedMessage', sampleNotAnalyzedMessage('m', { reportedTime: null })),
  portalAuditLog: fieldsOf('portalAuditLog', samplePortalAuditLog('a', { timestamp: null })),
  vendorCase: fieldsOf(
    'vendorCase',
    sampleVendorCase('v', { firstObservedTime: null, lastModifiedTime: null }),
  ),
  detection360Report: fieldsOf('detection360Report', sampleDetection360Report('r', { submissionTime: null })),
};

describe.each(LISTED)('every time of a %s', (kind) => {
  const times = Object.keys(FIELDS[kind]).filter((field) => fieldSpec(kind, field)?.type === 'instant');
  const instant = '2026-03-01T00:00:00.000Z';

  test.each(times)('without a value makes a comparison of %s undecided', (field) => {
    for (const leaf of [
      { field, gte: instant },
      { field, lte: instant },
      { field, eq: instant },
    ]) {
      for (const filter of [leaf, { not: leaf }, { or: [leaf, { field: 'id', eq: 'other' }] }]) {
        const parts = undecidedBy(kind, filter);
        expect(parts.map((part) => [part.fields, isMatch(WITHOUT_TIMES[kind], part.filter)])).toEqual([
          [[field], true],
        ]);
      }
    }
  });

  test.each(times)('does not matter if %s is compared with null or other conditions decide', (field) => {
    const leaf = { field, gte: instant };
    const decided: Filter[] = [
      { field, eq: null },
      { and: [leaf, { field: 'id', eq: 'other' }] },
      { or: [leaf, { field: 'id', contains: '' }] },
    ];
    for (const filter of decided) {
      expect(undecidedBy(kind, filter).filter((part) => isMatch(WITHOUT_TIMES[kind], part.filter))).toEqual(
        [],
      );
    }
  });
});

test('a threat that was not remediated is excluded by a remediation time, not undecided', () => {
  const messages = [sampleMessage('1', { remediationStatusRaw: 'Not Remediated', remediationTime: null })];
  const fields = fieldsOf('threat', sampleThreat('t', { messages }));
  expect(fields).toMatchObject({ latestRemediationTime: null, remediationState: 'NOT_REMEDIATED' });
  const [part] = undecidedBy('threat', { field: 'latestRemediationTime', gte: '2026-03-01T00:00:00.000Z' });
  expect(part && isMatch(fields, part.filter)).toBe(false);
});
