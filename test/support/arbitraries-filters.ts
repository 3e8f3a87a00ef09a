import fc, { type Arbitrary } from 'fast-check';
import type { FieldSpec } from '../../src/resources/definition.js';
import type { ListedKind } from '../../src/resources/registry.js';
import { DEFINITION_OF, FIELDS } from '../../src/resources/registry.js';
import type { FieldValue, Filter } from '../../src/values/filter.js';
import { anyInstant, anyNumber, anyText, IDS, MESSAGE_IDS, TEXTS } from './arbitraries.js';

/** Values that the derived word fields take. */
const TERMS = [
  'OTHER',
  'SPAM',
  'CREDENTIAL_PHISHING',
  'NAME_IMPERSONATION',
  'REMEDIATED',
  'PARTLY',
  'UNKNOWN',
  'HIGH',
  'ACTION_REQUIRED',
  'RESOLVED',
  'SCANNING',
];

const filterText: Arbitrary<string> = fc.oneof(anyText, fc.constantFrom(...TERMS, ...IDS, ...MESSAGE_IDS));

/** Pieces of what is held, in other cases and in decomposed form. */
const part: Arbitrary<string> = fc
  .record({
    text: fc.oneof(fc.constantFrom(...TEXTS, ...TERMS), anyText),
    from: fc.nat({ max: 4 }),
    length: fc.nat({ max: 6 }),
    change: fc.constantFrom('asIs', 'upper', 'lower', 'decomposed'),
  })
  .map(({ text, from, length, change }) => {
    const piece = [...text].slice(from, from + length).join('');
    if (change === 'upper') return piece.toUpperCase();
    if (change === 'lower') return piece.toLowerCase();
    return change === 'decomposed' ? piece.normalize('NFD') : piece;
  });

/** A comparison of one field. */
export function leafOf(field: string, { type }: FieldSpec): Arbitrary<Filter> {
  if (type === 'boolean') return equalities(field, fc.boolean());
  if (type === 'number') return fc.oneof(equalities(field, anyNumber), ranges(field, anyNumber));
  if (type === 'instant') return fc.oneof(equalities(field, anyInstant), ranges(field, anyInstant));
  return fc.oneof(
    equalities(field, filterText),
    ranges(field, filterText),
    part.map((contains) => ({ field, contains })),
    part.map((startsWith) => ({ field, startsWith })),
  );
}

function equalities(field: string, values: Arbitrary<FieldValue>): Arbitrary<Filter> {
  const value = fc.option(values, { freq: 4 });
  return fc.oneof(
    value.map((eq) => ({ field, eq })),
    fc.array(value, { maxLength: 3 }).map((list) => ({ field, in: list })),
  );
}

function ranges(field: string, values: Arbitrary<string | number>): Arbitrary<Filter> {
  return fc.oneof(
    values.map((gte) => ({ field, gte })),
    values.map((lte) => ({ field, lte })),
  );
}

/** One comparison of any field or facet of a kind, by any operator that fits its type, or of its items. */
export function comparisonOf(kind: ListedKind): Arbitrary<Filter> {
  const { facets, items } = DEFINITION_OF[kind];
  const specs: [string, FieldSpec][] = Object.entries({ ...FIELDS[kind], ...facets?.fields });
  const some = items ? [itemFilterOf(kind).map((each) => ({ some: each }))] : [];
  return fc.oneof(...specs.map(([field, spec]) => leafOf(field, spec)), ...some, ...some, ...some);
}

/** Such comparisons, nested a few deep. */
export function filterOf(kind: ListedKind): Arbitrary<Filter> {
  return nested(comparisonOf(kind));
}

/** As `filterOf`, mostly by what stores have of each record. */
export function listFilterOf(kind: ListedKind): Arbitrary<Filter> {
  const specs: [string, FieldSpec][] = Object.entries(FIELDS[kind]);
  const stored = nested(fc.oneof(...specs.map(([field, spec]) => leafOf(field, spec))));
  return fc.oneof({ weight: 5, arbitrary: stored }, { weight: 1, arbitrary: filterOf(kind) });
}

/** Comparisons of the items of a kind, nested a few deep; items have the facets of their record, too. */
export function itemFilterOf(kind: ListedKind): Arbitrary<Filter> {
  const { facets, items } = DEFINITION_OF[kind];
  const specs: [string, FieldSpec][] = Object.entries({ ...facets?.fields, ...items?.fields });
  return nested(fc.oneof(...specs.map(([field, spec]) => leafOf(field, spec))));
}

function nested(leaves: Arbitrary<Filter>): Arbitrary<Filter> {
  const { filter } = fc.letrec<{ filter: Filter }>((tie) => ({
    filter: fc.oneof(
      { depthSize: 'small', withCrossShrink: true },
      { weight: 4, arbitrary: leaves },
      { weight: 1, arbitrary: fc.array(tie('filter'), { maxLength: 3 }).map((and) => ({ and })) },
      { weight: 1, arbitrary: fc.array(tie('filter'), { maxLength: 3 }).map((or) => ({ or })) },
      { weight: 1, arbitrary: tie('filter').map((not) => ({ not })) },
    ),
  }));
  return filter;
}

export function orderFields(kind: ListedKind): string[] {
  const specs: [string, FieldSpec][] = Object.entries(FIELDS[kind]);
  return specs.filter(([, spec]) => spec.order).map(([field]) => field);
}

export function referenceFields(kind: ListedKind): string[] {
  const specs: [string, FieldSpec][] = Object.entries(FIELDS[kind]);
  return specs.filter(([, spec]) => spec.reference).map(([field]) => field);
}
