import { open, readFile } from 'node:fs/promises';
import type { Command } from 'commander';
import { ConfigError } from '../config/reader.js';
import { readPublicKeys } from '../evidence/seal/signing-key.js';
import { knownSealsIn } from '../evidence/verify/check-chain.js';
import type { VerifyReport } from '../evidence/verify/findings.js';
import type { VerifyOptions } from '../evidence/verify/sealed-source.js';
import { verifyHistory, verifyPack } from '../evidence/verify/verify.js';
import { withHistory } from './collection.js';
import {
  type CommandAction,
  type CommandContext,
  type Dispatch,
  EXIT,
  EXIT_VERDICT,
  type Terminal,
  untilStopped,
} from './command.js';
import { asOption, type OutputOptions, several } from './options.js';

const DETAILS = `
Checks a history, or a pack written by report (anywhere, without the gateway), against its seals, and names what was
altered, added, removed, reordered or cut off: which record, which batch, which seal. It only reads, and works while serve
is running.

A cut at the end is only detected with a seal that was kept elsewhere: --seal takes its hash, or a file with hashes, such
as the one that SEAL_HOOK writes (each line is checked). Whether the seals are the gateway's is only checked with its
public key from another source: --public-key takes a JWK set or PEM; then the last seal must be signed.

Exit codes: 0 intact, 1 altered, 2 nothing is sealed, so nothing can be checked, 3 and 4 as for other commands, 64 wrong
options or configuration, 70 failed, 130 or 143 ended by a signal.

Examples:
  abnormal-gateway verify
  abnormal-gateway verify --seal seals.ndjson --public-key signing-keys.json
  abnormal-gateway verify --pack evidence-2026-Q3.tar --public-key signing-keys.json
  abnormal-gateway verify --history sqlite:./backup.db --json | jq '.findings[] | {code, what, seal}'`;

interface Options extends OutputOptions {
  readonly history?: string;
  readonly pack?: string;
  readonly seal?: readonly string[];
  readonly publicKey?: string;
  readonly requireSignature?: boolean;
}

export function addVerify(program: Command, choose: Dispatch): void {
  program
    .command('verify')
    .description('check a history or an evidence pack against its seals, and name what was altered')
    .option('--history <where>', 'sqlite:<file> or mongodb://…; default: HISTORY')
    .option('--pack <file>', 'a pack, instead of a history')
    .option('--seal <hash or file>', 'a seal that must be present; may be given several times', several)
    .option('--public-key <file>', 'the key that must have signed the seals, as JWK, JWK set or PEM')
    .option('--require-signature', 'the last seal must be signed, by any key')
    .option('--json', 'print the result as one JSON object')
    .option('-q, --quiet', 'no progress, and no output for what is intact')
    .addHelpText('after', DETAILS)
    .action((options: Options) => choose(verify(options)));
}

function verify(options: Options): CommandAction {
  return async (invocation) => {
    const { terminal, progress } = invocation;
    const asked = await readOptions(options, invocation);
    return untilStopped(invocation, async () => {
      const report = await run(options, asked, invocation);
      progress.end();
      if (options.json) terminal.json(report);
      else printVerification(terminal, report, options.quiet ?? false);
      return exitCodeOf(report);
    });
  };
}

async function run(
  { pack, history }: Options,
  options: VerifyOptions,
  { config, ...invocation }: CommandContext,
): Promise<VerifyReport> {
  if (pack !== undefined) return verifyPack(pack, options);
  const chosen = { ...config, history: history ?? config.history };
  return withHistory({ ...invocation, config: chosen }, 'read', (store) => verifyHistory(store, options));
}

async function readOptions(options: Options, { stop, progress }: CommandContext): Promise<VerifyOptions> {
  const { history, pack, seal = [], publicKey, requireSignature = false, quiet = false } = options;
  if (history !== undefined && pack !== undefined)
    throw new ConfigError('--history and --pack cannot be combined. Pass one of them.');
  if (history !== undefined && !/^(sqlite:|mongodb(\+srv)?:\/\/).+/.test(history)) {
    throw new ConfigError('--history: accepted is sqlite:<path of a file>, mongodb://… or mongodb+srv://…');
  }
  if (pack !== undefined) await asOption('--pack', async () => (await open(pack)).close());
  const held = await Promise.all(seal.map(readHeld));
  return {
    publicKeys: publicKey === undefined ? null : await readKeys(publicKey),
    mustBeSigned: requireSignature || publicKey !== undefined,
    held: held.flat(),
    signal: stop,
    onProgress: ({ seal: at, revisions, seq, toSeq }) => {
      if (!quiet) progress.show(`${revisions} versions, batch ${seq} of ${toSeq}, seal ${at}`);
    },
  };
}

async function readHeld(given: string) {
  if (/^[0-9a-f]{64}$/i.test(given)) return [{ hash: given.toLowerCase(), index: null }];
  const held = knownSealsIn(await fileText(given, '--seal'));
  if (held.length > 0) return held;
  throw new ConfigError(`--seal: ${given} contains no hash of a seal.`);
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

/** `--json` contains all findings that are kept. */
const SHOWN = 50;

function printVerification(terminal: Terminal, report: VerifyReport, quiet: boolean): void {
  const { verdict, findings, findingCount, notices, seals, sealedTo } = report;
  if (quiet && verdict === 'INTACT') return;
  for (const { code, message } of findings.slice(0, SHOWN)) terminal.print(`${code}  ${message}`);
  if (findingCount > SHOWN) terminal.print(`… and ${findingCount - SHOWN} more.`);
  for (const notice of notices) terminal.print(`Note: ${notice}`);
  const where = report.subject === 'PACK' ? 'The pack' : 'The history';
  const what = `${report.revisions} versions, ${report.readings} readings and ${report.runs} runs in ${seals} seals`;
  const upTo = sealedTo ? `, up to batch ${sealedTo.seq} of ${sealedTo.at}` : '';
  const words = {
    INTACT: `${where} is intact: ${what}${upTo}.`,
    TAMPERED: `${where} is NOT as it was sealed: ${findingCount} findings in ${what}${upTo}.`,
    UNDECIDED: `${where} has no seals, so it cannot be checked.`,
  };
  terminal.print(words[verdict]);
}

function exitCodeOf({ verdict }: VerifyReport): number {
  if (verdict === 'INTACT') return EXIT.ok;
  return verdict === 'TAMPERED' ? EXIT_VERDICT.failed : EXIT_VERDICT.undecided;
}
