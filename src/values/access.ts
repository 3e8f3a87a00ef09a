/** What a caller may do; each includes the one before. */
export const ROLES = ['reader', 'operator', 'admin'] as const;
export type Role = (typeof ROLES)[number];

/**
 * How a caller showed who it is. `LOCAL`: not at all, on a gateway that only this machine can reach. `ANONYMOUS`:
 * not at all, on one that was told to let anybody in.
 */
export const CALLER_KINDS = ['LOCAL', 'ANONYMOUS', 'API_KEY', 'JWT', 'COMMAND_LINE', 'SCHEDULE'] as const;
export type CallerKind = (typeof CALLER_KINDS)[number];

/** Whoever asks, as far as the gateway knows. Never holds a credential. */
export interface Caller {
  readonly kind: CallerKind;
  /** Unique among callers of its kind: a key's id, a token's subject. */
  readonly id: string;
  /** For a person. */
  readonly name: string;
  readonly role: Role;
}

/** Who asks on this machine itself, where callers are not asked who they are. */
export const LOCAL_CALLER: Caller = { kind: 'LOCAL', id: 'local', name: 'this machine', role: 'admin' };

/** Whoever asks, where anybody may: to read. */
export const ANONYMOUS_CALLER: Caller = {
  kind: 'ANONYMOUS',
  id: 'anonymous',
  name: 'anybody',
  role: 'reader',
};

/** Whether `caller` may do what asks for `role`. */
export function hasRole(caller: Caller, role: Role): boolean {
  return ROLES.indexOf(caller.role) >= ROLES.indexOf(role);
}

/** What can be masked from readers, each with what belongs to it. */
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

/** What stands in the place of what is masked: the same for everything, so that nothing can be told from it. */
export const MASK = '[redacted]';
