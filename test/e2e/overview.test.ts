import 'reflect-metadata';
import { copyFileSync, existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from '@photostructure/sqlite';
import { pino } from 'pino';
import type { Browser, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { type App, createApp } from '../../src/app.js';
import { readEnv, toConfig } from '../../src/config/config.js';
import { instantText } from '../../src/controls/words.js';
import { VERDICT_LABELS, VERDICT_WORDS } from '../../src/evidence/report/html.js';
import { openStore } from '../../src/history/open-store.js';
import { streamsOf } from '../../src/model/stream.js';
import { CORE_RESOURCES, RESOURCES, type Resource } from '../../src/resources/registry.js';
import { DAY, HOUR, type Instant, MINUTE, shift } from '../../src/values/instant.js';
import { hasChromium, inspect, type Look, openBrowser, openPage } from '../support/browser.js';
import { mail } from '../support/control-facts.js';
import { type HistoryPlan, recordHistory, type Seen } from '../support/evidence-history.js';
import {
  batchOf,
  ledgerEntry,
  sampleCampaign,
  sampleCase,
  sampleMessage,
  sampleThreat,
  streamState,
} from '../support/records.js';

/*
 * The page at `/` in each state that a user may meet: what it says, that it is accessible at three widths, in forced
 * colours and by keyboard, and that it needs no script. Each state is a real history behind a real gateway.
 */

const TO: Instant = '2026-10-20T12:00:00.000Z';
const FROM = shift(TO, -10 * DAY);
const LONG = 'x'.repeat(300);

/** Mail of every day, some of it still in a mailbox, with words as long as they come. */
function seenUntil(to: Instant): Seen[] {
  return Array.from({ length: 30 }, (_, i) => {
    const at = shift(to, -(i * 8 * HOUR) - HOUR);
    const attackTypeRaw = ['Scam', 'Malware', 'Extortion', null][i % 4] ?? null;
    const attackedPartyRaw = i % 5 === 0 ? 'VIP' : 'Employee (other)';
    const recipientAddress = i === 0 ? `${LONG}@customer.example` : `user-${i % 7}@customer.example`;
    const changes = { attackTypeRaw, attackedPartyRaw, recipientAddress, isRead: i % 3 === 0 };
    const messages = [sampleMessage(`m${i}`, { ...mail(at, i % 6 === 0 ? null : 30_000), ...changes })];
    return { at: shift(at, MINUTE), threat: sampleThreat(`t${i}`, { messages }) };
  });
}

const RECORDS: readonly Seen[] = [
  ...seenUntil(TO),
  {
    at: shift(TO, -2 * DAY),
    case: sampleCase('c1', {
      ...{ affectedEmployee: LONG, statusRaw: 'Action Required', severityLevelRaw: 'HIGH' },
      customerVisibleTime: shift(TO, -2 * DAY - HOUR),
    }),
  },
  {
    at: shift(TO, -DAY),
    campaign: sampleCampaign('p1', {
      firstReportedTime: shift(TO, -DAY - HOUR),
      judgementStatusRaw: 'Scanning',
    }),
  },
];

interface State {
  readonly plan: Partial<HistoryPlan> | null;
  /** What the streams of some resources have in the end. */
  readonly streams?: Partial<Record<Resource, Parameters<typeof streamState>[0]>>;
  readonly env?: Readonly<Record<string, string>>;
  readonly now?: Instant;
  readonly isMissing?: boolean;
  readonly says: Readonly<Record<string, readonly (string | RegExp)[]>>;
}

const refused = (status: string, message: string) =>
  ({ status, message }) as Parameters<typeof streamState>[0];

const STATES: Readonly<Record<string, State>> = {
  'complete, with records': {
    plan: { seen: RECORDS },
    says: {
      collection: [/Everything up to 2026-10-20 .* was read/],
      mailboxes: [/5 .*of the detected messages are not remediated/, 'The oldest threats'],
      takeovers: [/1 .*case is open/, LONG],
      attacks: [/messages of attacks/, 'Malware', 'Not given by Abnormal'],
      remediation: ['Half of', 'at most 5 min: met'],
      people: ['to VIPs', 'Most attacked mailboxes'],
      controls: ['No whole month was collected yet; the first one ends on 2026-12-01'],
    },
  },
  'complete and empty': {
    plan: {},
    says: {
      mailboxes: ['No detected message is left in a mailbox.'],
      takeovers: ['No case is open.'],
      attacks: ['There was no attack in this time.'],
      remediation: ['There was no attack in this time.'],
      reports: ['Nobody reported anything in this time.'],
      people: ['Nobody was attacked in this time.'],
    },
  },
  'with a gap': {
    plan: {
      seen: RECORDS.filter(({ at }) => at < shift(TO, -5 * DAY) || at > shift(TO, -3 * DAY)),
      outages: ({ resource }) =>
        resource === 'threats'
          ? [
              {
                from: shift(TO, -5 * DAY),
                to: shift(TO, -3 * DAY),
                caughtUp: false,
                failure: 'Abnormal responds with 500',
              },
            ]
          : [],
    },
    says: {
      collection: ['of 3 lists of records need attention'],
      mailboxes: [/at least/i, 'is missing'],
      attacks: [/at least/i, 'Hatched: not collected completely', 'there is no comparison'],
      takeovers: [/1 .*case is open/],
    },
  },
  'with a gap and empty': {
    plan: {
      outages: () => [{ from: shift(TO, -5 * DAY), to: shift(TO, -3 * DAY), caughtUp: false }],
    },
    says: {
      mailboxes: [
        'Nothing is stored. Because not everything was read, this does not mean: no detected message',
      ],
    },
  },
  'with a record that could not be read': {
    plan: { seen: RECORDS },
    isMissing: true,
    says: { mailboxes: ['1 listed record could not be read. Each poll requests them again.', /at least/i] },
  },
  'never read': {
    plan: null,
    streams: {
      threats: refused('NEVER_READ', ''),
      cases: refused('NEVER_READ', ''),
      campaigns: refused('NEVER_READ', ''),
    },
    says: {
      collection: ['Nothing was read yet'],
      mailboxes: ['not read yet', 'There are no numbers yet'],
      attacks: ['not read yet'],
    },
  },
  'without anything': { plan: null, says: { collection: ['No account was read yet'] } },
  'not licensed': {
    plan: { seen: RECORDS },
    streams: {
      campaigns: refused('NOT_LICENSED', 'Abnormal responded with 402'),
      cases: refused('NOT_ENABLED', 'No such path'),
    },
    says: {
      reports: ['the account has no licence for this. To get it, ask Abnormal.'],
      takeovers: ['this is not enabled for the account. To get it, ask Abnormal.'],
      mailboxes: [/5 .*of the detected messages are not remediated/],
    },
  },
  'more resources': {
    plan: {
      seen: RECORDS,
      ledger: [
        ledgerEntry({
          ...{ resource: 'vendorCases', filterKey: 'lastModifiedTime' },
          ...{ from: FROM, to: TO, readAt: TO, settledTo: shift(TO, -2 * DAY) },
        }),
      ],
    },
    streams: { vendorCases: {}, detection360Reports: refused('NOT_LICENSED', '402') },
    says: {
      collection: [
        /Everything up to 2026-10-18 12:00 UTC was read, and what the other blocks count up to 2026-10-20 1/,
        /vendor cases ?read/,
        /detection360 reports ?no licence/,
      ],
      attacks: [/\d+ .*messages of attacks/],
    },
  },
  'token rejected': {
    plan: { seen: RECORDS },
    streams: Object.fromEntries(
      CORE_RESOURCES.map((each) => [each, refused('TOKEN_REJECTED', 'Replace the token.')]),
    ),
    says: {
      attacks: [
        /Abnormal rejects the token, last at .* The numbers are those of the last successful poll/,
        'Replace the token.',
        /\d+ .*messages of attacks/,
      ],
    },
  },
  'refused and unreachable': {
    plan: { seen: RECORDS },
    streams: {
      threats: refused('FORBIDDEN', 'Add the address of the gateway to the allowlist.'),
      cases: refused('UNAVAILABLE', 'Abnormal responds with 503.'),
    },
    says: {
      attacks: ['Abnormal cannot be read now', 'Add the address of the gateway to the allowlist.'],
      takeovers: ['Abnormal responds with 503.'],
    },
  },
  'out of retention': {
    plan: {
      seen: RECORDS,
      ledger: [
        ledgerEntry({
          ...{ from: shift(FROM, -20 * DAY), to: FROM, readAt: TO },
          ...{ status: 'OUT_OF_RETENTION', reason: 'older than 30 days' },
        }),
      ],
    },
    streams: { threats: { collectFrom: shift(FROM, -20 * DAY) } },
    says: { mailboxes: ['Abnormal no longer stores what is before 2026-10-10', /at least/i] },
  },
  'still going back': {
    plan: { from: shift(TO, -3 * DAY), seen: seenUntil(TO).filter(({ at }) => at > shift(TO, -3 * DAY)) },
    streams: { threats: { collectFrom: shift(TO, -30 * DAY) } },
    says: {
      attacks: [/read back to 2026-10-17 .* so far, going on to 2026-09-20 12:00 UTC/, /at least/i],
    },
  },
  late: {
    plan: { seen: RECORDS },
    now: shift(TO, 2 * DAY),
    says: {
      attacks: ['no poll has succeeded since'],
      collection: ['3 of 3 lists of records need attention'],
    },
  },
  simulated: {
    plan: { seen: RECORDS, integration: 'simulated' },
    says: { collection: ['simulated'] },
  },
  'masked for the reader': {
    plan: { seen: RECORDS },
    env: { REDACT: 'all', HOST: '127.0.0.1', ALLOW_UNAUTHENTICATED: 'yes' },
    says: {
      people: ['Hidden by your operator', /\d+ .*messages: 5 to VIPs/],
      controls: ['Reports need the role operator'],
      takeovers: ['[redacted]'],
    },
  },
};

const WIDTHS = [1440, 768, 390];
/** One width, for everything that is the same in all of them. */
const LOOK = { width: 1440, height: 900 };

/** Words of usual length of which a part is on another line. */
const BROKEN_WORDS = `(() => {
  const texts = document.createTreeWalker(document.querySelector('main'), NodeFilter.SHOW_TEXT);
  const broken = [];
  for (let text = texts.nextNode(); text !== null; text = texts.nextNode()) {
    for (const { 0: word, index } of text.data.matchAll(/[^\\s-]+/g)) {
      const range = document.createRange();
      range.setStart(text, index);
      range.setEnd(text, index + word.length);
      const lines = new Set([...range.getClientRects()].map(({ top }) => Math.round(top)));
      if (word.length <= 16 && lines.size > 1) broken.push(word);
    }
  }
  return broken;
})()`;

describe.runIf(hasChromium)('the page at /', () => {
  const folder = mkdtempSync(join(tmpdir(), 'overview-'));
  const apps: App[] = [];
  let histories = 0;
  let browser: Browser;

  beforeAll(async () => {
    browser = await openBrowser();
  });
  // a gateway that nobody looks at still evaluates its controls
  afterEach(() => Promise.all(apps.splice(0).map((app) => app.close())));
  afterAll(async () => {
    await browser?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  /** Records the history of a state, once for all tests. */
  async function recorded(name: string): Promise<string> {
    const file = join(folder, `${Object.keys(STATES).indexOf(name)}.recorded`);
    if (existsSync(file)) return file;
    const { plan, streams = {}, isMissing } = STATES[name] as State;
    const store = await openStore(`sqlite:${file}`, 'write');
    if (plan) await recordHistory(store, { from: FROM, to: TO, ...plan });
    const resources = RESOURCES.filter(
      (each) => CORE_RESOURCES.some((core) => core === each) || streams[each],
    );
    const changed = resources.flatMap((resource) => {
      const collectFrom = plan?.from ?? FROM;
      const lastSuccessAt = plan ? TO : null;
      const own = { collectFrom, lastSuccessAt, lastAttemptAt: TO, ...streams[resource] };
      if (!plan && !streams[resource]) return [];
      return streamsOf(plan?.integration ?? 'default', resource).map((stream) =>
        streamState({ ...stream, ...own }),
      );
    });
    const missing = isMissing
      ? [ledgerEntry({ from: shift(TO, -DAY), to: shift(TO, -HOUR), readAt: TO, missing: [LOST] })]
      : [];
    if (changed.length > 0)
      await store.record(batchOf('states', { now: shift(TO, 1), streams: changed, ledger: missing }));
    await store.close();
    return file;
  }

  async function serve(name: string): Promise<string> {
    const { env = {}, now } = STATES[name] as State;
    histories += 1;
    const file = join(folder, `${histories}.db`);
    copyFileSync(await recorded(name), file);
    const HISTORY = `sqlite:${file}`;
    const config = toConfig(readEnv({ HISTORY, PORT: '0', SIMULATOR: 'off', LOG_LEVEL: 'silent', ...env }));
    if (!config.ok) throw new Error(JSON.stringify(config.problems));
    const clock = Date.parse(now ?? TO) + 2 * MINUTE;
    const app = createApp(config.config, { log: pino({ level: 'silent' }), clock: () => clock });
    apps.push(app);
    return (await app.start()).url;
  }

  async function withPage(url: string, look: Look, use: (page: Page) => Promise<void>): Promise<void> {
    const { page, complaints, requests } = await openPage(browser, url, look);
    try {
      await use(page);
      expect(complaints).toEqual([]);
      expect(requests).toHaveLength(1);
    } finally {
      await page.context().close();
    }
  }

  /** Looks at one page in each width, in dark colours in the middle one; it may be no wider than the window. */
  async function inWidths(
    page: Page,
    look: (i: number) => Promise<void>,
    widths: readonly number[] = WIDTHS,
  ): Promise<void> {
    for (const [i, width] of widths.entries()) {
      await page.setViewportSize({ width, height: 900 });
      await page.emulateMedia({ colorScheme: width === 768 ? 'dark' : 'light' });
      expect(await page.evaluate('document.documentElement.scrollWidth')).toBeLessThanOrEqual(width);
      await look(i);
    }
  }

  test.each(Object.keys(STATES))(
    '%s: says so in each block, and is accessible at each width',
    async (name) => {
      const url = await serve(name);
      // what each state adds is the same at each width, so that the rules take turns there
      const turn = Object.keys(STATES).indexOf(name);
      await withPage(`${url}/`, LOOK, async (page) => {
        expect(await page.locator('main > section').count()).toBe(8);
        for (const [block, texts] of Object.entries(STATES[name]?.says ?? {})) {
          const text = ((await page.locator(`#${block}`).textContent()) ?? '').replace(/\s+/g, ' ');
          for (const each of texts) expect(text).toMatch(each);
        }
        const isSimulated = (await page.locator('.banner').count()) === 1;
        expect(isSimulated).toBe(name === 'simulated');
        await inWidths(page, async (i) => {
          if (turn === 0 || turn % WIDTHS.length === i) expect((await inspect(page)).faults).toEqual([]);
          expect(await page.evaluate(BROKEN_WORDS)).toEqual([]);
        });
      });
    },
  );

  /** Loads the page until the controls are evaluated. */
  async function evaluated(url: string): Promise<string> {
    for (;;) {
      const text = await (await fetch(url)).text();
      if (!/being (evaluated|looked up)/.test(text)) return text;
    }
  }

  test('in forced colours and in print, it is accessible and complete', async () => {
    const url = await serve('complete, with records');
    await withPage(`${url}/`, LOOK, async (page) => {
      for (const media of [{ forcedColors: 'active' }, { forcedColors: 'none', media: 'print' }] as const) {
        await page.emulateMedia(media);
        expect((await inspect(page)).faults).toEqual([]);
        expect(await page.locator('main > section h2').allInnerTexts()).toHaveLength(8);
      }
      await page.emulateMedia({ forcedColors: 'active', media: 'screen' });
      const colours = (await page.evaluate(`(() => {
        const of = (selector, name) => getComputedStyle(document.querySelector(selector))[name];
        return [of('#attacks svg rect', 'fill'), of('body', 'backgroundColor')];
      })()`)) as [string, string];
      expect(colours[0]).not.toBe(colours[1]);
    });
  });

  test('everything is reached by keyboard, in the order of the page, with a visible focus', async () => {
    const url = await serve('complete, with records');
    await withPage(`${url}/`, { ...LOOK, width: 390 }, async (page) => {
      const wanted = Number(
        await page.evaluate(`document.querySelectorAll('a[href], summary, [tabindex="0"], button').length`),
      );
      const open = Number(
        await page.evaluate(`document.querySelectorAll('details:not([open]) [tabindex="0"]').length`),
      );
      const places: number[] = [];
      for (let n = 0; n < wanted - open; n += 1) {
        await page.keyboard.press('Tab');
        const [top, outline, hidden] = (await page.evaluate(`(() => {
          const { top, bottom } = document.activeElement.getBoundingClientRect();
          return [top + scrollY, getComputedStyle(document.activeElement).outlineStyle, bottom < 0 || top > innerHeight];
        })()`)) as [number, string, boolean];
        expect([outline, hidden]).toEqual(['solid', false]);
        places.push(top);
      }
      expect(places.length).toBeGreaterThan(40);
      expect(await page.evaluate('document.activeElement.textContent')).toContain('/healthz');
      // a table opens by keyboard
      await page.locator('#attacks summary').focus();
      await page.keyboard.press('Enter');
      expect(await page.locator('#attacks details table').isVisible()).toBe(true);
      expect((await inspect(page)).faults).toEqual([]);
    });
  });

  test('it is complete without scripts, for each window', async () => {
    const url = await serve('complete, with records');
    const home = await (await fetch(url)).text();
    for (const path of ['/graphql', '/ide', '/reports', '/healthz', '/readyz'])
      expect(home).toContain(`href="${path}"`);
    for (const [window, buckets] of [
      ['24h', 25],
      ['7d', 8],
      ['30d', 31],
      ['90d', 14],
    ] as const) {
      await withPage(`${url}/?window=${window}`, { ...LOOK, plain: true }, async (page) => {
        expect(await page.locator('[aria-current=page]').textContent()).toContain(
          window.slice(0, 2).replace('d', ''),
        );
        expect(await page.locator('#attacks details tbody tr').count()).toBe(buckets);
      });
    }
    const wrong = await fetch(`${url}/?window=1y`);
    expect([wrong.status, await wrong.text()]).toEqual([
      400,
      expect.stringContaining('Accepted: 24h, 7d, 30d, 90d'),
    ]);
  });

  test('each number is that of its query, and of the list that it links to', async () => {
    const url = await serve('complete, with records');
    expect(await evaluated(url)).toContain('evidence%28');
    await withPage(`${url}/`, LOOK, async (page) => {
      const links = (await page.evaluate(
        `[...document.querySelectorAll('a[href^="/ide/?"]')].map((a) => [a.textContent, a.href])`,
      )) as [string, string][];
      expect(links.length).toBeGreaterThan(40);
      let number = '';
      for (const [text, href] of links) {
        const { searchParams } = new URL(href);
        expect(href).not.toContain('customer.example');
        const isList = text.startsWith('list');
        if (!isList) number = text.split(' ')[0] ?? '';
        const query = searchParams.get('query') ?? '';
        // where the number is of one address, it is left to the user to fill in
        if (query.includes('eq: ""')) continue;
        const answer = await fetch(`${url}/graphql`, {
          method: 'POST',
          headers: { 'content-type': 'application/json' },
          body: JSON.stringify({ query }),
        });
        const { data, errors } = (await answer.json()) as { data: Record<string, Found>; errors?: unknown };
        expect([href, errors]).toEqual([href, undefined]);
        const [found] = Object.values(data);
        if (found?.results) {
          const [result] = found.results;
          expect([href, result?.exceptions.totalCount]).toEqual([href, Number(/\d+/.exec(text)?.[0])]);
        } else if (found?.states) {
          const passed = found.states.filter(({ verdict }) => verdict === 'PASS').length;
          const [first, ...more] = found.states;
          const count = more.length > 0 ? passed : first?.exceptions;
          expect([href, count]).toEqual([href, Number(number)]);
        } else if (isList) expect([href, found?.totalCount]).toEqual([href, Number(number)]);
        else {
          const counts = [found?.total?.count, ...(found?.groups ?? []).map(({ count }) => count)];
          const sums = (found?.groups ?? []).flatMap(({ keys }) =>
            keys.map(({ value }) => sum(found, value)),
          );
          expect([href, [...counts, ...sums, 0]]).toEqual([href, expect.arrayContaining([Number(number)])]);
        }
      }
    });
  });

  test.each(['24h', '7d', '30d', '90d'])(
    'the controls have the states of the graph for the last %s',
    async (window) => {
      const url = await serve('complete, with records');
      await evaluated(`${url}/?window=${window}`);
      const query = `{ posture { states { window verdict headline { text } since { at } validUntil wouldChange exceptions } } }`;
      const answer = await fetch(`${url}/graphql`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ query }),
      });
      const { data } = (await answer.json()) as { data: { posture: { states: CurrentState[] } } };
      const wanted = `LAST_${window.replace('h', '_HOURS').replace('d', '_DAYS')}`;
      const states = data.posture.states.filter((state) => state.window === wanted);
      await withPage(`${url}/?window=${window}`, LOOK, async (page) => {
        const rows = await page.locator('#controls tbody tr').allTextContents();
        expect(rows).toHaveLength(states.length);
        for (const [i, state] of states.entries()) {
          const { verdict, headline, since, validUntil, wouldChange, exceptions } = state;
          const row = (rows[i] ?? '').replace(/\s+/g, ' ');
          for (const text of [VERDICT_LABELS[verdict], headline.text, instantText(since.at), wouldChange])
            expect(row).toContain(text);
          expect(row).toContain(validUntil === null ? 'a poll is overdue' : instantText(validUntil));
          if (exceptions > 0) expect(row).toContain(`${exceptions} (the query in the IDE) exception`);
        }
        const look = async () => {
          expect((await inspect(page)).faults).toEqual([]);
          expect(await page.evaluate(BROKEN_WORDS)).toEqual([]);
        };
        await inWidths(page, look, window === '7d' ? WIDTHS : [1440]);
      });
    },
  );

  test('the IDE opens with the query of a number', async () => {
    const url = await serve('complete, with records');
    const { page } = await openPage(browser, `${url}/`, LOOK);
    await page.locator('#mailboxes .finding a').first().click();
    await page.getByText('messageStatistics').first().waitFor();
    expect(await page.getByText('From url').count()).toBeGreaterThan(0);
    await page.getByText('NOT_NEEDED').first().waitFor();
    await page.context().close();
  });

  test('/reports lists the periods with their verdicts: a page for browsers, JSON for programs', async () => {
    const url = await serve('complete, with records');
    const listed = (await (await fetch(`${url}/reports`)).json()) as Listed;
    expect(listed.periods.map(({ period }) => period)).toEqual(['2026-Q4', '2026-10']);
    for (const { period, verdicts, reports } of listed.periods) {
      const report = (await (await fetch(`${url}${reports.json}`)).json()) as Reported;
      const own = report.results.map(({ control, verdict }) => ({ control, verdict }));
      expect([period, verdicts]).toEqual([period, own]);
    }
    // what is evaluated stays so, and each load continues
    for (;;) {
      const page = await fetch(`${url}/reports`, { headers: { accept: 'text/html' } });
      if (!(await page.text()).includes('Periods are being evaluated')) break;
    }
    await withPage(`${url}/reports`, LOOK, async (page) => {
      expect(await page.locator('tbody tr').count()).toBe(2);
      const { verdicts } = listed.periods[0] as Listed['periods'][number];
      const row = await page.locator('tbody tr').first().textContent();
      for (const [verdict, word] of Object.entries(VERDICT_WORDS)) {
        const count = verdicts.filter((each) => each.verdict === verdict).length;
        if (count > 0) expect(row).toContain(`${count} ${word}`);
      }
      await inWidths(page, async () => expect((await inspect(page)).faults).toEqual([]));
    });
  });

  test('a history that cannot be read is a page with the status 503 that says when to retry', async () => {
    const url = await serve('complete and empty');
    const db = new DatabaseSync(join(folder, `${histories}.db`));
    db.exec('DROP TABLE batches; DROP TABLE streams; DROP TABLE threat; DROP TABLE ledger');
    db.close();
    const answer = await fetch(`${url}/`);
    expect([answer.status, answer.headers.get('retry-after')]).toEqual([503, '5']);
    expect(await answer.text()).toContain('The history cannot be read now');
  });
});

const LOST = { id: 'lost', code: 'UNDECODABLE', reason: 'messages: not a list', since: TO } as const;

interface Listed {
  readonly periods: readonly {
    readonly period: string;
    readonly verdicts: readonly { readonly control: string; readonly verdict: string }[];
    readonly reports: { readonly json: string };
  }[];
}

/** Of one control for one window, as the graph returns it. */
interface CurrentState {
  readonly window: string;
  readonly verdict: keyof typeof VERDICT_LABELS;
  readonly headline: { readonly text: string };
  readonly since: { readonly at: string };
  readonly validUntil: string | null;
  readonly wouldChange: string;
  readonly exceptions: number;
}

interface Reported {
  readonly results: readonly { readonly control: string; readonly verdict: string }[];
}

interface Found {
  readonly states?: readonly { readonly verdict: string; readonly exceptions: number }[];
  readonly results?: readonly { readonly exceptions: { readonly totalCount: number } }[];
  readonly totalCount?: number;
  readonly total?: { readonly count: number };
  readonly groups?: readonly {
    readonly count: number;
    readonly keys: readonly { readonly value: string | null }[];
  }[];
}

/** A number of the page may add up the groups that have a value. */
function sum(found: Found | undefined, value: string | null): number {
  const groups = (found?.groups ?? []).filter(({ keys }) => keys.some((key) => key.value === value));
  return groups.reduce((all, { count }) => all + count, 0);
}
