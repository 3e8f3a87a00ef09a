import type { FastifyRequest } from 'fastify';

/** What requests are counted under: their caller, or the address they come from where nobody is known. */
export function callerKey({ caller, ip }: FastifyRequest): string {
  return caller && caller.kind !== 'ANONYMOUS' ? `${caller.kind} ${caller.id}` : ip;
}
