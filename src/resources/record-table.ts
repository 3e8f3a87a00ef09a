import type { z } from 'zod';
import type { Fields, FieldValue } from '../values/filter.js';
import type { FieldSpec } from './definition.js';

/** A property of a record: the field of Abnormal's response that it is read from, and how. */
type Property = readonly [upstream: string, schema: z.ZodType];
type Properties = Readonly<Record<string, Property>>;

/** What is read by a table of properties. */
export type RecordBy<T extends { toRecord(raw: never): unknown }> = ReturnType<T['toRecord']>;

/** A record whose properties have other names than Abnormal's fields: the shape of these, and the record from them. */
export function recordTable<const T extends Properties>(properties: T) {
  const all = Object.entries<Property>(properties);
  return {
    shape: Object.fromEntries(all.map(([, property]) => property)) as {
      readonly [N in keyof T as T[N][0]]: T[N][1];
    },
    toRecord: objectOf(all.map(([name, [upstream]]) => [name, `from.${upstream}`])) as (
      raw: {
        readonly [N in keyof T as T[N][0]]: z.infer<T[N][1]>;
      },
    ) => { readonly [N in keyof T]: z.infer<T[N][1]> },
  };
}

/** Code of its own for each table: an object that is filled property by property takes several times as long. */
function objectOf(properties: readonly (readonly [name: string, code: string])[], by: object = {}) {
  const parts = properties.map(([name, code]) => `${name}: ${code}`);
  return new Function('by', `return (from) => ({ ${parts.join(', ')} });`)(by);
}

type Value = FieldValue | readonly string[];
type Column<R> = FieldSpec & { readonly by?: (record: R) => Value };

/** The specification of a column that says what it reads, or that the record has a property for. */
type SpecOf<R, N, C> = N extends keyof R
  ? Omit<C, 'by'>
  : C extends { readonly by: unknown }
    ? Omit<C, 'by'>
    : 'no such property';

/** The fields of a record. Each is read by its `by`, or from the property of its name, which earlier versions may not have stored. */
export function fieldTable<R extends object>() {
  return <const T extends Readonly<Record<string, Column<R>>>>(table: T) => {
    const columns = Object.entries<Column<R>>(table);
    const fields = Object.fromEntries(columns.map(([name, { by, ...spec }]) => [name, spec]));
    const readers = Object.fromEntries(columns.map(([name, { by }]) => [name, by]));
    const of = objectOf(
      columns.map(([name, { by }]) => [name, by ? `by.${name}(from)` : `from.${name} ?? null`]),
      readers,
    );
    return {
      fields: fields as { readonly [N in keyof T]: SpecOf<R, N, T[N]> },
      of: of as (record: R) => Fields,
    };
  };
}
