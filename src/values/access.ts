export const ROLES = ['reader', 'operator', 'admin'] as const;
export type Role = (typeof ROLES)[number];

/** `LOCAL`: a gateway that only this machine can reach. `ANONYMOUS`: a gateway that is open to everyone. */
export const CALLER_KINDS = ['LOCAL', 'ANONYMOUS', 'API_KEY', 'JWT', 'COMMAND_LINE', 'SCHEDULE'] as const;
export type CallerKind = (typeof CALLER_KINDS)[number];

export interface Caller {
  readonly kind: CallerKind;
  /** Unique among callers of its kind: a key's id, a token's subject. */
  readonly id: string;
  readonly name: string;
  readonly role: Role;
}

export const LOCAL_CALLER: Caller = { kind: 'LOCAL', id: 'local', name: 'this machine', role: 'admin' };

/** Every caller of an open gateway: may only read. */
export const ANONYMOUS_CALLER: Caller = {
  kind: 'ANONYMOUS',
  id: 'anonymous',
  name: 'anybody',
  role: 'reader',
};

export function hasRole(caller: Caller, role: Role): boolean {
  return ROLES.indexOf(caller.role) >= ROLES.indexOf(role);
}

/** The role that a field or a type of the graph asks for; `null` where it was given no rule. */
export function roleFor({ extensions }: { readonly extensions: object }): Role | null {
  const { role } = extensions as { readonly role?: unknown };
  return ROLES.find((known) => known === role) ?? null;
}

export const REDACTION_GROUPS = {
  subject: 'subject lines',
  addresses: 'e-mail addresses and domains of senders and recipients, and Message-ID headers',
  names: "display names, and the owner of a case's account",
  urls: 'links, with their displayed text and target domain',
  attachments: 'names of attached files',
  locations: 'IP addresses and locations of account use',
  texts: "Abnormal's texts: descriptions, summaries, insights",
  received: 'data as received from Abnormal',
} as const;

export type RedactionGroup = keyof typeof REDACTION_GROUPS;

/** The same for every masked value, so that it reveals nothing. */
export const MASK = '[redacted]';

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
