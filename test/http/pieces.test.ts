import type { FastifyReply } from 'fastify';
import { describe, expect, test } from 'vitest';
import { inPieces } from '../../src/http/middleware.js';

/** The length of the longest body that is sent at once. */
const MOST_AT_ONCE = 512 * 1024;

async function bytesOf(body: string) {
  const headers = new Map<string, unknown>();
  const reply = { header: (name: string, value: unknown) => headers.set(name, value) };
  const pieces: Buffer[] = [];
  for await (const piece of inPieces(reply as unknown as FastifyReply, body) as AsyncIterable<Buffer>)
    pieces.push(piece);
  return { pieces: pieces.length, bytes: Buffer.concat(pieces), declared: headers.get('content-length') };
}

describe.each(['a', 'é', '中', '😀', 'x😀'])('a large body of “%s” in pieces', (unit) => {
  // so that pieces end before, within and after a character
  test.each([0, 1, 2, 3])('has the same bytes after %i others', async (before) => {
    const body = '-'.repeat(before) + unit.repeat(Math.ceil((MOST_AT_ONCE + 1) / unit.length));
    const { pieces, bytes, declared } = await bytesOf(body);
    expect(pieces).toBeGreaterThanOrEqual(4);
    expect(bytes.equals(Buffer.from(body))).toBe(true);
    expect(declared).toBe(bytes.length);
  });
});

test.each([
  ['text', 'a'.repeat(MOST_AT_ONCE)],
  ['nothing', null],
  ['bytes', Buffer.alloc(MOST_AT_ONCE + 1)],
])('%s that is not a large text is sent as it is', (_what, body) => {
  expect(inPieces({} as FastifyReply, body) === body).toBe(true);
});
