import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { isDeepStrictEqual } from 'node:util';
import { DatabaseSync } from '@photostructure/sqlite';
import { openSqliteStore } from '../../src/history/sqlite/store.js';
import type { Measured, StatisticsMeasure, StatisticsQuery } from '../../src/history/statistics.js';
import type { ThreatRecord } from '../../src/resources/threat/threat.js';
import type { Filter } from '../../src/values/filter.js';
import { DAY, MINUTE, toInstant } from '../../src/values/instant.js';
import { batch, median, observe, START_MS, smallThreat } from './payloads.js';

/*
 * Filtered counts over a large history, and the same counts by hand-written SQL over a bare table of the same values
 * that has an index for each of them. A rival for texts that contain a part reads the index of the column.
 */

const PER_BATCH = 1_000;
const ROUNDS = 7;
const TYPES = ['Spam', 'Scam', 'Malware', 'Extortion', 'Graymail', 'Reconnaissance'] as const;
const VALUES = ['SPAM', 'SCAM', 'MALWARE', 'EXTORTION', 'GRAYMAIL', 'RECONNAISSANCE'] as const;

interface MeasuredCount {
  readonly name: string;
  readonly filter: Filter;
  readonly sql: string;
  readonly params: readonly string[];
  /** The largest part of the rival's CPU time that a count may take. */
  readonly atMost: number;
}

const [from, to] = [toInstant(START_MS + 100 * DAY), toInstant(START_MS + 130 * DAY)];

const COUNTS: readonly MeasuredCount[] = [
  {
    name: '30 days and a type',
    filter: {
      and: [
        { field: 'receivedTime', gte: from },
        { field: 'receivedTime', lte: to },
        { field: 'attackType', eq: 'SCAM' },
      ],
    },
    sql: 'SELECT count(*) FROM t WHERE received >= ? AND received <= ? AND type = ?',
    params: [from, to, 'SCAM'],
    atMost: 4,
  },
  {
    name: 'a type',
    filter: { field: 'attackType', eq: 'SPAM' },
    sql: 'SELECT count(*) FROM t WHERE type = ?',
    params: ['SPAM'],
    atMost: 4,
  },
  {
    name: 'a part of a subject that none has',
    filter: { field: 'subject', contains: 'zebra crossing' },
    sql: "SELECT count(*) FROM t WHERE subject LIKE '%' || ? || '%'",
    params: ['zebra crossing'],
    atMost: 1,
  },
  {
    name: 'a recipient that none has, and not remediated',
    filter: {
      and: [
        { field: 'recipientAddress', eq: 'nobody@nowhere.test' },
        { field: 'unremediated', eq: true },
      ],
    },
    sql: 'SELECT count(*) FROM t WHERE +recipient = ? AND remediated IS NULL',
    params: ['nobody@nowhere.test'],
    atMost: 1,
  },
];

interface MeasuredGroups {
  readonly name: string;
  readonly query: Omit<StatisticsQuery, 'seq'>;
  /** Measures that are asked for at the same time as the count. */
  readonly more?: readonly StatisticsMeasure[];
  /** Each group with its count and the other measures, the largest first. */
  readonly sql: string;
  readonly params: readonly string[];
  readonly atMost: number;
}

const GROUPS: Omit<StatisticsQuery, 'seq' | 'groupBy'> = {
  ...{ kind: 'threat', unit: 'ITEM', integrations: null, filter: null, time: 'receivedTime' },
  ...{ edges: [START_MS, START_MS + 10_000 * DAY], top: 10, minCount: 1, whole: null },
  measure: { type: 'COUNT' },
};
const by = (...fields: string[]) => fields.map((field) => ({ type: 'FIELD', field }) as const);
const during = [START_MS + 100 * DAY, START_MS + 130 * DAY];

const UNTIL_REMEDIATED: StatisticsMeasure = {
  ...{ type: 'DURATION', from: 'receivedTime', to: 'remediationTime' },
  state: {
    ...{ field: 'remediation', none: ['NOT_NEEDED'] },
    pending: ['ATTEMPTED', 'NOT_REMEDIATED', 'UNKNOWN'],
  },
};

/** Statistics, of all and of 30 days: groups of few and of many different values. */
const STATISTICS: readonly MeasuredGroups[] = [
  {
    name: 'statistics of all by type',
    query: { ...GROUPS, groupBy: by('attackType') },
    sql: 'SELECT type, count(*) AS n FROM t GROUP BY type ORDER BY n DESC, type LIMIT 10',
    params: [],
    atMost: 2,
  },
  {
    name: 'statistics of 30 days by type',
    query: { ...GROUPS, edges: during, groupBy: by('attackType') },
    sql: `SELECT type, count(*) AS n FROM t WHERE received >= ? AND received < ?
      GROUP BY type ORDER BY n DESC, type LIMIT 10`,
    params: during.map(toInstant),
    atMost: 2,
  },
  {
    name: 'statistics of all, the first recipients',
    query: { ...GROUPS, groupBy: by('recipientAddress') },
    sql: 'SELECT recipient, count(*) AS n FROM t GROUP BY recipient ORDER BY n DESC, recipient LIMIT 10',
    params: [],
    atMost: 2,
  },
  {
    name: 'statistics of 30 days, the first recipients',
    query: { ...GROUPS, edges: during, groupBy: by('recipientAddress') },
    sql: `SELECT recipient, count(*) AS n FROM t WHERE received >= ? AND received < ?
      GROUP BY recipient ORDER BY n DESC, recipient LIMIT 10`,
    params: during.map(toInstant),
    atMost: 2,
  },
  {
    name: 'statistics of all by type, with different recipients and durations',
    query: { ...GROUPS, groupBy: by('attackType') },
    more: [{ type: 'DISTINCT', of: 'recipientAddress' }, UNTIL_REMEDIATED],
    sql: `SELECT type, count(*) AS n, count(DISTINCT recipient), count(remediated) FROM t
      GROUP BY type ORDER BY n DESC, type LIMIT 10`,
    params: [],
    atMost: 0.1,
  },
  {
    name: 'statistics of all by type and recipient',
    query: { ...GROUPS, groupBy: by('attackType', 'recipientAddress') },
    sql: `SELECT type, recipient, count(*) AS n FROM t
      GROUP BY type, recipient ORDER BY n DESC, type, recipient LIMIT 10`,
    params: [],
    atMost: 0.2,
  },
  {
    name: 'statistics of all, the first senders, of which no two are alike',
    query: { ...GROUPS, groupBy: by('fromAddress') },
    sql: 'SELECT sender, count(*) AS n FROM t GROUP BY sender ORDER BY n DESC, sender LIMIT 10',
    params: [],
    atMost: 1,
  },
];

/** The number of a cell that SQL has as well: percentiles it has not. */
function numberIn(measured: Measured | undefined): unknown {
  return typeof measured === 'object' ? measured.count : measured;
}

function threatOf(n: number): ThreatRecord {
  const received = START_MS + n * MINUTE;
  const threat = smallThreat(n, received);
  const isRemediated = n % 5 > 0;
  const own = {
    attackTypeRaw: TYPES[n % 6] ?? null,
    subject: `Invoice ${n % 9_973} is overdue`,
    fromAddress: `accounts-${n % 50_021}@sender-${n % 977}.example`,
    recipientAddress: `user-${(n * 7_919) % 20_011}@corp.example`,
    remediationStatusRaw: isRemediated ? 'Auto-Remediated' : 'Not remediated',
    // most within minutes, few after days
    remediationTime: isRemediated
      ? toInstant(received + Math.floor((((n * 7_919) % 10_007) / 10_007) ** 6 * 10 * DAY))
      : null,
  };
  return { ...threat, messages: threat.messages.map((message) => ({ ...message, ...own })) };
}

async function fill(path: string, threats: number): Promise<void> {
  await mkdir(path, { recursive: true });
  const store = await openSqliteStore(join(path, 'history.db'), 'write');
  const db = new DatabaseSync(join(path, 'bare.db'));
  db.exec(`CREATE TABLE t (id TEXT, type TEXT, received TEXT, subject TEXT, sender TEXT, recipient TEXT, remediated TEXT,
      record TEXT);
    CREATE INDEX by_received ON t (received, type); CREATE INDEX by_type ON t (type);
    CREATE INDEX by_subject ON t (subject); CREATE INDEX by_recipient ON t (recipient, remediated);
    CREATE INDEX by_sender ON t (sender)`);
  const insert = db.prepare('INSERT INTO t VALUES (?, ?, ?, ?, ?, ?, ?, ?)');
  for (let first = 0; first < threats; first += PER_BATCH) {
    const { seq } = await store.head();
    const records = Array.from({ length: PER_BATCH }, (_, i) => threatOf(first + i));
    const now = toInstant(START_MS + (first + PER_BATCH) * MINUTE);
    await store.record(
      batch(
        first,
        now,
        records.map((record) => observe(record, now, seq, JSON.stringify(record))),
      ),
    );
    db.exec('BEGIN');
    for (const [i, record] of records.entries()) {
      const [message] = record.messages;
      insert.run(
        ...[record.threatId, VALUES[(first + i) % 6] ?? null, message?.receivedTime ?? null],
        ...[message?.subject ?? null, message?.fromAddress ?? null, message?.recipientAddress ?? null],
        ...[message?.remediationTime ?? null, JSON.stringify(record)],
      );
    }
    db.exec('COMMIT');
  }
  await store.close();
  db.close();
}

function cpuMs(since?: NodeJS.CpuUsage): number {
  const { user, system } = process.cpuUsage(since);
  return (user + system) / 1_000;
}

/** Counts and statistics of threats, in CPU time of all threads, next to the rival's; a line for each. */
export async function countsReport(threats = Number(process.env.BENCH_THREATS ?? 500_000)): Promise<string> {
  const given = process.env.BENCH_HISTORY;
  const folder = given ?? (await mkdtemp(join(tmpdir(), 'bench-counts-')));
  try {
    if (!given) await fill(folder, threats);
    const store = await openSqliteStore(join(folder, 'history.db'), 'read');
    const db = new DatabaseSync(join(folder, 'bare.db'), { readOnly: true });
    const { seq } = await store.head();
    const lines: string[] = [];
    const compare = async (
      { name, sql, params, atMost }: Pick<MeasuredCount, 'name' | 'sql' | 'params' | 'atMost'>,
      read: () => Promise<unknown>,
    ) => {
      const [own, bare]: [number[], number[]] = [[], []];
      const statement = db.prepare(sql);
      for (let round = 0; round < ROUNDS; round += 1) {
        let begun = process.cpuUsage();
        const found = await read();
        own.push(cpuMs(begun));
        begun = process.cpuUsage();
        const wanted = statement.all(...params).map((row) => Object.values(row));
        bare.push(cpuMs(begun));
        if (!isDeepStrictEqual(found, wanted)) throw new Error(`${name}: not what SQL finds`);
      }
      const ratio = median(own) / median(bare);
      if (ratio > atMost) process.exitCode = 1;
      const times = `${median(own).toFixed(2)} ms, SQL by hand ${median(bare).toFixed(2)} ms`;
      lines.push(`  ${name}: ${times}, ratio ${ratio.toFixed(2)} (at most ${atMost})`);
    };
    for (const each of COUNTS)
      await compare(each, async () => {
        const { filter } = each;
        return [[await store.count({ kind: 'threat', integrations: null, filter, seq })]];
      });
    for (const each of STATISTICS)
      await compare(each, async () => {
        const { query, more = [] } = each;
        const [counted, ...others] = await Promise.all(
          [query.measure, ...more].map((measure) => store.statistics({ ...query, measure, seq })),
        );
        return counted?.groups.map(({ keys, count }, i) => [
          ...[...keys, count],
          ...others.map(({ groups }) => numberIn(groups[i]?.all)),
        ]);
      });
    await store.close();
    db.close();
    return [`counts and statistics of ${threats} threats, SQLite, CPU time:`, ...lines].join('\n');
  } finally {
    if (!given) await rm(folder, { recursive: true });
  }
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const folder = process.env.BENCH_FILL;
  if (folder) await fill(folder, Number(process.env.BENCH_THREATS ?? 500_000));
  else console.log(await countsReport());
}
