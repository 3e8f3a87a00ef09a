import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { afterEach, expect, test } from 'vitest';
import { namingOf } from '../../src/evidence/report/oscal-text.js';
import { Playground } from '../support/app.js';

const ground = new Playground();
afterEach(() => ground.clear());

test('the namespace of OSCAL documents leads to a page of the gateway, without a credential', async () => {
  const { url } = await ground.start({
    API_KEYS: `x:reader:${randomBytes(32).toString('hex')}`,
    LANDING_PAGE: 'off',
  });
  const { ns } = namingOf('any', { documentation: `${url}/docs/` });
  expect((await fetch(`${url}/graphql?query={__typename}`)).status).toBe(401);

  const forPrograms = await fetch(ns);
  expect(forPrograms.headers.get('content-type')).toBe('text/markdown; charset=utf-8');
  const markdown = await forPrograms.text();
  expect(markdown).toBe(readFileSync('docs/oscal.md', 'utf8'));

  const page = await fetch(ns, { headers: { accept: 'text/html' } });
  expect([page.status, page.headers.get('vary')]).toEqual([200, expect.stringMatching(/^accept\b/)]);
  const html = await page.text();
  const rows = markdown.split('\n').filter((line) => line.startsWith('| '));
  expect(html.match(/<tr>/g)).toHaveLength(rows.length);
  for (const name of ['period', 'evidence-for', 'waiver-expires'])
    expect(html).toContain(`<code>${name}</code>`);
  expect(html.slice(html.indexOf('<main'))).not.toMatch(/\]\(|`|\|/);
});
