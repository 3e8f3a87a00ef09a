import type { MongoConnection } from './mongo-connection.js';

/** No writer leaves its transaction alone for this long between two commands, unless it is dead or stuck. */
const ABANDONED_MICROS = 3_000_000;

/**
 * Ends the transactions that writers of this history left open, which a process that is killed does: MongoDB
 * would keep them for a minute, and their writes would hold up everybody else's. Should the writer live after
 * all, its transaction fails as if by a conflict, and it tries again. Where the user may not do this, it is
 * left to MongoDB.
 */
export async function endAbandoned({ client, appName }: MongoConnection): Promise<void> {
  const admin = client.db('admin');
  const abandoned = {
    type: 'idleSession',
    appName,
    'transaction.timeInactiveMicros': { $gt: ABANDONED_MICROS },
  };
  try {
    const sessions = await admin
      .aggregate([{ $currentOp: { idleSessions: true } }, { $match: abandoned }, { $project: { lsid: 1 } }])
      .toArray();
    if (sessions.length === 0) return;
    await admin.command({ killSessions: sessions.map(({ lsid }) => ({ id: lsid.id })) });
  } catch {
    // not allowed, or not possible here
  }
}
