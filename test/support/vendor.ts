import { z } from 'zod';
import { type ResourceDefinition, shape } from '../../src/resources/definition.js';
import { assertId, decode, instant, requiredId, term, unreadParts, word } from '../../src/resources/wire.js';
import { DAY, type Instant } from '../../src/values/instant.js';

/* A resource that the gateway does not have: what adding one takes is tested with it. */

export interface VendorRecord {
  readonly vendorId: string;
  readonly vendorDomain: string | null;
  readonly status: string | null;
  readonly lastModifiedTime: Instant | null;
}

const schema = z.object({
  vendorId: requiredId,
  vendorDomain: word,
  status: term,
  lastModifiedTime: instant,
});

export const vendorDefinition = {
  kind: 'vendor',
  resource: 'vendors',
  graphType: 'Vendor',
  upstream: {
    listPaths: ['/vendors'],
    collectionKey: 'vendors',
    idField: 'vendorId',
    detail: 'SINGLE',
    availability: 'ADD_ON',
  },
  decode(id, { pages: [detail] }) {
    const record = decode(schema, detail, `the vendor ${id}`);
    assertId(id, record.vendorId, detail, `the vendor ${id}`);
    return { record, payload: detail.json, unread: unreadParts(schema.shape, detail.json) };
  },
  shapes: [{ name: 'vendor', shape: shape(schema.shape), at: null }],
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
  fieldsOf: ({ vendorId: id, lastModifiedTime, vendorDomain, status }) => ({
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
  polling: { variable: 'POLL_VENDORS_EVERY', defaultMs: DAY, threshold: 'pollVendorsEvery' },
  shownAs: {},
  texts: {
    record: 'A vendor.',
    resource: 'Vendors, by when they were last modified.',
    list: 'The list of vendors.',
    order: 'last modified first',
  },
} as const satisfies ResourceDefinition<VendorRecord>;
