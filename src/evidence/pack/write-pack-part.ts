import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { type FileHandle, mkdir, open, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { partialNameOf } from '../../history/temporary-files.js';
import { canonicalJson } from '../../model/revision.js';
import type { Signer } from '../seal/signing-key.js';
import { PACK_TYPE, PACKED, type PackFile, type PackManifest } from './pack-manifest.js';
import { TAR_END, tarHeader, tarPadding } from './tar.js';

/** Takes a piece of a file; the next is not made before it is through. */
export type WriteText = (text: string) => Promise<void>;

/** A file of a pack: its name, and how it is written. */
export interface PackPart {
  readonly name: string;
  readonly write: (write: WriteText) => Promise<void>;
}

/** What is known of a pack once its parts are written. */
export type PackFacts = Omit<PackManifest, 'type' | 'version' | 'files' | 'key'>;

/**
 * Writes a pack to `path`, which appears only when it is complete: the manifest, its signature, then the parts in
 * their order. `facts` is asked once all of them are written. The same parts give the same bytes.
 */
export async function writePackFile(
  path: string,
  parts: readonly PackPart[],
  facts: () => PackFacts,
  signer: Signer | null,
): Promise<PackManifest> {
  const folder = partialNameOf(path, 'parts');
  const partial = partialNameOf(path, 'partial');
  await mkdir(folder, { recursive: true });
  try {
    const files: PackFile[] = [];
    for (const [n, part] of parts.entries()) files.push(await spool(join(folder, String(n)), part));
    const key = signer?.publicKey ?? null;
    const manifest: PackManifest = { type: PACK_TYPE, version: 1, ...facts(), files, key };
    const text = canonicalJson(manifest);
    await bind(partial, folder, files, text, signer);
    await rename(partial, path);
    return manifest;
  } finally {
    await rm(folder, { recursive: true, force: true });
    await rm(partial, { force: true });
  }
}

async function spool(path: string, { name, write }: PackPart): Promise<PackFile> {
  const file = await open(path, 'w');
  const hash = createHash('sha256');
  let size = 0;
  try {
    await write(async (text) => {
      const bytes = Buffer.from(text);
      hash.update(bytes);
      size += bytes.length;
      await file.writeFile(bytes);
    });
  } finally {
    await file.close();
  }
  return { name, size, sha256: hash.digest('hex') };
}

async function bind(
  path: string,
  folder: string,
  files: readonly PackFile[],
  manifest: string,
  signer: Signer | null,
): Promise<void> {
  const file = await open(path, 'w');
  try {
    await append(file, PACKED.manifest, Buffer.from(manifest));
    if (signer) await append(file, PACKED.signature, Buffer.from(signer.sign(manifest), 'base64'));
    for (const [n, { name, size }] of files.entries()) {
      await file.writeFile(tarHeader(name, size));
      for await (const piece of createReadStream(join(folder, String(n))))
        await file.writeFile(piece as Buffer);
      await file.writeFile(tarPadding(size));
    }
    await file.writeFile(TAR_END);
    await file.sync();
  } finally {
    await file.close();
  }
}

async function append(file: FileHandle, name: string, bytes: Buffer): Promise<void> {
  await file.writeFile(Buffer.concat([tarHeader(name, bytes.length), bytes, tarPadding(bytes.length)]));
}
