/** The largest number that an `Int` of the graph can hold. */
export const INT_MAX = 2_147_483_647;

/** A whole number that an `Int` of the graph can hold, `null` for any other. */
export function intOrNull(value: number | null): number | null {
  return value !== null && Number.isInteger(value) && Math.abs(value) <= INT_MAX ? value : null;
}
