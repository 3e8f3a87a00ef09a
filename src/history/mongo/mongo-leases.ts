import type { Collections } from './stored-types.js';

/** Takes or renews a lease; whether one still lasts is judged by the server's clock alone. */
export async function acquireLease(
  { leases }: Collections,
  name: string,
  holder: string,
  ttlMs: number,
): Promise<boolean> {
  const mine = { $eq: ['$holder', { $literal: holder }] };
  // true as well of a lease that is only now added, since what is missing comes before every date
  const free = { $lte: ['$until', '$$NOW'] };
  const mayTake = { $or: [mine, free] };
  const taken = {
    holder: { $cond: [mayTake, { $literal: holder }, '$holder'] },
    until: { $cond: [mayTake, { $add: ['$$NOW', ttlMs] }, '$until'] },
  };
  const options = { upsert: true, returnDocument: 'after' } as const;
  const lease = await leases.findOneAndUpdate({ _id: name }, [{ $set: taken }], options);
  return lease?.holder === holder;
}

export async function releaseLease({ leases }: Collections, name: string, holder: string): Promise<void> {
  await leases.deleteOne({ _id: name, holder });
}
