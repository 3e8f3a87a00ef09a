import 'reflect-metadata';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type App, createApp } from '../../src/app.js';
import { runCommand } from '../../src/cli/run-command.js';
import { readEnv, toConfig } from '../../src/config/config.js';
import { openStore } from '../../src/history/open-store.js';
import { hasChromium, inspect, openBrowser, openPage } from '../support/browser.js';
import { mail } from '../support/control-facts.js';
import { hoursAfter, recordHistory, type Seen } from '../support/evidence-history.js';
import { sampleCase, sampleMessage, sampleThreat } from '../support/records.js';

/*
 * The gateway's pages as they come to a browser: the report that the command writes and the gateway serves, with more
 * exceptions than it shows and words as long as they come, and the page at `/`.
 */

const NOW = () => Date.parse('2026-10-06T00:00:00.000Z');
const LONG = 'https://portal.example.test/'.padEnd(400, 'a-name-without-any-place-to-break');
const LONG_ADDRESS = `${'x'.repeat(64)}@${'y'.repeat(180)}.example`;

const seen: Seen[] = [
  ...Array.from({ length: 300 }, (_, i) => {
    const at = hoursAfter('2026-07-01T06:00:00.000Z', i * 7);
    const subject = [LONG, 'Überfällig 逾期发票 متأخر'][i] ?? `Mail ${i}`;
    const recipientAddress = i === 2 ? LONG_ADDRESS : 'pat@customer.example';
    const messages = [sampleMessage(`m${i}`, mail(at, i < 230 ? null : 5000, { subject, recipientAddress }))];
    return { at: hoursAfter(at, 1), threat: sampleThreat(`t${i}`, { messages }) };
  }),
  {
    at: '2026-08-04T01:00:00.000Z',
    case: sampleCase('c1', { customerVisibleTime: '2026-08-04T00:30:00.000Z', affectedEmployee: LONG }),
  },
];
const outages = [
  { from: '2026-07-14T00:00:00.000Z', to: '2026-07-15T12:00:00.000Z', caughtUp: true, failure: LONG },
  { from: '2026-08-11T00:00:00.000Z', to: '2026-08-12T00:00:00.000Z', caughtUp: false },
];

const DESKTOP = { width: 1280, height: 900 };
const TELEPHONE = { width: 390, height: 844 };
const PERIODS = ['2026-Q3', '2026-09-14', '2020-01'];

describe.runIf(hasChromium)('in a browser', () => {
  const folder = mkdtempSync(join(tmpdir(), 'pages-'));
  const HISTORY = `sqlite:${join(folder, 'history.db')}`;
  const fileOf = (period: string) => join(folder, `${period}.html`);
  let browser: Browser;
  let app: App;
  let url: string;

  async function writeReport(period: string): Promise<void> {
    const silent = { write: () => true };
    const code = await runCommand({
      arguments: ['report', '--period', period, '--out', fileOf(period)],
      env: { HISTORY, LOG_LEVEL: 'silent' },
      terminal: { out: silent, err: silent },
      stop: new AbortController().signal,
      clock: NOW,
    });
    expect(code).toBeLessThanOrEqual(2);
  }

  beforeAll(async () => {
    const store = await openStore(HISTORY, 'write');
    const span = { from: '2026-06-20T00:00:00.000Z', to: '2026-10-05T00:00:00.000Z' };
    await recordHistory(store, {
      ...{ ...span, seen, integration: 'simulated' },
      outages: ({ resource }) => (resource === 'campaigns' ? [] : outages),
    });
    await store.close();
    for (const period of PERIODS) await writeReport(period);
    const config = toConfig(readEnv({ HISTORY, PORT: '0', SIMULATOR: 'off', LOG_LEVEL: 'silent' }));
    if (!config.ok) throw new Error(JSON.stringify(config.problems));
    app = createApp(config.config, { log: pino({ level: 'silent' }), clock: NOW });
    url = (await app.start()).url;
    browser = await openBrowser();
  });

  afterAll(async () => {
    await browser?.close();
    await app?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  const LOOKS = PERIODS.flatMap((period) => [
    { period, at: 'a desktop', look: DESKTOP },
    { period, at: 'a telephone', look: TELEPHONE },
  ]);

  test.each(LOOKS)(
    'the report of $period on $at has no accessibility finding and no overflow',
    async (each) => {
      const { period, look } = each;
      const { page, requests, complaints } = await openPage(browser, fileOf(period), look);
      expect((await inspect(page)).faults).toEqual([]);
      expect(await page.evaluate('document.documentElement.scrollWidth')).toBeLessThanOrEqual(look.width);
      expect(requests).toEqual([`file://${fileOf(period)}`]);
      expect(complaints).toEqual([]);
      await page.context().close();
    },
  );

  test('the gateway serves the same bytes, and they look the same under its stricter policy', async () => {
    const address = `${url}/reports/2026-Q3?format=html`;
    const served = await openPage(browser, address, DESKTOP);
    expect(served.requests).toEqual([address]);
    expect(served.complaints).toEqual([]);
    const file = await openPage(browser, fileOf('2026-Q3'), DESKTOP);
    const height = 'document.documentElement.scrollHeight';
    expect(await served.page.evaluate(height)).toBe(await file.page.evaluate(height));
    expect(await (await fetch(address)).text()).toBe(readFileSync(fileOf('2026-Q3'), 'utf8'));
    await served.page.context().close();
    await file.page.context().close();
  });

  test('the page is complete without scripts', async () => {
    const { page, complaints } = await openPage(browser, fileOf('2026-Q3'), { ...DESKTOP, plain: true });
    expect(await page.getByRole('heading', { level: 1 }).textContent()).toContain('2026-Q3');
    expect(await page.getByRole('table').count()).toBeGreaterThan(10);
    const strip = page.getByRole('img', { name: 'simulated/threats/receivedTime' });
    expect((await strip.boundingBox())?.width).toBeGreaterThan(200);
    expect(complaints).toEqual([]);
    await page.context().close();
  });

  test('every chart has an accessible name', async () => {
    const { page } = await openPage(browser, fileOf('2026-Q3'), DESKTOP);
    const charts = await page.locator('svg:not([aria-hidden=true])').count();
    expect(charts).toBeGreaterThan(12);
    expect(await page.getByRole('img', { name: /\S/ }).count()).toBe(charts);
    expect(await page.getByRole('img', { name: /^Attacks are remediated: .*failed/ }).count()).toBe(1);
    await page.context().close();
  });

  test('the printed page shows everything within the paper size', async () => {
    const { page } = await openPage(browser, fileOf('2026-Q3'), DESKTOP);
    const pdf = await page.pdf({ format: 'A4' });
    expect(pdf.subarray(0, 5).toString()).toBe('%PDF-');
    await page.emulateMedia({ media: 'print' });
    // 210 mm less the margins, at 96 dots per inch
    await page.setViewportSize({ width: 688, height: 1000 });
    expect(await page.evaluate('document.documentElement.scrollWidth')).toBeLessThanOrEqual(688);
    await page.context().close();
  });

  test.each([DESKTOP, TELEPHONE, { ...DESKTOP, dark: true }])(
    'the page at / has no finding and no overflow: %o',
    async (look) => {
      const { page, requests, complaints } = await openPage(browser, `${url}/`, look);
      expect((await inspect(page)).faults).toEqual([]);
      expect(await page.evaluate('document.documentElement.scrollWidth')).toBeLessThanOrEqual(look.width);
      expect(requests).toEqual([`${url}/`]);
      expect(complaints).toEqual([]);
      await page.context().close();
    },
  );
});
