/*
 * Collects a quarter of a simulated account with failings planted in it, and writes what its report says:
 * `docs/example/summary.txt` and `exceptions.csv`, and where there is a Chromium the picture of the page in
 * `docs/images/report.png`. With `--page FILE` the page too.
 *
 *   npx tsx scripts/worked-example.ts [--page report.html]
 */
import 'reflect-metadata';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { textReport } from '../src/cli/report-output.js';
import { evaluatePeriod } from '../src/evidence/evaluate-period.js';
import { type ReportFormat, writeReport } from '../src/evidence/report/write-report.js';
import { openStore } from '../src/history/open-store.js';
import type { HistoryStore } from '../src/history/store.js';
import { hasChromium, NO_CHROMIUM, openBrowser, openPage } from '../test/support/browser.js';
import { askExample, collectExample } from '../test/support/worked-example.js';

const { values } = parseArgs({ options: { page: { type: 'string' } } });
const scratch = mkdtempSync(join(tmpdir(), 'worked-example-'));
const store = await openStore('sqlite::memory:', 'write');
try {
  await collectExample(store);
  mkdirSync('docs/example', { recursive: true });
  const question = await askExample(store, 'json');
  const evidence = await evaluatePeriod(store, { ...question, trend: null, keep: { skip: 0, limit: 0 } });
  writeFileSync('docs/example/summary.txt', textReport(evidence));
  writeFileSync('docs/example/exceptions.csv', await textOf(store, 'csv'));
  const path = values.page ?? join(scratch, 'report.html');
  writeFileSync(path, await textOf(store, 'html'));
  if (hasChromium) await picture(path);
  else console.warn(NO_CHROMIUM);
} finally {
  await store.close();
  rmSync(scratch, { recursive: true });
}

async function textOf(history: HistoryStore, format: ReportFormat): Promise<string> {
  const pieces: string[] = [];
  await writeReport(history, await askExample(history, format), async (text) => void pieces.push(text));
  return pieces.join('');
}

/** The first of the page, down to the end of the coverage's strips, as a reader at a desk sees it. */
async function picture(path: string): Promise<void> {
  const browser = await openBrowser();
  const { page } = await openPage(browser, path, { width: 1200, height: 900 });
  const legend = await page.getByRole('list', { name: 'Marks of the coverage' }).boundingBox();
  const height = Math.ceil((legend?.y ?? 0) + (legend?.height ?? 0)) + 16;
  mkdirSync('docs/images', { recursive: true });
  const clip = { x: 0, y: 0, width: 1200, height };
  await page.screenshot({ path: 'docs/images/report.png', fullPage: true, clip });
  await browser.close();
}
