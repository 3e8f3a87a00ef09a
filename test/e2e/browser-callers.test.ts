import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { KEY_CACHE_MS } from '../../src/callers/api-keys.js';
import { QUESTIONS } from '../../src/graphql/operation/questions.js';
import { hasChromium, inspect, NO_CHROMIUM, openBrowser, openPage } from '../support/browser.js';
import { GuardedGateway } from '../support/guarded-gateway.js';

if (!hasChromium) console.warn(NO_CHROMIUM);

const LOOK = { width: 1280, height: 900 };

/** What a script of a page gets for a query: the answer, or the browser's word for that it may not. */
function asking(url: string, key: string): string {
  const headers = { 'content-type': 'application/json', authorization: `Bearer ${key}` };
  const init = { method: 'POST', headers, body: JSON.stringify({ query: '{ __typename }' }) };
  return `fetch(${JSON.stringify(`${url}/graphql`)}, ${JSON.stringify(init)})
    .then(async (answer) => [answer.status, await answer.text()], (error) => [0, String(error)])`;
}

describe.runIf(hasChromium)('in a browser', () => {
  let gateway: GuardedGateway;
  let key: string;
  let browser: Browser;
  /** A page of some other site: each port is an origin of its own. */
  const sites: { url: string; close: () => void }[] = [];

  beforeAll(async () => {
    gateway = await GuardedGateway.open();
    key = (await gateway.key('reader')).text;
    for (let n = 0; n < 2; n += 1) sites.push(await startSite());
    await gateway.start({ CORS_ORIGINS: sites[0]?.url ?? '' });
    browser = await openBrowser();
  });

  afterAll(async () => {
    await browser?.close();
    for (const site of sites) site.close();
    await gateway.close();
  });

  const from = async (place: string, withKey: string) => {
    const { page } = await openPage(browser, place, LOOK);
    try {
      return await page.evaluate(asking(gateway.url, withKey));
    } finally {
      await page.context().close();
    }
  };

  test('a page of an allowed origin may send requests with a key', async () => {
    const answer = [200, expect.stringContaining('"__typename":"Query"')];
    expect(await from(sites[0]?.url ?? '', key)).toEqual(answer);
    expect(await from(sites[0]?.url ?? '', 'wrong')).toEqual([
      401,
      expect.stringContaining('UNAUTHENTICATED'),
    ]);
  });

  test('a page of another origin may not send requests, even with a key', async () => {
    expect(await from(sites[1]?.url ?? '', key)).toEqual([0, expect.stringContaining('Failed to fetch')]);
  });

  test.each(['/', '/ide/'])(
    'the page at %s loads completely, contacts only this gateway, and sends requests with a key',
    async (path) => {
      const { page, requests, complaints } = await openPage(browser, `${gateway.url}${path}`, LOOK);
      await page.waitForLoadState('networkidle');
      expect(requests.filter((url) => !/^(blob|data):/.test(url) && !url.startsWith(gateway.url))).toEqual(
        [],
      );
      expect(complaints.filter((text) => /content security policy|refused to/i.test(text))).toEqual([]);
      // the home page lets nothing be asked, the IDE does
      const [status] = (await page.evaluate(asking(gateway.url, key))) as [number];
      expect(status).toBe(path === '/' ? 0 : 200);
      await page.context().close();
    },
  );

  test('the IDE opens with the twelve questions, and shows the result once a key is in the header', async () => {
    const { page } = await openPage(browser, `${gateway.url}/ide/`, LOOK);
    for (const { name } of QUESTIONS) await page.getByText(name).first().waitFor({ state: 'attached' });
    // the last one that was opened
    const inFront = QUESTIONS.at(-1)?.name ?? '';
    await page.waitForLoadState('networkidle');
    await page.context().setExtraHTTPHeaders({ authorization: `Bearer ${key}` });
    // the answer is read on its way to the page: the browser may let go of a body that the page is done with
    const answered = new Promise<unknown>((resolve) => {
      void page.route('**/graphql', async (route) => {
        const response = await route.fetch();
        if (route.request().postData()?.includes(inFront)) resolve(await response.json());
        await route.fulfill({ response });
      });
    });
    await page
      .getByRole('button', { name: /run|send/i })
      .first()
      .click();
    expect(await answered).toMatchObject({ data: { integrations: expect.any(Array) } });
    await page.context().close();
  });

  test.each([
    { ...LOOK, width: 390 },
    { ...LOOK, dark: true },
  ])(
    'a person signs in by keyboard, and uses the overview and the IDE until the key is revoked: %o',
    async (look) => {
      const { key: own, text } = await gateway.key('operator');
      const { page, complaints } = await openPage(browser, `${gateway.url}/?window=30d`, look);
      expect((await inspect(page)).faults).toEqual([]);
      await page.keyboard.press('Tab');
      await page.keyboard.type(`${text.slice(0, -1)}x`);
      await page.keyboard.press('Enter');
      await page.getByRole('alert').waitFor();
      expect((await inspect(page)).faults).toEqual([]);
      await page.getByLabel('API key or token').fill(text);
      await page.keyboard.press('Enter');
      await page.getByText('Signed in as operator (operator)').waitFor();
      expect(new URL(page.url()).search).toBe('?window=30d');
      expect(await page.evaluate('document.cookie')).toBe('');
      await page.goto(`${gateway.url}/reports`);
      expect((await inspect(page)).faults).toEqual([]);
      expect(await page.evaluate('document.documentElement.scrollWidth')).toBeLessThanOrEqual(look.width);
      await page.goto(`${gateway.url}/ide/`);
      // a script of the IDE sends the cookie by itself
      expect(await page.evaluate(asking(gateway.url, '').replace(/,"authorization":"[^"]*"/, ''))).toEqual([
        200,
        expect.stringContaining('"__typename":"Query"'),
      ]);
      await gateway.keys.revoke(own.id);
      gateway.now += KEY_CACHE_MS;
      await page.goto(`${gateway.url}/reports`);
      await page.getByLabel('API key or token').waitFor();
      expect(complaints.filter((text) => !/status of 40[13]/.test(text))).toEqual([]);
      await page.context().close();
    },
  );

  test('a page of another site cannot use the session, and a link from it opens the overview', async () => {
    const { text } = await gateway.key('admin');
    const { page } = await openPage(browser, gateway.url, LOOK);
    await page.getByLabel('API key or token').fill(text);
    await page.keyboard.press('Enter');
    await page.getByRole('button', { name: 'Sign out' }).waitFor();
    // another name of this machine is another site
    await page.goto((sites[0]?.url ?? '').replace('127.0.0.1', 'localhost'));
    const sent = `fetch('${gateway.url}/graphql', { method: 'POST', credentials: 'include', headers: { 'content-type': 'application/json' }, body: '{"query":"{ __typename }"}' })
      .then((answer) => answer.status, () => 0)`;
    expect(await page.evaluate(sent)).toBe(0);
    await page.evaluate(`document.body.innerHTML = '<a href="${gateway.url}/">overview</a>'`);
    await page.getByText('overview').click();
    await page.getByRole('button', { name: 'Sign out' }).waitFor();
    await page.getByRole('button', { name: 'Sign out' }).click();
    await page.getByLabel('API key or token').waitFor();
    await page.context().close();
  });
});

async function startSite(): Promise<{ url: string; close: () => void }> {
  const server = createServer((_request, response) => {
    response.setHeader('content-type', 'text/html').end('<!doctype html><title>elsewhere</title>');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return { url, close: () => server.close() };
}
