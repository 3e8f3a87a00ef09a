import type { Role } from './access.js';

/** How large a query may be, whoever asks it. */
export interface QueryLimits {
  /** Words and signs of the document. */
  readonly tokens: number;
  /** How deep brackets of any kind may stand in one another. */
  readonly nesting: number;
  /** How many fields lie under one another, fragments put in place. */
  readonly depth: number;
  /** Fields of an operation, fragments put in place. */
  readonly fields: number;
  /** Fields of an operation that begin it. */
  readonly roots: number;
  /** Times that one field is given another name. */
  readonly aliases: number;
  readonly directives: number;
  /** Definitions of fragments. */
  readonly fragments: number;
  /** Values within the variables, however they are nested. */
  readonly variables: number;
}

/** Generous to what people and code generators write; what is beyond is refused before it is run. */
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

/** What one operation may cost, by the role of who asks it. */
export type CostLimits = Readonly<Record<Role, number>>;

export const DEFAULT_COST_LIMITS: CostLimits = { reader: 20_000, operator: 50_000, admin: 100_000 };
