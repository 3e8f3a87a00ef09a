import { createHash } from 'node:crypto';

/** The name space of what this gateway names; chosen once, at random. */
const NAMESPACE = Buffer.from('5d0f6c1e9a3b4f27b6c8e1d2735a9f40', 'hex');

/** The UUID of a name (version 5, RFC 9562): the same name has the same one everywhere and always. */
export function uuidOf(name: string): string {
  const bytes = createHash('sha1').update(NAMESPACE).update(name).digest().subarray(0, 16);
  bytes.writeUInt8((bytes.readUInt8(6) & 0x0f) | 0x50, 6);
  bytes.writeUInt8((bytes.readUInt8(8) & 0x3f) | 0x80, 8);
  return bytes.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');
}
