import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { PACKED, type PackManifest } from '../../src/evidence/pack/pack-format.js';
import { TAR_END, tarHeader, tarPadding } from '../../src/evidence/pack/tar.js';
import { newSigningKey, type Signer, signerOf } from '../../src/evidence/seal/signing-key.js';
import { canonicalJson } from '../../src/values/canonical-json.js';
import type { Deed } from './tampering.js';

interface Part {
  readonly name: string;
  readonly bytes: Buffer;
}

/** A pack on the disk that is edited behind everybody's back. `pick(n)` gives a number below `n`. */
export class PackForger {
  constructor(
    private readonly path: string,
    readonly pick: (n: number) => number,
  ) {}

  get bytes(): Buffer {
    return readFileSync(this.path);
  }

  set bytes(bytes: Buffer) {
    writeFileSync(this.path, bytes);
  }

  one<T>(list: readonly T[]): T {
    const found = list[this.pick(list.length)];
    if (found === undefined) throw new Error('nothing to pick from');
    return found;
  }

  parts(): Part[] {
    const parts: Part[] = [];
    const { bytes } = this;
    for (let at = 0; bytes[at] !== 0 && at < bytes.length; ) {
      const name = bytes.toString('latin1', at, bytes.indexOf(0, at));
      const size = Number.parseInt(bytes.toString('latin1', at + 124, at + 135), 8);
      parts.push({ name, bytes: bytes.subarray(at + 512, at + 512 + size) });
      at += 512 + size + tarPadding(size).length;
    }
    return parts;
  }

  put(parts: readonly Part[]): void {
    const pieces = parts.flatMap(({ name, bytes }) => [
      tarHeader(name, bytes.length),
      bytes,
      tarPadding(bytes.length),
    ]);
    this.bytes = Buffer.concat([...pieces, TAR_END]);
  }

  /** The parts with one changed, and a manifest that says so; signed by nobody where it was not signed. */
  putConsistently(
    parts: readonly Part[],
    edit: (manifest: PackManifest) => PackManifest = (same) => same,
  ): void {
    const manifest = JSON.parse(String(parts[0]?.bytes)) as PackManifest;
    const files = manifest.files.map((file) => {
      const bytes = parts.find(({ name }) => name === file.name)?.bytes ?? Buffer.alloc(0);
      return { ...file, size: bytes.length, sha256: createHash('sha256').update(bytes).digest('hex') };
    });
    const text = canonicalJson(edit({ ...manifest, files }));
    this.put([{ name: PACKED.manifest, bytes: Buffer.from(text) }, ...parts.slice(1)]);
  }

  /** The pack with one file replaced, and a manifest made for it and signed by whoever is given. */
  makeAnew(name: string, content: string, signer: Signer | null): void {
    const files = this.parts().filter((part) => part.name !== PACKED.signature);
    const parts = files.map((part) => (part.name === name ? { name, bytes: Buffer.from(content) } : part));
    this.putConsistently(parts, (manifest) => ({ ...manifest, key: signer?.publicKey ?? null }));
    if (!signer) return;
    const [manifest, ...rest] = this.parts();
    if (!manifest) throw new Error('no manifest');
    const signature = Buffer.from(signer.sign(manifest.bytes.toString()), 'base64');
    this.put([manifest, { name: PACKED.signature, bytes: signature }, ...rest]);
  }

  lines(name: string): string[] {
    const part = this.parts().find((each) => each.name === name);
    return String(part?.bytes ?? '')
      .split('\n')
      .slice(0, -1);
  }

  putLines(name: string, lines: readonly string[]): void {
    const bytes = Buffer.from(lines.map((line) => `${line}\n`).join(''));
    const count = { [PACKED.revisions]: 'revisions', [PACKED.ledger]: 'readings', [PACKED.runs]: 'runs' }[
      name
    ];
    this.putConsistently(
      this.parts().map((part) => (part.name === name ? { name, bytes } : part)),
      (manifest) =>
        count ? { ...manifest, counts: { ...manifest.counts, [count]: lines.length } } : manifest,
    );
  }
}

type Tamper = (forger: PackForger) => Deed | null;

const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');

/** Edits the lines of a file, and the manifest to match. */
function toLines(
  name: string,
  deed: string,
  edit: (f: PackForger, lines: string[], at: number) => unknown,
): Tamper {
  return (forger) => {
    const lines = forger.lines(name);
    if (lines.length === 0) return null;
    const at = forger.pick(lines.length);
    const row = JSON.parse(lines[at] ?? '');
    const id = row.entry ? row.entry.resource : String(row.id ?? row.index);
    if (edit(forger, lines, at) === false) return null;
    forger.putLines(name, lines);
    return { deed: `${deed} ${at} of ${name} (${id})`, named: [id, 'eal '] };
  };
}

/** What can be done to any pack. */
export const PACK_TAMPERS: Readonly<Record<string, Tamper>> = {
  byte: (forger) => {
    const { bytes } = forger;
    const at = forger.pick(bytes.length);
    bytes[at] = (bytes[at] ?? 0) ^ (1 << forger.pick(8));
    forger.bytes = bytes;
    return { deed: `byte ${at} of ${bytes.length}`, named: [''] };
  },
  fileRemoved: (forger) => {
    const parts = forger.parts();
    const { name } = forger.one(parts);
    forger.put(parts.filter((part) => part.name !== name));
    return { deed: `${name} removed`, named: [name, 'manifest'] };
  },
  fileAdded: (forger) => {
    forger.put([...forger.parts(), { name: 'more.txt', bytes: Buffer.from('more') }]);
    return { deed: 'a file added', named: ['more.txt'] };
  },
  filesSwapped: (forger) => {
    const parts = forger.parts();
    const [a, b] = [forger.pick(parts.length), forger.pick(parts.length)];
    const [first, second] = [parts[a], parts[b]];
    if (a === b || !first || !second) return null;
    parts[a] = second;
    parts[b] = first;
    forger.put(parts);
    return { deed: `${first.name} and ${second.name} swapped`, named: ['order'] };
  },
  truncated: (forger) => {
    const { bytes } = forger;
    const left = forger.pick(bytes.length);
    forger.bytes = bytes.subarray(0, left);
    return { deed: `cut after ${left} of ${bytes.length} bytes`, named: [''] };
  },
  extended: (forger) => {
    forger.bytes = Buffer.concat([forger.bytes, Buffer.alloc(1 + forger.pick(2000))]);
    return { deed: 'something put at the end', named: ['after the end'] };
  },
  rowRemoved: toLines(PACKED.revisions, 'line removed:', (_, lines, at) => lines.splice(at, 1)),
  rowTwice: toLines(PACKED.revisions, 'line doubled:', (_, lines, at) =>
    lines.splice(at, 0, lines[at] ?? ''),
  ),
  rowsSwapped: toLines(PACKED.revisions, 'lines swapped:', (forger, lines, at) => {
    const other = forger.pick(lines.length);
    if (lines[at] === lines[other]) return false;
    [lines[at], lines[other]] = [lines[other] ?? '', lines[at] ?? ''];
    return true;
  }),
  received: toLines(PACKED.revisions, 'received and digest of line', (_, lines, at) => {
    const row = JSON.parse(lines[at] ?? '');
    const received = `${row.received} `;
    lines[at] = JSON.stringify({ ...row, received, digest: sha256(received) });
  }),
  receivedAlone: toLines(PACKED.revisions, 'received of line', (_, lines, at) => {
    const row = JSON.parse(lines[at] ?? '');
    lines[at] = JSON.stringify({ ...row, received: `${row.received} ` });
  }),
  fact: toLines(PACKED.revisions, 'a fact of line', (forger, lines, at) => {
    const row = JSON.parse(lines[at] ?? '');
    const name = forger.one(['seqFrom', 'observedFrom', 'origin', 'deleted', 'runId', 'record', 'kind']);
    const other = { seqFrom: row.seqFrom + 1, deleted: !row.deleted }[name] ?? 'forged';
    lines[at] = JSON.stringify({ ...row, [name]: other });
  }),
  readingRemoved: toLines(PACKED.ledger, 'line removed:', (_, lines, at) => lines.splice(at, 1)),
  reading: toLines(PACKED.ledger, 'status of line', (_, lines, at) => {
    const row = JSON.parse(lines[at] ?? '');
    const status = row.entry.status === 'COMPLETE' ? 'FAILED' : 'COMPLETE';
    lines[at] = JSON.stringify({ ...row, entry: { ...row.entry, status } });
  }),
  runRemoved: toLines(PACKED.runs, 'line removed:', (_, lines, at) => lines.splice(at, 1)),
  run: toLines(PACKED.runs, 'status of line', (_, lines, at) => {
    lines[at] = JSON.stringify({ ...JSON.parse(lines[at] ?? ''), status: 'FORGED' });
  }),
  sealRemoved: toLines(PACKED.seals, 'line removed:', (_, lines, at) => lines.splice(at, 1)),
  sealSignature: toLines(PACKED.seals, 'signature of line', (forger, lines, at) => {
    const row = JSON.parse(lines[at] ?? '');
    const other = JSON.parse(forger.one(lines)).signature;
    if (row.signature === null || other === row.signature) return false;
    lines[at] = JSON.stringify({ ...row, signature: other });
    return true;
  }),
  sealText: toLines(PACKED.seals, 'text of line', (_, lines, at) => {
    const row = JSON.parse(lines[at] ?? '');
    const text = row.text.replace('"type"', '"Type"');
    lines[at] = JSON.stringify({ ...row, text, hash: sha256(text) });
  }),
  resigned: (forger) => {
    const [manifest, ...parts] = forger.parts();
    const signer = signerOf(newSigningKey());
    const text = canonicalJson({ ...JSON.parse(String(manifest?.bytes)), key: signer.publicKey });
    const signature = { name: PACKED.signature, bytes: Buffer.from(signer.sign(text), 'base64') };
    const rest = parts.filter(({ name }) => name !== PACKED.signature);
    forger.put([{ name: PACKED.manifest, bytes: Buffer.from(text) }, signature, ...rest]);
    return { deed: 'signed by another', named: ['not among those given'] };
  },
  tail: (forger) => {
    const seals = forger.lines(PACKED.seals);
    if (seals.length < 2) return null;
    const left = seals.slice(0, -1);
    const last = JSON.parse(left.at(-1) ?? '');
    const { toSeq } = JSON.parse(last.text);
    const rows = forger.lines(PACKED.revisions).filter((line) => JSON.parse(line).seqFrom <= toSeq);
    forger.putLines(PACKED.revisions, rows);
    forger.putLines(PACKED.seals, left);
    const seal = { last: last.index, lastHash: last.hash };
    forger.putConsistently(forger.parts(), (m) => ({ ...m, seq: toSeq, seals: { ...m.seals, ...seal } }));
    return { deed: 'the last seal and what it covers cut off', named: ['is not here'] };
  },
};
