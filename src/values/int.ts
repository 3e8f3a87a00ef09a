export const INT_MAX = 2_147_483_647;

/** `null` if it is not a GraphQL `Int`. */
export function intOrNull(value: number | null): number | null {
  return value !== null && Number.isInteger(value) && Math.abs(value) <= INT_MAX ? value : null;
}
