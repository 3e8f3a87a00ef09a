import { expect, test } from 'vitest';
import { createLog } from '../src/log.js';
import { Secret } from '../src/values/secret.js';

const SECRET = 'p@ss"word/5f1c';

function logged(pretty: boolean, write: (log: ReturnType<typeof createLog>) => void): string {
  const lines: string[] = [];
  const destination = { write: (text: string) => lines.push(text) };
  write(createLog({ level: 'info', pretty, secrets: [new Secret(SECRET)], destination }));
  return lines.join('');
}

test('a line is one JSON object with level, time and message', () => {
  const line = logged(false, (log) => log.child({ part: 'sync' }).info({ calls: 3 }, 'polled'));
  expect(JSON.parse(line)).toEqual({
    level: 'info',
    time: expect.stringMatching(/^\d{4}-.*Z$/),
    part: 'sync',
    calls: 3,
    msg: 'polled',
  });
});

test('lines below the level are not written', () => {
  expect(logged(false, (log) => log.debug('detail'))).toBe('');
});

test.each([false, true])('a secret is replaced at every place (pretty: %s)', (pretty) => {
  const text = logged(pretty, (log) => {
    log.info({ nested: { deep: `Bearer ${SECRET}` } }, `sent ${SECRET}`);
    log.error({ err: new Error(`refused ${SECRET}`) }, 'failed');
    log.warn({ url: `mongodb://u:${encodeURIComponent(SECRET)}@db/x` }, 'slow');
    log.info({ text: JSON.stringify({ again: SECRET }) });
  });
  for (const form of [SECRET, 'p@ss', '5f1c']) expect(text).not.toContain(form);
  expect(text).toContain('[redacted]');
});

test('fields named like credentials are replaced, whatever they contain', () => {
  const text = logged(false, (log) => {
    log.info({
      token: 'abc1',
      headers: { authorization: 'abc2' },
      request: { headers: { authorization: 'abc3' } },
    });
  });
  expect(text).not.toMatch(/abc\d/);
});

test('pretty lines are readable for people', () => {
  const text = logged(true, (log) => log.warn({ resource: 'cases' }, 'not licensed'));
  expect(text).toMatch(/WARN.*not licensed/);
});
