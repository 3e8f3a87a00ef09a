import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { htmlReport } from '../../../src/evidence/report/html-report.js';
import { openStore } from '../../../src/history/open-store.js';
import {
  hasChromium,
  inspect,
  type Look,
  NO_CHROMIUM,
  openBrowser,
  openPage,
} from '../../support/browser.js';
import { mail } from '../../support/control-facts.js';
import { ask, hoursAfter, recordHistory, type Seen } from '../../support/evidence-history.js';
import { policyOf } from '../../support/policy.js';
import { sampleCampaign, sampleCase, sampleMessage, sampleThreat } from '../../support/records.js';

const BEGIN = '2026-09-01T00:00:00.000Z';
const LONG = `Invoice ${'0123456789'.repeat(12)} is overdue`;

const seen: Seen[] = [
  ...Array.from({ length: 120 }, (_, i) => {
    const at = hoursAfter(BEGIN, i * 6);
    const subject = i % 40 === 3 ? LONG : `Mail ${i}`;
    const messages = [sampleMessage(`m${i}`, mail(at, i % 20 === 3 ? null : 1000 * i, { subject }))];
    return { at: hoursAfter(at, 1), threat: sampleThreat(`t${i}`, { messages }) };
  }),
  ...Array.from({ length: 5 }, (_, i) => ({
    at: hoursAfter(BEGIN, 50 * i),
    case: sampleCase(`c${i}`, {
      customerVisibleTime: hoursAfter(BEGIN, 50 * i),
      statusRaw: 'Action Required',
    }),
  })),
  ...Array.from({ length: 6 }, (_, i) => ({
    at: hoursAfter(BEGIN, 49 * i),
    campaign: sampleCampaign(`r${i}`, {
      firstReportedTime: hoursAfter(BEGIN, 48 * i),
      judgementStatusRaw: 'Safe',
    }),
  })),
];
const outages = [
  { from: '2026-09-05T00:00:00.000Z', to: '2026-09-06T00:00:00.000Z', caughtUp: true },
  { from: '2026-09-20T00:00:00.000Z', to: '2026-09-21T00:00:00.000Z', caughtUp: false },
];

const LOOKS: [name: string, look: Look][] = [
  ['a desktop', { width: 1280, height: 900 }],
  ['a desktop in the dark', { width: 1280, height: 900, dark: true }],
  ['a telephone', { width: 390, height: 844 }],
  ['a telephone in the dark', { width: 390, height: 844, dark: true }],
  ['a narrow telephone', { width: 320, height: 640 }],
];

if (!hasChromium) console.warn(NO_CHROMIUM);

describe.runIf(hasChromium)(
  'the page in a browser',
  () => {
    const folder = mkdtempSync(join(tmpdir(), 'page-'));
    const path = join(folder, 'report.html');
    let browser: Browser;

    beforeAll(async () => {
      browser = await openBrowser();
      const store = await openStore('sqlite::memory:', 'write');
      const span = { from: '2026-08-01T00:00:00.000Z', to: '2026-10-03T00:00:00.000Z' };
      await recordHistory(store, { ...span, seen, outages: () => outages });
      const evidence = await ask(store, { period: '2026-09', trend: 'DAY' });
      await store.close();
      writeFileSync(path, htmlReport(evidence, { simulated: ['default'] }));
    });

    afterAll(async () => {
      await browser?.close();
      rmSync(folder, { recursive: true });
    });

    test.each(LOOKS)(
      'on %s sends no request, logs no error and has no accessibility finding of level A or AA',
      async (_, look) => {
        const { page, requests, complaints } = await openPage(browser, path, look);
        expect(requests).toEqual([`file://${path}`]);
        expect(complaints).toEqual([]);
        const { faults, passed } = await inspect(page);
        expect(faults).toEqual([]);
        expect(passed).toBeGreaterThan(10);
        await page.context().close();
      },
    );

    test.each(LOOKS)('on %s does not overflow horizontally', async (_, look) => {
      const { page } = await openPage(browser, path, look);
      const wide = await page.evaluate('document.documentElement.scrollWidth');
      expect(wide).toBeLessThanOrEqual(look.width);
      await page.context().close();
    });

    test('prints 50 exceptions of a control, says where the others are, and ends with a place to sign', async () => {
      const store = await openStore('sqlite::memory:', 'write');
      const left = Array.from({ length: 60 }, (_, i) => {
        const messages = [sampleMessage(`left-${i}`, mail(hoursAfter(BEGIN, i), null))];
        return { at: hoursAfter(BEGIN, i + 1), threat: sampleThreat(`left-${i}`, { messages }) };
      });
      const span = { from: '2026-08-01T00:00:00.000Z', to: '2026-10-03T00:00:00.000Z' };
      await recordHistory(store, { ...span, seen: left });
      const policy = policyOf('controls: { attacks-remediated: { owner: SecOps } }');
      const evidence = await ask(store, { period: '2026-09', controls: ['attacks-remediated'], policy });
      await store.close();
      const long = join(folder, 'long.html');
      writeFileSync(long, htmlReport(evidence, { simulated: [] }));
      const { page } = await openPage(browser, long, { width: 1280, height: 900 });
      const rows = page.locator('#attacks-remediated .exceptions tbody tr:visible');
      const rest = page.getByText('10 more are not printed: the NDJSON of this report has all of them.');
      const places = page.locator('.sign-off tbody tr:visible');
      expect([await rows.count(), await rest.isVisible(), await places.count()]).toEqual([60, false, 0]);
      await page.emulateMedia({ media: 'print' });
      expect([await rows.count(), await rest.isVisible()]).toEqual([50, true]);
      expect(await places.locator('th').allTextContents()).toEqual([
        ...['Owner: SecOps', 'Prepared by', 'Reviewed by'],
      ]);
      const printed = (await page.locator('body').innerText()).replaceAll(/\s+/g, ' ');
      for (const text of ['Owner: SecOps', 'Evidence for NIST SP 800-53', policy.file?.digest ?? '-'])
        expect(printed).toContain(text);
      await page.context().close();
    });

    test('with missing language and pale text is found by axe', async () => {
      const poor = join(folder, 'poor.html');
      writeFileSync(
        poor,
        '<!doctype html><html><title>x</title><p style="color:#ccc;background:#fff">pale</p></html>',
      );
      const { page } = await openPage(browser, poor, { width: 1280, height: 900 });
      const { faults } = await inspect(page);
      expect(faults.map((fault) => fault.split(':')[0]).sort()).toEqual(['color-contrast', 'html-has-lang']);
      await page.context().close();
    });
  },
  120_000,
);
