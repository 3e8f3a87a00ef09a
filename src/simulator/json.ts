/** Stands for a 64-bit integer in a value on its way to the wire, where it is a bare number of any length. */
export function wireInteger(text: string): string {
  return `@int64:${text}@`;
}

const MARK = /"@int64:(-?\d+)@"/g;

/** JSON text of a value in which 64-bit integers stand as `wireInteger` made them. */
export function wireJson(value: unknown): string {
  return JSON.stringify(value).replace(MARK, '$1');
}

/** A 64-bit integer as a complete collection holds it: a string when a JSON number would lose digits. */
export function heldInteger(text: string): string | number {
  const number = Number(text);
  return Number.isSafeInteger(number) ? number : text;
}

/** The value as it comes back from JSON: absent fields are absent. */
export function plain(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value));
}

/** How a payload shows 64-bit integers. */
export type IntegerForm = typeof wireInteger | typeof heldInteger;
