import type { Kind } from '../../resources/kind.js';
import { isListed } from './columns.js';
import type { Connection } from './sqlite-connection.js';

const LIVE = `SELECT live FROM tallies WHERE kind = ? AND integration = ? AND seq <= ?
  ORDER BY seq DESC LIMIT 1`;
const INSERT = 'INSERT INTO tallies (kind, integration, seq, live) VALUES (?, ?, ?, ?)';

/** How many records of a listed kind were live after batch `seq`. */
export function liveAt(connection: Connection, kind: Kind, integration: number, seq: number): number {
  return Number(connection.first(LIVE, [kind, integration, seq])?.[0] ?? 0);
}

/** Counts what one batch brings to life and ends, then writes how many are live after it. */
export class Tallies {
  readonly #changes = new Map<Kind, Map<number, number>>();

  add(kind: Kind, integration: number, change: 1 | -1): void {
    if (!isListed(kind)) return;
    const ofKind = this.#changes.get(kind) ?? new Map<number, number>();
    this.#changes.set(kind, ofKind.set(integration, (ofKind.get(integration) ?? 0) + change));
  }

  write(connection: Connection, seq: number): void {
    for (const [kind, ofKind] of this.#changes) {
      for (const [integration, change] of ofKind) {
        const live = liveAt(connection, kind, integration, seq) + change;
        connection.run(INSERT, [kind, integration, seq, live]);
      }
    }
  }
}
