import { readFile, writeFile } from 'node:fs/promises';
import type { Command } from 'commander';
import { loadPolicy, readPolicyText } from '../app/policy-file.js';
import { controlRules } from '../app/reports.js';
import { ConfigError } from '../config/reader.js';
import { policyFacts } from '../evidence/report/json.js';
import { CONTROL_IDS, type Policy, type Rules } from '../policy/policy.js';
import { problemTexts } from '../policy/read-policy.js';
import { THRESHOLD_NAMES, THRESHOLDS, thresholdInput } from '../policy/thresholds.js';
import { waiverSubject } from '../policy/waivers.js';
import { type Instant, toInstant } from '../values/instant.js';
import { type CommandContext, type Dispatch, EXIT } from './command.js';
import { asOption } from './options.js';

export function addPolicy(program: Command, choose: Dispatch): void {
  const policy = program
    .command('policy')
    .description(
      'the organisation’s policy: thresholds, owners, waivers, controls that do not apply (POLICY)',
    )
    .helpCommand(false);
  policy
    .command('check')
    .description('check a policy file; prints every problem with line and column')
    .argument('[file]', 'the file (default: POLICY)')
    .addHelpText('after', CHECK_TEXT)
    .action((file?: string) => choose((context) => check(context, file)));
  policy
    .command('show')
    .description('print the rules that apply: thresholds with their origin, owners, waivers')
    .option('--json', 'print one JSON object')
    .addHelpText('after', SHOW_TEXT)
    .action(({ json }: { json?: boolean }) => choose((context) => show(context, json ?? false)));
  policy
    .command('init')
    .description('print a policy file to begin with')
    .option('-o, --out <file>', 'write it to a new file instead')
    .addHelpText('after', INIT_TEXT)
    .action(({ out }: { out?: string }) => choose((context) => init(context, out ?? null)));
}

const CHECK_TEXT = `
Exit codes: 0 valid, 1 not valid, 2 there is no such file.

Examples:
  abnormal-gateway policy check
  abnormal-gateway policy check ./policy.yaml`;

async function check({ config, terminal }: CommandContext, file: string | undefined): Promise<number> {
  const path = file ?? config.policy;
  if (path === null || path === undefined)
    throw new ConfigError('No policy is configured. Pass a file, or set POLICY.');
  const text = await readFile(path, 'utf8').catch((error: unknown) => {
    throw new ConfigError(
      `${path} cannot be read: ${error instanceof Error ? error.message : String(error)}`,
    );
  });
  const result = readPolicyText(text);
  if (!result.ok) {
    for (const line of problemTexts(path, result.problems)) terminal.err.write(`${line}\n`);
    return EXIT.failed;
  }
  const { waivers, file: source } = result.policy;
  terminal.print(`${path} is valid. SHA-256 ${source?.digest ?? ''}, ${waivers.length} waivers.`);
  return EXIT.ok;
}

const SHOW_TEXT = `
Examples:
  POLICY=./policy.yaml abnormal-gateway policy show
  abnormal-gateway policy show --json | jq .thresholds`;

async function show({ config, terminal, clock }: CommandContext, json: boolean): Promise<number> {
  const policy = loadPolicy(config.policy);
  const rules = controlRules(config, policy);
  if (json) {
    const { thresholds, policy: used } = rules;
    const { controls, frameworks, waivers } = used;
    terminal.json({ ...policyFacts(rules), thresholds, controls, frameworks, waivers });
    return EXIT.ok;
  }
  terminal.print(
    policy.file ? `Policy  ${config.policy}, SHA-256 ${policy.file.digest}` : 'No policy is configured.',
  );
  terminal.print();
  terminal.table([['THRESHOLD', 'VALUE', 'FROM'], ...thresholdRows(rules)]);
  terminal.print();
  terminal.table([['CONTROL', 'OWNER', 'NOT APPLICABLE'], ...controlRows(policy)]);
  if (policy.waivers.length === 0) return EXIT.ok;
  terminal.print();
  const now = toInstant(clock());
  const rows = policy.waivers.map((waiver) => {
    const { control, owner, ticket, expires } = waiver;
    return [control, waiverSubject(waiver), owner, ticket, expires.slice(0, 10), stateAt(waiver, now)];
  });
  terminal.table([['WAIVED', 'SUBJECT', 'OWNER', 'TICKET', 'EXPIRES', 'STATE'], ...rows]);
  return EXIT.ok;
}

function thresholdRows({ thresholds, own, policy }: Rules): string[][] {
  return THRESHOLD_NAMES.flatMap((name) => {
    const value = thresholds[name];
    const isDefault = value === THRESHOLDS[name].byDefault;
    const from = name in policy.thresholds ? 'policy' : isDefault ? 'default' : 'environment';
    const accounts = Object.entries(own).filter(([, values]) => values[name] !== value);
    const rows = accounts.map(([account, values]) => [
      `${name} (${account})`,
      thresholdInput(name, values[name]),
      'policy',
    ]);
    return [[name, thresholdInput(name, value), from], ...rows];
  });
}

function controlRows({ controls }: Policy): string[][] {
  return CONTROL_IDS.map((id) => [id, controls[id]?.owner ?? '-', controls[id]?.notApplicable ?? '-']);
}

function stateAt({ from, expires }: Policy['waivers'][number], now: Instant): string {
  if (now < from) return 'not in force yet';
  return now < expires ? 'in force' : 'expired';
}

const INIT_TEXT = `
Examples:
  abnormal-gateway policy init --out policy.yaml
  abnormal-gateway policy check policy.yaml`;

async function init({ terminal }: CommandContext, out: string | null): Promise<number> {
  if (out === null) {
    terminal.out.write(FIRST_POLICY);
    return EXIT.ok;
  }
  await asOption('--out', () => writeFile(out, FIRST_POLICY, { flag: 'wx' }));
  terminal.print(`Written to ${out}. Set POLICY=${out}, and check it with: policy check`);
  return EXIT.ok;
}

const FIRST_POLICY = `# yaml-language-server: $schema=./docs/policy.schema.json
# The policy of this organisation: see docs/policy.md. "policy check" names every problem.
version: 1
organisation: Example Corp
title: E-mail security controls

# Where auditors find the page oscal.md, to which OSCAL refers: at the gateway itself, or where you publish docs/:
# documentation: https://gateway.example.com/docs

# Which frameworks reports show; all, if this is left out:
# frameworks: [soc2, iso-27001]

# Durations as 30m, 4h or 90d; shares as 0.99 or 99%. "policy show" lists all names with their values.
thresholds:
  remediateWithin: 1d
  remediatedShare: 100%

# Thresholds of single accounts:
# integrations:
#   subsidiary:
#     thresholds: { tokenAge: 30d }

controls:
  attacks-remediated:
    owner: Security operations
#   abuse-mailbox-operating:
#     owner: Service desk
#     notApplicable: The Abuse Mailbox is not in use.

# Accepted exceptions, each for at most a year:
waivers: []
#   - control: attacks-remediated
#     subject: { message: "-4839201384912837491" }
#     reason: A sample that the security team keeps on purpose.
#     owner: Head of security operations
#     ticket: RISK-123
#     from: 2026-09-01
#     expires: 2027-03-01
`;
