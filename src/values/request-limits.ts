import type { Role } from './access.js';

export interface QueryLimits {
  readonly tokens: number;
  readonly nesting: number;
  /** Depth of fields, fragments expanded. */
  readonly depth: number;
  /** Fields of an operation, fragments expanded. */
  readonly fields: number;
  readonly roots: number;
  readonly aliases: number;
  readonly directives: number;
  readonly fragments: number;
  readonly variables: number;
}

/** Generous for people and code generators; larger operations are refused before they run. */
export const DEFAULT_QUERY_LIMITS: QueryLimits = {
  tokens: 4_000,
  nesting: 64,
  depth: 15,
  fields: 2_000,
  roots: 20,
  aliases: 50,
  directives: 50,
  fragments: 50,
  variables: 5_000,
};

export type CostLimits = Readonly<Record<Role, number>>;

export const DEFAULT_COST_LIMITS: CostLimits = { reader: 20_000, operator: 50_000, admin: 100_000 };
