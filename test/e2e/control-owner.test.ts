import { spawnSync } from 'node:child_process';
import { appendFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { sealHistory } from '../../src/evidence/seal/make-seals.js';
import { signerOf } from '../../src/evidence/seal/signing-key.js';
import { openStore } from '../../src/history/open-store.js';
import { mail } from '../support/control-facts.js';
import { hoursAfter, recordHistory, type Seen } from '../support/evidence-history.js';
import { sampleMessage, sampleThreat } from '../support/records.js';
import { buildService, installCommand } from '../support/service.js';

/*
 * The way of a control owner in docs/policy.md, from an empty policy to a signed pack for a SOC 2 auditor: its commands
 * as they stand there, in a shell, with the built program, on a quarter of polls with one message that nobody remediated.
 */

const [, guide = ''] = readFileSync('docs/policy.md', 'utf8').split('## From an empty policy');
const steps = guide
  .split('\n## ')[0]
  ?.split(/^(?=\d+\. )/m)
  .slice(1)
  .map((step) => ({
    sh: /```sh\n([\s\S]*?)```/.exec(step)?.[1]?.replace(/^ {3}/gm, ''),
    yaml: /```yaml\n([\s\S]*?)```/.exec(step)?.[1]?.replace(/^ {3}/gm, ''),
  }));

const LEFT_AT = '2026-09-10T08:00:00.000Z';
const seen: Seen[] = [
  ...Array.from({ length: 90 }, (_, i): Seen => {
    const at = hoursAfter('2026-07-02T09:00:00.000Z', 24 * i);
    return {
      at: hoursAfter(at, 1),
      threat: sampleThreat(`t${i}`, { messages: [sampleMessage(`m${i}`, mail(at, 9_000))] }),
    };
  }),
  {
    at: hoursAfter(LEFT_AT, 1),
    threat: sampleThreat('left', { messages: [sampleMessage('m-left', mail(LEFT_AT, null))] }),
  },
];

const folder = mkdtempSync(join(tmpdir(), 'control-owner-'));
const tools = join(folder, 'bin');

function run(script: string | undefined) {
  const env = { PATH: `${tools}:${process.env.PATH}` };
  const { status, stdout, stderr } = spawnSync('bash', ['-ec', script ?? 'exit 99'], {
    ...{ cwd: folder, env, encoding: 'utf8' },
  });
  return { status, stdout, stderr };
}

const step = (n: number) => run(steps?.[n - 1]?.sh);
const file = (name: string) => join(folder, name);

beforeAll(async () => {
  await buildService(inject('desk'));
  mkdirSync(tools);
  installCommand(tools);
  writeFileSync(file('.env'), 'HISTORY=sqlite:./history.db\n');
}, 120_000);

afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('the way from an empty policy to a pack for an auditor, in docs/policy.md', {
  shuffle: false,
}, () => {
  it('has eight steps', () => {
    expect(steps?.map(({ sh, yaml }) => (sh ? 'sh' : yaml ? 'yaml' : 'none'))).toEqual([
      ...['sh', 'sh', 'yaml', 'sh', 'sh', 'sh', 'sh', 'sh'],
    ]);
  });

  it('begins with a key for the gateway and its public key for the auditor (1)', async () => {
    expect(step(1)).toMatchObject({ status: 0, stdout: '' });
    expect(readFileSync(file('key.pem'), 'utf8')).toMatch(/^-----BEGIN PUBLIC KEY-----\n/);
    const [, key = ''] = /SIGNING_KEY=(.+)/.exec(readFileSync(file('.env'), 'utf8')) ?? [];
    // the quarter is collected and sealed with it
    const store = await openStore(`sqlite:${file('history.db')}`, 'write');
    const end = '2026-10-08T00:00:00.000Z';
    await recordHistory(store, { from: '2026-06-20T00:00:00.000Z', to: end, seen });
    await sealHistory(store, { signer: signerOf(key), clock: () => Date.parse(end) });
    await store.close();
  });

  it('goes on with a policy that is valid, first as the command writes it and then as it is edited (2-4)', () => {
    expect(step(2).status).toBe(0);
    expect(run('abnormal-gateway policy check policy.yaml').status).toBe(0);
    writeFileSync(file('policy.yaml'), steps?.[2]?.yaml ?? '');
    const { status, stdout } = step(4);
    expect(status).toBe(0);
    expect(stdout).toMatch(/remediateWithin\s+8h/);
    expect(stdout).toContain('Identity team');
  });

  it('shows the open control by the criteria of SOC 2 (5)', () => {
    const [posture, report] = (steps?.[4]?.sh ?? '').trim().split('\n');
    const now = run(posture);
    expect(now.status).toBeGreaterThan(0);
    expect(now.stdout).toMatch(/attacks-remediated +30d/);
    const { status, stdout } = run(report);
    expect(status).toBe(1);
    expect(stdout).toMatch(/attacks-remediated +FAIL +1 +Remediated 98\.\d+ %, at least 99 %/);
    expect(stdout).toMatch(/abuse-mailbox-operating +NOT_APPLICABLE/);
    expect(stdout).toMatch(/CC7\.4 .*attacks-remediated +FAIL/);
  });

  it('settles it with a waiver, after which no control fails (6)', () => {
    step(6);
    const [heading = '', row = ''] = readFileSync(file('exceptions.csv'), 'utf8').split(/\r?\n/);
    expect(heading).toContain('message_id');
    expect(row).toContain('m-left');
    appendFileSync(
      file('policy.yaml'),
      `waivers:
  - control: attacks-remediated
    subject: { message: m-left }
    reason: A sample that the security team keeps on purpose.
    owner: Head of security operations
    ticket: RISK-123
    from: 2026-09-01
    expires: 2027-03-01
`,
    );
    expect(step(4).status).toBe(0);
    const report = run((steps?.[4]?.sh ?? '').trim().split('\n')[1]);
    expect(report.stdout).toMatch(/attacks-remediated +PASS/);
    // the age of the token is not known, which no policy can declare
    expect(report.status).toBe(2);
  });

  it('makes a signed pack that the auditor finds intact with the key of the first step (7-8)', () => {
    expect(step(7).status).toBe(2);
    const { status, stdout } = step(8);
    expect(status).toBe(0);
    expect(stdout).toMatch(/^The pack is intact: 91 versions/);
    run("abnormal-gateway keys signing 2>&1 > other.txt | sed -n '/BEGIN/,/END/p' > other.pem");
    const another = run((steps?.[7]?.sh ?? '').replace('key.pem', 'other.pem'));
    expect(another.status).toBe(1);
    run('mkdir unpacked && tar xf evidence-2026-Q3.tar -C unpacked');
    expect(readFileSync(file('unpacked/policy.yaml'), 'utf8')).toBe(
      readFileSync(file('policy.yaml'), 'utf8'),
    );
    const { results, framework, policy } = JSON.parse(readFileSync(file('unpacked/report.json'), 'utf8'));
    expect(framework.criteria.map(({ criterion }: { criterion: string }) => criterion)).toContain('CC7.4');
    expect(policy.organisation).toBe('Example Corp');
    const remediated = results.find(({ control }: { control: string }) => control === 'attacks-remediated');
    expect(remediated.exceptions.items).toMatchObject([
      { outcome: 'WAIVED', waiver: { ticket: 'RISK-123' } },
    ]);
  });

  it('ends with 1 if one word of the policy in the pack was changed', () => {
    const pack = readFileSync(file('evidence-2026-Q3.tar'));
    const at = pack.indexOf('RISK-123');
    pack.write('RISK-124', at);
    writeFileSync(file('evidence-2026-Q3.tar'), pack);
    expect(step(8).status).toBe(1);
  });
});
