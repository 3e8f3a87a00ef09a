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

export const REDACTION_GROUPS = {
  subject: 'subject lines',
  addresses: 'e-mail addresses and domains of senders and recipients, and Message-ID headers',
  names: 'display names, and whose account a case is about',
  urls: 'links, with the text that shows and the domain they lead to',
  attachments: 'names of attached files',
  locations: 'IP addresses, and the places that accounts were used from',
  texts: 'what Abnormal writes in words: descriptions, summaries, insights',
  received: 'what Abnormal sent, as received',
} as const;

export type RedactionGroup = keyof typeof REDACTION_GROUPS;

/** The same for every masked value, so that it reveals nothing. */
export const MASK = '[redacted]';
