import { type Caller, ROLES, type Role } from '../values/caller.js';

type Claims = Readonly<Record<string, unknown>>;

/**
 * Who a token speaks for: its subject, with the highest role that the claim names, a text or a list. `null` where
 * it has no subject or names no role that is known: nobody gets in by a token that was made for something else.
 */
export function callerOfClaims(claims: Claims, roleClaim: string): Caller | null {
  const { sub } = claims;
  const role = roleOf(claimAt(claims, roleClaim));
  if (typeof sub !== 'string' || sub === '' || role === null) return null;
  return { kind: 'JWT', id: sub, name: nameOf(claims) ?? sub, role };
}

function roleOf(claim: unknown): Role | null {
  const named: readonly unknown[] = Array.isArray(claim) ? claim : [claim];
  return ROLES.findLast((role) => named.includes(role)) ?? null;
}

/** A claim by its name, which may be a URL; or, where there is none so called, by its path, `realm_access.roles`. */
function claimAt(claims: Claims, name: string): unknown {
  if (Object.hasOwn(claims, name)) return claims[name];
  return name.split('.').reduce<unknown>((value, part) => {
    const isObject = typeof value === 'object' && value !== null && Object.hasOwn(value, part);
    return isObject ? (value as Claims)[part] : undefined;
  }, claims);
}

function nameOf({ name, preferred_username, email }: Claims): string | null {
  const [first] = [name, preferred_username, email].filter((each) => typeof each === 'string' && each !== '');
  return typeof first === 'string' ? first : null;
}
