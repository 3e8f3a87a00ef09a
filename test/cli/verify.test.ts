import 'reflect-metadata';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from '@photostructure/sqlite';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { runCommand } from '../../src/cli/run-command.js';
import { sealHistory } from '../../src/evidence/seal/make-seals.js';
import { newSigningKey, signerOf } from '../../src/evidence/seal/signing-key.js';
import { openStore } from '../../src/history/open-store.js';
import { mail } from '../support/control-facts.js';
import { hoursAfter, recordHistory, type Seen } from '../support/evidence-history.js';
import { sampleMessage, sampleThreat } from '../support/records.js';

const NOW = '2026-10-06T00:00:00.000Z';
const SIGNING_KEY = newSigningKey();
const signer = signerOf(SIGNING_KEY);
const seen: Seen[] = Array.from({ length: 30 }, (_, i) => {
  const at = hoursAfter('2026-09-02T00:00:00.000Z', i * 12);
  const messages = [sampleMessage(`m${i}`, mail(at, 5000))];
  return { at: hoursAfter(at, 1), threat: sampleThreat(`t${i}`, { messages }) };
});

let folder: string;
let held: string;
const inFolder = (name: string) => join(folder, name);

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'verify-'));
  const store = await openStore(`sqlite:${inFolder('history.db')}`, 'write');
  const seal = async () => {
    const { at } = await store.head();
    return (await sealHistory(store, { signer, clock: () => Date.parse(at), enough: 10 })).at(-1);
  };
  await recordHistory(store, {
    from: '2026-09-01T00:00:00.000Z',
    to: '2026-09-15T00:00:00.000Z',
    seen: seen.slice(0, 20),
  });
  await seal();
  await recordHistory(store, {
    from: '2026-09-15T04:00:00.000Z',
    to: '2026-09-20T00:00:00.000Z',
    seen: seen.slice(27),
    prefix: 'more',
  });
  held = String((await seal())?.hash);
  await store.close();
  writeFileSync(inFolder('key.json'), JSON.stringify({ keys: [signer.publicKey] }));
});

afterAll(() => rmSync(folder, { recursive: true }));

async function run(...args: string[]) {
  const [out, err]: [string[], string[]] = [[], []];
  const code = await runCommand({
    arguments: args,
    env: { HISTORY: `sqlite:${inFolder('history.db')}`, SIGNING_KEY },
    terminal: { out: { write: (text) => out.push(text) }, err: { write: (text) => err.push(text) } },
    stop: new AbortController().signal,
    clock: () => Date.parse(NOW),
  });
  return { code, out: out.join(''), err: err.join('') };
}

/** A copy of the history, edited. */
function forged(name: string, ...statements: string[]): string {
  writeFileSync(inFolder(name), readFileSync(inFolder('history.db')));
  const db = new DatabaseSync(inFolder(name));
  for (const statement of statements) db.exec(statement);
  db.close();
  return `sqlite:${inFolder(name)}`;
}

describe('verify', () => {
  test('ends with 0 if everything is as sealed, with the key and the seal from another source', async () => {
    const { code, out } = await run('verify', '--public-key', inFolder('key.json'), '--seal', held);
    expect(out).toMatch(
      /^The history is intact: 23 versions, \d+ readings and \d+ runs in \d seals, up to batch/,
    );
    expect(code).toBe(0);
    expect(await run('verify', '-q', '--public-key', inFolder('key.json'))).toMatchObject({
      code: 0,
      out: '',
    });
  });

  test('ends with 1 and names the record, the batch and the seal', async () => {
    const history = forged('altered.db', "UPDATE threat SET origin = 'SIMULATED' WHERE id = 't7'");
    const { code, out } = await run('verify', '--history', history);
    expect(out).toMatch(
      /RECORD_ALTERED {2}The version of default\/threat\/t7 that batch \d+ brought was altered \(seal 1\)/,
    );
    expect(code).toBe(1);
    const json = JSON.parse((await run('verify', '--history', history, '--json')).out);
    expect(json).toMatchObject({
      verdict: 'TAMPERED',
      findings: [{ what: 'default/threat/t7', seal: 1, code: 'RECORD_ALTERED' }],
    });
  });

  test('detects a removed end of the history with a seal from another source', async () => {
    const cut = [`DELETE FROM journals WHERE n > 1`];
    const history = forged('cut.db', ...cut);
    expect((await run('verify', '--history', history)).code).toBe(0);
    writeFileSync(inFolder('seals.ndjson'), `${JSON.stringify({ index: 3, hash: held, at: NOW })}\n`);
    const { code, out } = await run('verify', '--history', history, '--seal', inFolder('seals.ndjson'));
    expect(out).toContain('The seal 3');
    expect(out).toContain('its end was cut off');
    expect(code).toBe(1);
  });

  test('reports tampering if the given key is not the key of the seals', async () => {
    const other = signerOf(newSigningKey()).publicKey;
    writeFileSync(inFolder('other.json'), JSON.stringify(other));
    const { code, out } = await run('verify', '--public-key', inFolder('other.json'));
    expect(out).toContain('SEAL_UNKNOWN_KEY');
    expect(code).toBe(1);
  });

  test('ends with 2 if there is no seal', async () => {
    const history = forged('unsealed.db', 'DELETE FROM journals');
    const { code, out } = await run('verify', '--history', history);
    expect([code, out]).toEqual([2, expect.stringContaining('no seals, so it cannot be checked')]);
  });

  test.each([
    [['--history', 'nowhere'], '--history: accepted is sqlite:'],
    [['--history', 'sqlite:a', '--pack', 'b'], '--history and --pack cannot be combined. Pass one of them'],
    [['--pack', '/nowhere/pack.tar'], '--pack: ENOENT'],
    [['--seal', '/nowhere/seals'], '--seal: ENOENT'],
    [['--public-key', '/nowhere/key'], '--public-key: ENOENT'],
  ])('with %j ends with 64 and says what is accepted', async (args, words) => {
    const { code, err } = await run('verify', ...args);
    expect(err).toContain(words);
    expect(code).toBe(64);
  });
});

describe('an evidence pack', () => {
  const args = [
    'report',
    '--period',
    '2026-09-02/2026-09-12',
    '--controls',
    'attacks-captured',
    '-q',
    '--out',
  ];

  test('contains everything, verifies without the history, and has the same bytes if made again', async () => {
    const [one, two] = [inFolder('one.tar'), inFolder('two.tar')];
    expect((await run(...args, one)).code).toBeLessThan(3);
    expect((await run(...args, two)).code).toBeLessThan(3);
    expect(readFileSync(one).equals(readFileSync(two))).toBe(true);
    const { code, out } = await run(
      'verify',
      '--pack',
      one,
      '--public-key',
      inFolder('key.json'),
      '--seal',
      held,
    );
    expect(out).toMatch(/^The pack is intact: 23 versions/);
    expect(code).toBe(0);
  });

  test('is not written if a part is unsealed or does not match its seal', async () => {
    const pack = inFolder('never.tar');
    const report = async (history: string, ...more: string[]) => {
      const [out, err]: [string[], string[]] = [[], []];
      const code = await runCommand({
        arguments: [...args, pack, ...more],
        env: { HISTORY: history },
        terminal: { out: { write: (text) => out.push(text) }, err: { write: (text) => err.push(text) } },
        stop: new AbortController().signal,
        clock: () => Date.parse(NOW),
      });
      return { code, err: err.join('') };
    };
    const unsealed = forged('none.db', 'DELETE FROM journals');
    expect(await report(unsealed)).toEqual({
      code: 64,
      err: expect.stringContaining('Nothing is sealed yet'),
    });
    const short = forged('short.db', 'DELETE FROM journals WHERE n > 1');
    const asOf = await report(short, '--as-of', '2026-09-19T00:00:00Z');
    expect(asOf).toEqual({ code: 64, err: expect.stringContaining('is not sealed yet') });
    const altered = forged('wrong.db', "UPDATE threat SET origin = 'SIMULATED' WHERE id = 't7'");
    expect(await report(altered)).toEqual({
      code: 64,
      err: expect.stringContaining('altered after it was sealed'),
    });
    expect(() => readFileSync(pack)).toThrow('ENOENT');
  });
});

test('keys signing prints a key for SIGNING_KEY on standard output and its fingerprint on standard error', async () => {
  const { code, out, err } = await run('keys', 'signing');
  expect(code).toBe(0);
  expect(out.split('\n')).toHaveLength(2);
  expect(err).toContain(signerOf(out.trim()).publicKey.kid);
});
