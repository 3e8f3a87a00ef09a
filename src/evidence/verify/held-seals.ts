import { sha256 } from '../../model/revision.js';
import type { HeldSeal } from './verify-chain.js';

/**
 * The seals that a file speaks of, by their hashes: lines of JSON as the hook writes them, a seal as a pack has it,
 * or hashes by themselves.
 */
export function heldSealsIn(text: string): HeldSeal[] {
  const whole = parse(text);
  if (whole !== null) return sealsOf(whole);
  return text.split(/\r?\n/).flatMap((line) => {
    const [hash] = /^[0-9a-f]{64}$/i.exec(line.trim()) ?? [];
    if (hash !== undefined) return [{ hash: hash.toLowerCase(), index: null }];
    return sealsOf(parse(line));
  });
}

function sealsOf(value: unknown): HeldSeal[] {
  if (Array.isArray(value)) return value.flatMap(sealsOf);
  if (typeof value !== 'object' || value === null) return [];
  const { hash, index, text } = value as Record<string, unknown>;
  const place = typeof index === 'number' ? index : null;
  if (typeof text === 'string') return [{ hash: sha256(text), index: place }];
  if (typeof hash === 'string' && /^[0-9a-f]{64}$/i.test(hash))
    return [{ hash: hash.toLowerCase(), index: place }];
  return [];
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
