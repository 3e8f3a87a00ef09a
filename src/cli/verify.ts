import { open, readFile } from 'node:fs/promises';
import type { Command } from 'commander';
import { openHistory } from '../app/collector.js';
import { ConfigError } from '../config/reader.js';
import { readPublicKeys } from '../evidence/seal/signing-key.js';
import { knownSealsIn } from '../evidence/verify/check-chain.js';
import type { VerifyReport } from '../evidence/verify/findings.js';
import type { VerifyOptions, VerifyProgress } from '../evidence/verify/sealed-source.js';
import { verifyHistory, verifyPack } from '../evidence/verify/verify.js';
import {
  type CommandAction,
  type CommandContext,
  type Dispatch,
  EXIT,
  EXIT_VERDICT,
  print,
  type Terminal,
} from './command.js';

const DETAILS = `
Holds a history, or a pack that report wrote (without the gateway, anywhere), against its seals, and names what was
altered, added, removed, reordered or cut off: which record, which batch, which seal. It only reads, and works beside a
running serve.

That nothing was cut off at the end shows only against a seal that was kept elsewhere: --seal takes its hash, or a file
with it, such as the one that SEAL_HOOK writes (each line of it is looked for). That the seals are the gateway's shows only
against its public key, had by another way: --public-key takes a JWK set or PEM, and the last seal must then be signed.

Exit codes: 0 intact, 1 tampered with, 2 nothing is sealed, so nothing can be told, 3 and 4 as elsewhere, 64 wrong
options or configuration, 70 it failed, 130 or 143 ended by a signal.

Examples:
  abnormal-gateway verify
  abnormal-gateway verify --seal seals.ndjson --public-key signing-keys.json
  abnormal-gateway verify --pack evidence-2026-Q3.tar --public-key signing-keys.json
  abnormal-gateway verify --history sqlite:./backup.db --json | jq '.findings[] | {code, what, seal}'`;

interface Options {
  readonly history?: string;
  readonly pack?: string;
  readonly seal?: readonly string[];
  readonly publicKey?: string;
  readonly requireSignature?: boolean;
  readonly json?: boolean;
  readonly quiet?: boolean;
}

/** Finds out whether a history or a pack is as it was sealed. */
export function addVerify(program: Command, choose: Dispatch): void {
  const add = (text: string, before: readonly string[] | undefined) => [...(before ?? []), text];
  program
    .command('verify')
    .description('hold a history or a pack of evidence against its seals, and name what was altered')
    .option('--history <where>', 'sqlite:<file> or mongodb://…; by default HISTORY')
    .option('--pack <file>', 'a pack, in place of a history')
    .option(
      '--seal <hash or file>',
      'a seal that you hold and that must be there; may be given several times',
      add,
    )
    .option('--public-key <file>', 'the key that seals must be signed with, as JWK, JWK set or PEM')
    .option('--require-signature', 'the last seal must be signed, by whatever key')
    .option('--json', 'the result as one JSON object')
    .option('-q, --quiet', 'no progress, and nothing on what is intact')
    .addHelpText('after', DETAILS)
    .action((options: Options) => choose(verify(options)));
}

function verify(options: Options): CommandAction {
  return async (invocation) => {
    const { terminal, stop, progress } = invocation;
    const asked = await readOptions(options, invocation);
    try {
      const report = await run(options, asked, invocation);
      progress.end();
      if (options.json) print(terminal, JSON.stringify(report, null, 2));
      else printVerification(terminal, report, options.quiet ?? false);
      return exitCodeOf(report);
    } catch (error) {
      progress.end();
      if (stop.aborted) return stop.reason === 'SIGTERM' ? EXIT.terminated : EXIT.interrupted;
      throw error;
    }
  };
}

async function run(
  { pack, history }: Options,
  options: VerifyOptions,
  { config, log, clock }: CommandContext,
): Promise<VerifyReport> {
  if (pack !== undefined) return verifyPack(pack, options);
  const store = await openHistory({ ...config, history: history ?? config.history }, 'read', { clock, log });
  try {
    return await verifyHistory(store, options);
  } finally {
    await store.close();
  }
}

async function readOptions(options: Options, { stop, progress }: CommandContext): Promise<VerifyOptions> {
  const { history, pack, seal = [], publicKey, requireSignature = false, quiet = false } = options;
  if (history !== undefined && pack !== undefined) throw new ConfigError('--history or --pack, not both.');
  if (history !== undefined && !/^(sqlite:|mongodb(\+srv)?:\/\/).+/.test(history)) {
    throw new ConfigError('--history: right is sqlite:<path of a file>, mongodb://… or mongodb+srv://…');
  }
  if (pack !== undefined) await asOption('--pack', async () => (await open(pack)).close());
  const held = await Promise.all(seal.map(readHeld));
  return {
    publicKeys: publicKey === undefined ? null : await readKeys(publicKey),
    mustBeSigned: requireSignature || publicKey !== undefined,
    held: held.flat(),
    signal: stop,
    onProgress: (step) => {
      if (!quiet) progress.show(describe(step));
    },
  };
}

async function readHeld(given: string) {
  if (/^[0-9a-f]{64}$/i.test(given)) return [{ hash: given.toLowerCase(), index: null }];
  const held = knownSealsIn(await fileText(given, '--seal'));
  if (held.length > 0) return held;
  throw new ConfigError(`--seal: ${given} holds no seal's hash.`);
}

async function readKeys(path: string) {
  const text = await fileText(path, '--public-key');
  try {
    return readPublicKeys(text);
  } catch (error) {
    throw new ConfigError(
      `--public-key: ${path} ${error instanceof Error ? error.message : 'cannot be read'}.`,
    );
  }
}

function fileText(path: string, option: string): Promise<string> {
  return asOption(option, () => readFile(path, 'utf8'));
}

async function asOption<T>(option: string, read: () => Promise<T>): Promise<T> {
  return read().catch((error: unknown) => {
    throw new ConfigError(`${option}: ${error instanceof Error ? error.message : String(error)}`);
  });
}

function describe({ seal, revisions, seq, toSeq }: VerifyProgress): string {
  return `${revisions} versions, batch ${seq} of ${toSeq}, seal ${seal}`;
}

/** How many findings are printed; all that are kept are in `--json`. */
const SHOWN = 50;

function printVerification(terminal: Terminal, report: VerifyReport, quiet: boolean): void {
  const { verdict, findings, findingCount, notices, seals, sealedTo } = report;
  if (quiet && verdict === 'INTACT') return;
  for (const { code, message } of findings.slice(0, SHOWN)) print(terminal, `${code}  ${message}`);
  if (findingCount > SHOWN) print(terminal, `… and ${findingCount - SHOWN} more.`);
  for (const notice of notices) print(terminal, `Note: ${notice}`);
  const where = report.subject === 'PACK' ? 'The pack' : 'The history';
  const what = `${report.revisions} versions, ${report.readings} readings and ${report.runs} runs in ${seals} seals`;
  const upTo = sealedTo ? `, up to batch ${sealedTo.seq} of ${sealedTo.at}` : '';
  const words = {
    INTACT: `${where} is intact: ${what}${upTo}.`,
    TAMPERED: `${where} is NOT as it was sealed: ${findingCount} findings in ${what}${upTo}.`,
    UNDECIDED: `${where} has no seals, so nothing can be told of it.`,
  };
  print(terminal, words[verdict]);
}

function exitCodeOf({ verdict }: VerifyReport): number {
  if (verdict === 'INTACT') return EXIT.ok;
  return verdict === 'TAMPERED' ? EXIT_VERDICT.failed : EXIT_VERDICT.undecided;
}
