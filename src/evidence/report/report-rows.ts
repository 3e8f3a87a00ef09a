/**
 * What a row is for: what counts against a control, or every member of its population, or every version that the
 * history recorded in the period.
 */
export const ROWS = ['exceptions', 'population', 'revisions'] as const;
export type Rows = (typeof ROWS)[number];
