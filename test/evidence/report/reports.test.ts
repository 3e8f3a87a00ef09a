import { parse as parseCsv } from 'csv-parse/sync';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { PeriodEvidence } from '../../../src/evidence/evaluate-period.js';
import { escapeHtml, STYLE } from '../../../src/evidence/report/html.js';
import { htmlReport } from '../../../src/evidence/report/html-report.js';
import { jsonReport } from '../../../src/evidence/report/json.js';
import { oscalReport } from '../../../src/evidence/report/oscal.js';
import { csvClosing, csvHeading, csvLine, csvRow } from '../../../src/evidence/report/rows.js';
import { openStore } from '../../../src/history/open-store.js';
import type { HistoryStore } from '../../../src/history/store.js';
import { mail } from '../../support/control-facts.js';
import { ask, hoursAfter, recordHistory, type Seen } from '../../support/evidence-history.js';
import { sampleCase, sampleMessage, sampleThreat } from '../../support/records.js';

/** Senders choose subjects: these would do something in a page or in a spreadsheet. */
const SUBJECTS = [
  '<script>alert(1)</script>',
  '"><img src=https://evil.example/x onerror=alert(1)>',
  '=HYPERLINK("https://evil.example","Pay")',
  '+1+cmd|calc',
  'plain, with "quotes"\nand a line break',
  'url(https://evil.example/y)',
];
const AT = '2026-09-10T08:00:00.000Z';

const seen: Seen[] = [
  ...SUBJECTS.map((subject, i) => {
    const messages = [sampleMessage(`-${i}`, mail(hoursAfter(AT, i), null, { subject }))];
    return { at: hoursAfter(AT, i + 1), threat: sampleThreat(`t${i}`, { messages }) };
  }),
  ...Array.from({ length: 40 }, (_, i) => {
    const at = hoursAfter('2026-09-01T01:00:00.000Z', i * 16);
    const messages = [sampleMessage(`ok-${i}`, mail(at, 1000 * (i + 1)))];
    return { at: hoursAfter(at, 1), threat: sampleThreat(`ok-${i}`, { messages }) };
  }),
  {
    at: hoursAfter(AT, 1),
    case: sampleCase('c1', {
      customerVisibleTime: AT,
      statusRaw: 'Action Required',
      affectedEmployee: '@SUM(A1)',
    }),
  },
];
const outage = { from: '2026-09-20T00:00:00.000Z', to: '2026-09-21T00:00:00.000Z', caughtUp: false };

let store: HistoryStore;
let evidence: PeriodEvidence;
let page: string;

beforeAll(async () => {
  store = await openStore('sqlite::memory:', 'write');
  await recordHistory(store, {
    ...{ from: '2026-08-20T00:00:00.000Z', to: '2026-10-05T00:00:00.000Z', seen },
    outages: () => [outage],
  });
  evidence = await ask(store, { period: '2026-09', trend: 'DAY' });
  page = htmlReport(evidence, { simulated: [] });
});

afterAll(() => store.close());

describe('the HTML report', () => {
  test('has no script and loads no resource', () => {
    expect(page).not.toMatch(/<script/i);
    expect(page).not.toMatch(/<(iframe|object|embed|img|link[^>]+stylesheet|form|base|audio|video)\b/i);
    // text has no angle brackets of its own, so these are the tags, all of them
    const tags = [...page.matchAll(/<[a-z][^>]*>/gi)].map(([tag]) => tag).join('\n');
    expect(tags).not.toMatch(/\s(on\w+|srcset|action|formaction|background|ping)\s*=/i);
    const addresses = [...tags.matchAll(/\s(?:href|src)="([^"]*)"/g)].map(([, address]) => address);
    expect(addresses.length).toBeGreaterThan(8);
    for (const address of addresses) expect(address).toMatch(/^(#[\w-]+|data:,)$/);
    const [, style = ''] = /<style>([\s\S]*?)<\/style>/.exec(page) ?? [];
    expect(style).not.toMatch(/url\(|@import|@font-face|expression\(/);
    expect(page).toContain(`content="default-src 'none'; style-src 'unsafe-inline'`);
  });

  test('shows text from senders as text', () => {
    expect(page).toContain('&lt;script&gt;alert(1)&lt;/script&gt;');
    expect(page).toContain('&quot;&gt;&lt;img src=https://evil.example/x onerror=alert(1)&gt;');
    expect(escapeHtml('\u0000a\u202eb\u0007')).toBe('\ufffda\ufffdb\ufffd');
  });

  test('closes every element in order', () => {
    const open: string[] = [];
    const empty = new Set(['meta', 'link', 'br']);
    for (const [, slash, name = '', rest = ''] of page.matchAll(/<(\/?)([a-z][a-z0-9]*)([^>]*)>/g)) {
      if (empty.has(name) || rest.endsWith('/')) continue;
      if (slash === '') open.push(name);
      else expect(open.pop()).toBe(name);
    }
    expect(open).toEqual([]);
  });

  test('describes every chart and hides decorative elements from screen readers', () => {
    const charts = [...page.matchAll(/<svg([^>]*)>([\s\S]*?)<\/svg>/g)];
    expect(charts.length).toBeGreaterThan(20);
    for (const [, attributes = '', body = ''] of charts) {
      if (attributes.includes('aria-hidden="true"')) continue;
      expect(attributes).toContain('role="img"');
      expect(body).toMatch(/^\s*<title>[^<]{8,}<\/title>/);
    }
  });

  test('has table headers and captions, unique ids and links with targets', () => {
    expect(page.match(/<table/g)?.length).toBe(page.match(/<caption/g)?.length);
    const ids = [...page.matchAll(/\sid="([^"]+)"/g)].map(([, id]) => id);
    expect(new Set(ids).size).toBe(ids.length);
    for (const [, target] of page.matchAll(/href="#([^"]+)"/g)) expect(ids).toContain(target);
    const levels = [...page.matchAll(/<h([1-6])/g)].map(([, level]) => Number(level));
    levels.reduce((before, level) => {
      expect(level - before).toBeLessThanOrEqual(1);
      return level;
    }, 0);
  });

  test('names each exception, the gap and every verdict', () => {
    for (const { control, verdict } of evidence.results) {
      const section = page.slice(page.indexOf(`<section class="control" id="${control}"`));
      expect(section.slice(0, 600)).toContain(`class="verdict ${verdict}"`);
    }
    for (let i = 0; i < SUBJECTS.length; i++) expect(page).toContain(`threat t${i}, message -${i} (default)`);
    expect(page).toContain('2026-09-19 19:45 UTC');
  });

  test('marks the measures that a control failed for, and no others', () => {
    const sections = page.split('<section class="control"').slice(1);
    for (const [i, { control, verdict }] of evidence.results.entries()) {
      const has = sections[i]?.includes('✕ not met');
      expect([control, has]).toEqual([control, verdict === 'FAIL']);
    }
  });

  test('says prominently when records are simulated', () => {
    expect(page).not.toContain('Simulated.');
    expect(htmlReport(evidence, { simulated: ['default'] })).toContain('no evidence');
  });

  test('has the same bytes for the same period as of the same instant', async () => {
    const pin = await store.pinAt('2026-09-28T12:00:00.000Z');
    const question = { period: '2026-09', trend: 'WEEK', pin } as const;
    const write = async (of: HistoryStore) => {
      const found = await ask(of, question);
      return [htmlReport(found, { simulated: [] }), [...jsonReport(found)].join('')];
    };
    const before = await write(store);
    const later = { from: '2026-10-05T04:00:00.000Z', to: '2026-10-06T00:00:00.000Z', prefix: 'later' };
    await recordHistory(store, {
      ...later,
      seen: [{ at: '2026-10-05T08:00:00.000Z', threat: sampleThreat('new') }],
    });
    expect(await write(store)).toEqual(before);
  });

  test('has a contrast of 4.5 to 1 for text and 3 to 1 for marks in every colour scheme', () => {
    const schemes = [...STYLE.matchAll(/:root \{([^}]*--ground[^}]*)\}/g)].map(([, body = '']) =>
      Object.fromEntries(
        [...body.matchAll(/--(\w+): (#[0-9a-f]{6})/g)].map(([, name, colour]) => [name, colour]),
      ),
    );
    expect(schemes).toHaveLength(3);
    for (const { ground = '', ...colours } of schemes) {
      for (const [name, colour] of Object.entries<string>(colours)) {
        if (name === 'raised' || name === 'line') continue;
        expect(contrast(colour, ground), `${name} ${colour} on ${ground}`).toBeGreaterThanOrEqual(
          name === 'held' ? 3 : 4.5,
        );
      }
    }
  });
});

/** As WCAG 2 defines it. */
function contrast(a: string, b: string): number {
  const [light = 0, dark = 0] = [luminance(a), luminance(b)].sort((x, y) => y - x);
  return (light + 0.05) / (dark + 0.05);
}

function luminance(colour: string): number {
  const [r = 0, g = 0, b = 0] = [1, 3, 5].map((at) => {
    const c = Number.parseInt(colour.slice(at, at + 2), 16) / 255;
    return c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

describe('the JSON report', () => {
  test('has every result with its population and exceptions, and no time of creation', () => {
    const report = JSON.parse([...jsonReport(evidence)].join(''));
    expect(report).toMatchObject({
      version: 1,
      period: { text: '2026-09' },
      seq: evidence.pin.seq,
      asOf: evidence.pin.at,
    });
    const remediated = report.results.find(
      ({ control }: { control: string }) => control === 'attacks-remediated',
    );
    expect(remediated.exceptions).toMatchObject({ count: SUBJECTS.length, allGiven: true });
    expect(remediated.exceptions.items[0]).toMatchObject({
      kind: 'threat',
      id: 't0',
      messageId: '-0',
      label: expect.stringContaining('<script>'),
    });
    expect(report.trend).toHaveLength(30);
    expect(report.streams).toHaveLength(4);
  });

  test('says when it does not contain all exceptions', async () => {
    const few = await ask(store, {
      period: '2026-09',
      controls: ['attacks-remediated'],
      keep: { skip: 0, limit: 2 },
    });
    const [result] = JSON.parse([...jsonReport(few)].join('')).results;
    expect(result.exceptions).toMatchObject({ count: SUBJECTS.length, allGiven: false });
    expect(result.exceptions.items).toHaveLength(2);
  });
});

test('every format has the same headline of each control, with its next step', async () => {
  const evidence = await ask(store, { period: '2026-09' });
  expect(new Set(evidence.results.map(({ verdict }) => verdict)).size).toBeGreaterThan(1);
  const page = htmlReport(evidence, { simulated: [] });
  const json = JSON.parse([...jsonReport(evidence)].join(''));
  const rows = parseCsv(csvHeading({ rows: 'results' }) + csvClosing(evidence, { rows: 'results' }), {
    columns: true,
  }) as Record<string, string>[];
  const oscal = JSON.parse([...oscalReport(evidence, { simulated: [] })].join(''));
  const [{ observations }] = oscal['assessment-results'].results;
  for (const [i, { control, headline }] of evidence.results.entries()) {
    const section = page
      .split('<section class="control"')
      .find((part) => part.startsWith(` id="${control}"`));
    expect(section).toContain(`<strong>${escapeHtml(headline.text)}</strong>`);
    if (headline.next !== null) expect(section).toContain(escapeHtml(headline.next));
    expect(json.results[i].headline).toMatchObject({ text: headline.text, next: headline.next });
    expect(rows[i]).toMatchObject({ control, headline: headline.text });
    const props = observations
      .flatMap((each: { props: object[] }) => [each.props])
      .find((each: object[]) => each.some((prop) => 'value' in prop && prop.value === control));
    expect(props).toContainEqual(expect.objectContaining({ name: 'headline', value: headline.text }));
  }
});

describe('the CSV report', () => {
  test.each([
    ['=1+1', "'=1+1"],
    ['+1', "'+1"],
    ['-6274310382345678901', "'-6274310382345678901"],
    ['@SUM(A1)', "'@SUM(A1)"],
    ['\tx', "'\tx"],
    ['  =1+1', "'  =1+1"],
    ['\u200b=1', "'\u200b=1"],
    ['＝1+1', "'＝1+1"],
    ['plain', 'plain'],
    ['a-b=c', 'a-b=c'],
    ['a,b', '"a,b"'],
    ['say "so"', '"say ""so"""'],
    ['two\nlines', '"two\nlines"'],
    ['\r\n=1', `"'\r\n=1"`],
    ['', ''],
  ])('writes %j as %j', (text, expected) => {
    expect(csvLine([text])).toBe(`${expected}\r\n`);
  });

  test('writes numbers and empty values unchanged', () => {
    expect(csvLine([1, null, 'x'])).toBe('1,,x\r\n');
  });

  test('contains the exceptions of every control, or all members of a population', async () => {
    const rows = { exceptions: '', population: '' };
    await ask(
      store,
      { period: '2026-09', controls: ['attacks-remediated', 'account-takeover-handled', 'attacks-captured'] },
      {
        onFinding: (id, finding) => {
          rows.exceptions += csvRow(id, finding, { rows: 'exceptions' });
          rows.population += csvRow(id, finding, { rows: 'population' });
        },
      },
    );
    const parse = (text: string) => text.split(/\r\n(?=[a-z-]+,[A-Z_]+,|$)/).filter((line) => line !== '');
    const ids = (text: string) => parse(text).map((line) => line.split(',')[0]);
    // six messages, one case, one hole
    expect(ids(rows.exceptions)).toHaveLength(8);
    expect(ids(rows.population).filter((id) => id === 'attacks-remediated')).toHaveLength(46);
    expect(rows.exceptions).toContain(
      `'=HYPERLINK(""https://evil.example"",""Pay""), to pat@customer.example`,
    );
    expect(rows.exceptions).toContain(`,'@SUM(A1),`);
    expect(csvHeading({ rows: 'exceptions' }).split(',')).toHaveLength(18);
    const [line = ''] = parse(rows.exceptions).filter((each) => each.includes('threats/receivedTime'));
    const [cells = []] = parseCsv(line) as string[][];
    expect(cells).toHaveLength(18);
    expect(cells.at(-1)).toMatch(/^NIST SP 800-53 Rev[.] 5 AU-12, AU-10; /);
  });
});

describe('a CSV', () => {
  const finding = (messageId: string, label = '請求書 Ｑ３') => ({
    ...{ outcome: 'EXCEPTION' as const, label, at: null, reason: 'r' },
    subject: {
      type: 'RECORD' as const,
      key: { kind: 'threat' as const, integration: 'default', id: '018dcc2e-0000' },
      messageId,
    },
  });
  const idIn = (messageId: string, spreadsheet: boolean) => {
    const line = csvRow('attacks-remediated', finding(messageId), { rows: 'exceptions', spreadsheet });
    return (parseCsv(line) as string[][])[0]?.[5];
  };

  test.each([
    ['-4839201384912837491', '-4839201384912837491', '="-4839201384912837491"'],
    ['184712376481723648172', '184712376481723648172', '="184712376481723648172"'],
    ['abc_1.2', 'abc_1.2', '="abc_1.2"'],
    ['=1+1', "'=1+1", "'=1+1"],
    ['-1+cmd|calc', "'-1+cmd|calc", "'-1+cmd|calc"],
    [
      'x"&HYPERLINK("http://evil.example")',
      'x"&HYPERLINK("http://evil.example")',
      'x"&HYPERLINK("http://evil.example")',
    ],
  ])(
    'has the id %s unchanged for programs, as text for a spreadsheet, and never as another formula',
    (id, plain, sheet) => {
      expect([idIn(id, false), idIn(id, true)]).toEqual([plain, sheet]);
    },
  );

  test('for a spreadsheet begins with a byte order mark and keeps every character', () => {
    expect(csvHeading({ rows: 'exceptions', spreadsheet: true }).codePointAt(0)).toBe(0xfeff);
    expect(csvHeading({ rows: 'exceptions' })).toMatch(/^control,/);
    expect(csvRow('attacks-remediated', finding('1'), { rows: 'exceptions', spreadsheet: true })).toContain(
      '請求書 Ｑ３',
    );
  });

  test('of results has one row for each control, with its headline, as JSON has it', async () => {
    const evidence = await ask(store, { period: '2026-09' });
    const rows = parseCsv(csvHeading({ rows: 'results' }) + csvClosing(evidence, { rows: 'results' }), {
      columns: true,
    }) as Record<string, string>[];
    expect(rows.map(({ control, verdict, headline }) => [control, verdict, headline])).toEqual(
      evidence.results.map(({ control, verdict, headline }) => [control, verdict, headline.text]),
    );
  });
});
