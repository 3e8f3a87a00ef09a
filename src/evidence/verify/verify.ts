import type { HistoryStore } from '../../history/store.js';
import { makeTemporaryFolder, removeTemporaryFolder } from '../../history/temporary-files.js';
import { type Leaf, MerkleTree } from '../seal/leaf.js';
import { streamNamed } from '../seal/seal-content.js';
import { ChainCheck, type CheckedSeal } from './check-chain.js';
import { compareLeaves, Findings, LeafCursor, type VerifyReport } from './findings.js';
import { HistorySource } from './history-source.js';
import { PackSource } from './pack-source.js';
import type { SealedSource, VerifyOptions } from './sealed-source.js';

/**
 * Checks a history against its seals, and what it stores beside the records against the records. Reads all of it
 * once, in memory that grows by 24 bytes a record. Rejects with a `HistoryError` if the history cannot be read.
 */
export async function verifyHistory(store: HistoryStore, options: VerifyOptions): Promise<VerifyReport> {
  const findings = new Findings();
  return verifySource(await HistorySource.open(store, findings, options), findings, options);
}

/**
 * Checks a pack against its manifest, and its part of the history against its seals, without the history. Unpacks what
 * it reads into a temporary folder. Rejects if the file cannot be read at all.
 */
export async function verifyPack(path: string, options: VerifyOptions): Promise<VerifyReport> {
  const folder = makeTemporaryFolder();
  const findings = new Findings();
  try {
    const source = await PackSource.open(path, folder, findings, options);
    return source ? await verifySource(source, findings, options) : findings.report('PACK', null);
  } finally {
    removeTemporaryFolder(folder);
  }
}

async function verifySource(
  source: SealedSource,
  findings: Findings,
  { signal }: VerifyOptions,
): Promise<VerifyReport> {
  const { head, firstSeal, extraChecks } = source;
  const chain = new ChainCheck(findings, source.chain, firstSeal);
  for await (const [index, at, seal] of source.seals()) {
    signal?.throwIfAborted();
    const checked = await chain.take(index, at, seal);
    if (checked === null) continue;
    for (const check of extraChecks) await check.take?.(checked);
    await compareRevisions(source, findings, checked);
    await compareReadings(source, findings, checked);
  }
  for (const check of extraChecks) await check.finish(chain);
  chain.finish();
  const { last } = chain;
  const unsealed = source.only ? 0 : Math.max(0, head.seq - (last?.toSeq ?? 0));
  if (unsealed > 0) {
    const which = unsealed === 1 ? 'The last batch is' : `The last ${unsealed} batches are`;
    findings.notice(`${which} in no seal yet: they are checked only against their own digests.`);
  }
  return findings.report(source.subject, {
    ...{ seals: chain.count, sealedTo: last && { seq: last.toSeq, at: last.toAt }, head },
    ...{ ...source.counts, unsealed },
  });
}

async function compareRevisions(
  source: SealedSource,
  findings: Findings,
  checked: CheckedSeal,
): Promise<void> {
  const { index, body, list } = checked;
  const wanted = list && wantedOf(source, list.revisions, ({ name }) => name[1]);
  const cursor = wanted && new LeafCursor(wanted);
  // without its list, a seal's root still shows whether all is as it was
  const tree = list || source.only ? null : new MerkleTree();
  const missingBefore = (seq: number) => {
    while (cursor && cursor.seq !== null && cursor.seq < seq) {
      compareLeaves(findings, 'RECORD', index, cursor.take(), []);
    }
  };
  for await (const { seq, leaves, isUnreadable, isBroken } of source.batches(checked)) {
    missingBefore(seq);
    const taken = cursor?.seq === seq ? cursor.take() : [];
    const listed = isUnreadable ? taken.filter((leaf) => !isUnreadable(leaf)) : taken;
    if (cursor) compareLeaves(findings, 'RECORD', index, listed, leaves);
    // otherwise those that are missing are named already
    if (isBroken && leaves.length === listed.length) findings.broken(seq, index);
    for (const { hash } of tree ? leaves : []) tree?.add(Buffer.from(hash, 'hex'));
  }
  missingBefore(Number.POSITIVE_INFINITY);
  if (tree && tree.root() !== body.revisions.root) {
    const message = `What batches ${body.fromSeq + 1} to ${body.toSeq} brought does not come to the root in seal ${index}.`;
    findings.add('ROOT_DIFFERS', message, { seal: index });
  }
}

async function compareReadings(
  source: SealedSource,
  findings: Findings,
  checked: CheckedSeal,
): Promise<void> {
  const { leaves, isUnreadable } = await source.readings(checked);
  if (!checked.list) return;
  const wanted = wantedOf(source, checked.list.ledger, ({ name }) => streamNamed(name[0] ?? '')?.integration);
  const listed = isUnreadable ? wanted.filter((leaf) => !isUnreadable(leaf)) : wanted;
  compareLeaves(findings, 'READING', checked.index, listed, leaves);
}

function wantedOf(
  { only }: SealedSource,
  leaves: readonly Leaf[],
  integrationOf: (leaf: Leaf) => string | undefined,
): readonly Leaf[] {
  return only ? leaves.filter((leaf) => only(leaf, integrationOf(leaf) ?? '')) : leaves;
}
