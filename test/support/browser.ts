import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { type Browser, chromium, type Page } from 'playwright-core';

/** The browser that pages are tried in: `CHROMIUM_PATH`, or where Debian has it. */
const CHROMIUM = process.env.CHROMIUM_PATH || '/usr/bin/chromium';

/** Whether there is one. `REQUIRE_CHROMIUM=1` makes going without a failure. */
export const hasChromium = existsSync(CHROMIUM) || process.env.REQUIRE_CHROMIUM === '1';

/** Said of what is skipped for want of one. */
export const NO_CHROMIUM = `no Chromium at ${CHROMIUM} (CHROMIUM_PATH): skipped`;

// a browser that looks for updates and signs in somewhere would make requests of its own
const FLAGS = [
  'disable-quic',
  'no-first-run',
  'disable-background-networking',
  'disable-component-update',
  'disable-sync',
];

export function openBrowser(): Promise<Browser> {
  return chromium.launch({
    executablePath: CHROMIUM,
    // a clock that a library shifts keeps a browser's threads spinning; the time of a page is the gateway's
    env: { ...process.env, LD_PRELOAD: '' },
    args: ['--no-sandbox', ...FLAGS.map((flag) => `--${flag}`)],
  });
}

export interface Sight {
  readonly page: Page;
  /** Every address that was asked for, the page's own among them. */
  readonly requests: readonly string[];
  /** What the console said, and every error. */
  readonly complaints: readonly string[];
}

export interface Look {
  readonly width: number;
  readonly height: number;
  readonly dark?: boolean;
  /** No scripts: axe cannot come either. */
  readonly plain?: boolean;
}

/** Opens an address, or a file as a reader would who was sent it. */
export async function openPage(browser: Browser, place: string, look: Look): Promise<Sight> {
  const { width, height, dark = false, plain = false } = look;
  const context = await browser.newContext({
    viewport: { width, height },
    colorScheme: dark ? 'dark' : 'light',
    javaScriptEnabled: !plain,
  });
  const page = await context.newPage();
  const [requests, complaints]: [string[], string[]] = [[], []];
  page.on('request', (request) => requests.push(request.url()));
  page.on('console', (message) => complaints.push(`${message.type()}: ${message.text()}`));
  page.on('pageerror', (error) => complaints.push(error.message));
  await page.goto(place.startsWith('http') ? place : `file://${place}`);
  return { page, requests, complaints };
}

const AXE = createRequire(import.meta.url).resolve('axe-core/axe.min.js');

interface AxeResults {
  readonly violations: readonly {
    readonly id: string;
    readonly nodes: readonly { readonly target: unknown }[];
  }[];
  readonly passes: readonly unknown[];
}

/** What axe-core finds against level A and AA of WCAG 2.0 to 2.2, a line each; and how many of its rules held. */
export async function inspect(page: Page): Promise<{ readonly faults: string[]; readonly passed: number }> {
  // the page lets no script in, so axe comes by the debugger and not by a tag
  await page.evaluate(readFileSync(AXE, 'utf8'));
  const results = (await page.evaluate(
    `axe.run(document, { runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa'] })`,
  )) as AxeResults;
  const faults = results.violations.flatMap(({ id, nodes }) =>
    nodes.map(({ target }) => `${id}: ${JSON.stringify(target)}`),
  );
  return { faults, passed: results.passes.length };
}
