import { z } from 'zod';
import type { ResourceDefinition } from '../../src/resources/definition.js';
import { shape } from '../../src/resources/known-shapes.js';
import { assertId, decode, instant, requiredId, term, unreadParts, word } from '../../src/resources/wire.js';
import { DAY, type Instant } from '../../src/values/instant.js';

/* A resource that the gateway does not have: what adding one takes is tested with it. */

export interface VendorCaseRecord {
  readonly vendorCaseId: string;
  readonly vendorDomain: string | null;
  readonly status: string | null;
  readonly lastModifiedTime: Instant | null;
}

const schema = z.object({
  vendorCaseId: requiredId,
  vendorDomain: word,
  status: term,
  lastModifiedTime: instant,
});

export const vendorCaseDefinition = {
  kind: 'vendorCase',
  resource: 'vendorCases',
  graphType: 'VendorCase',
  upstream: {
    listPaths: ['/vendor-cases'],
    collectionKey: 'vendorCases',
    idField: 'vendorCaseId',
    detail: 'SINGLE',
    availability: 'ADD_ON',
  },
  decode(id, { pages: [detail] }) {
    const record = decode(schema, detail, `the vendor case ${id}`);
    assertId(id, record.vendorCaseId, detail, `the vendor case ${id}`);
    return { record, payload: detail.json, unread: unreadParts(schema.shape, detail.json) };
  },
  shapes: [{ name: 'vendorCase', shape: shape(schema.shape), at: null }],
  parts: [],
  streams: [
    { filterKey: 'lastModifiedTime', timesOf: ({ lastModifiedTime: at }) => (at === null ? [] : [at]) },
  ],
  fields: {
    id: { type: 'text', order: true },
    lastModifiedTime: { type: 'instant', order: true },
    vendorDomain: { type: 'text', reference: true },
    open: { type: 'boolean' },
  },
  fieldsOf: ({ vendorCaseId: id, lastModifiedTime, vendorDomain, status }) => ({
    ...{ id, lastModifiedTime, vendorDomain },
    open: status === 'Open',
  }),
  searchedBy: [],
  defaultOrder: 'lastModifiedTime',
  earliestField: 'lastModifiedTime',
  unsettledField: 'open',
  population: { changesMoveRecords: true, export: null },
  evidence: { versions: 'EACH', times: ['lastModifiedTime'] },
  collection: 'CORE',
  polling: { variable: 'POLL_VENDOR_CASES_EVERY', defaultMs: DAY, threshold: 'pollVendorCasesEvery' },
  shownAs: {},
  texts: {
    record: 'A vendor case.',
    resource: 'Vendor cases, by when they were last modified.',
    list: 'The list of vendor cases.',
    order: 'last modified first',
  },
} as const satisfies ResourceDefinition<VendorCaseRecord>;
