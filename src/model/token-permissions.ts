/*
 * What a token may do, by the names of its permissions (`soar_v1_read_threats`). Abnormal does not document
 * the names. A name without "read" counts as more than reading, because an unnecessary note is harmless and a
 * missing one is not.
 */

const READS: ReadonlySet<string> = new Set(['read', 'view', 'list', 'get', 'retrieve']);
const ACTS: ReadonlySet<string> = new Set([
  ...['write', 'manage', 'create', 'update', 'delete', 'remove', 'edit', 'modify', 'remediate', 'execute'],
]);

/** The permissions beyond reading; empty if unknown. */
export function permissionsToAct(permissions: readonly string[] | null | undefined): string[] {
  return (permissions ?? []).filter((permission) => {
    const words = permission
      .replace(/([a-z])([A-Z])/g, '$1 $2')
      .toLowerCase()
      .split(/[^a-z]+/);
    return words.some((word) => ACTS.has(word)) || !words.some((word) => READS.has(word));
  });
}

const MOST_NAMED = 5;

/** A sentence about permissions beyond reading; `null` if there are none. */
export function excessNote(permissions: readonly string[] | null | undefined): string | null {
  const acting = permissionsToAct(permissions);
  if (acting.length === 0) return null;
  const others = acting.length > MOST_NAMED ? ` and ${acting.length - MOST_NAMED} more` : '';
  const named = acting.slice(0, MOST_NAMED).join(', ');
  return `The token may do more than read (${named}${others}). The gateway only reads: give it a token with read permissions only.`;
}
