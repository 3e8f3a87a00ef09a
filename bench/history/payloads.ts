import type { Batch } from '../../src/history/store.js';
import type { Observation } from '../../src/model/revision.js';
import type { MessageRecord, ThreatRecord } from '../../src/resources/threat/threat.js';
import { canonicalJson, sha256 } from '../../src/values/canonical-json.js';
import { DAY, type Instant, toInstant } from '../../src/values/instant.js';
import { NO_COUNTS } from '../../test/support/records.js';

/* Threats as large as real ones, the same from one run to the next. */

export const START_MS = Date.parse('2026-01-01T00:00:00.000Z');

/** Numbers in `[0, 1)` that follow from a seed alone. */
export function randomFrom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

const pick = <T>(random: () => number, of: readonly T[]): T => of[Math.floor(random() * of.length)] as T;
const hex = (random: () => number, length: number) =>
  Array.from({ length }, () => Math.floor(random() * 16).toString(16)).join('');

const TYPES = ['Phishing: Credential', 'Scam', 'Malware', 'Invoice/Payment Fraud (BEC)', 'Extortion'];
const PEOPLE = ['ana', 'bo', 'chi', 'dai', 'eve', 'fay', 'gil', 'hui'];

export function threatId(n: number): string {
  const random = randomFrom(n + 1);
  return [8, 4, 4, 4, 12].map((length) => hex(random, length)).join('-');
}

/** Threat number `n`; `version` tells its versions apart. Most have one message or two, few have ten. */
export function threat(n: number, receivedMs: number, version = 0): ThreatRecord {
  const random = randomFrom(n * 31 + 7);
  const messages = 1 + Math.floor(random() ** 4 * 10);
  // most attacks are remediated within seconds of their receipt, some later, some never
  const isPrompt = random() < 0.8;
  return {
    threatId: threatId(n),
    recipientCount: messages + version,
    messages: Array.from({ length: messages }, (_, i) =>
      message(random, receivedMs - i * 1_000, version + (isPrompt ? 1 : 0)),
    ),
    pagesComplete: true,
    tenantId: '4071',
    tenantName: 'Customer',
  };
}

function message(random: () => number, receivedMs: number, version: number): MessageRecord {
  const sender = `${pick(random, PEOPLE)}@${hex(random, 6)}.example`;
  const recipient = `${pick(random, PEOPLE)}.${hex(random, 3)}@customer.example`;
  const messageId = String(BigInt(Math.floor(random() * 2 ** 53)) * 1_021n - 2n ** 62n);
  return {
    messageId,
    portalUrl: `https://portal.abnormal.example/home/threat-center/remediation-history/${messageId}`,
    subject: `Re: your account ${hex(random, 8)} needs attention`,
    fromAddress: sender,
    fromName: `Support ${hex(random, 4)}`,
    senderDomain: sender.slice(sender.indexOf('@') + 1),
    senderIpAddress: '203.0.113.7',
    toAddresses: [recipient],
    recipientAddress: recipient,
    ccAddresses: [],
    replyToAddresses: [`reply@${hex(random, 8)}.example`],
    returnPath: sender,
    receivedTime: toInstant(receivedMs),
    sentTime: toInstant(receivedMs - 2_000),
    internetMessageId: `<${hex(random, 24)}@mail.example>`,
    attackTypeRaw: pick(random, TYPES),
    attackStrategyRaw: 'Name Impersonation',
    attackVectorRaw: 'Link',
    attackedPartyRaw: 'Employee (other)',
    impersonatedPartyRaw: 'None / Others',
    remediationStatusRaw: version === 0 ? 'Not remediated' : 'Auto-Remediated',
    remediationTime: version === 0 ? null : toInstant(receivedMs + version * 60_000),
    autoRemediated: version > 0,
    postRemediated: false,
    isRead: null,
    attachmentCount: 0,
    attachmentNames: [],
    urlCount: 1,
    urls: [`https://${hex(random, 10)}.example/${hex(random, 20)}`],
    summaryInsights: ['Unusual sender', 'Suspicious link', 'Never seen before'],
    judgementRaw: 'Attack',
    customerOverride: null,
  };
}

/** One message that says little. */
const SILENT: Omit<MessageRecord, 'messageId'> = {
  portalUrl: null,
  subject: 'Your parcel could not be delivered',
  fromAddress: 'post@parcels.example',
  fromName: null,
  senderDomain: null,
  senderIpAddress: null,
  toAddresses: [],
  recipientAddress: null,
  ccAddresses: [],
  replyToAddresses: [],
  returnPath: null,
  receivedTime: null,
  sentTime: null,
  internetMessageId: null,
  attackTypeRaw: 'Scam',
  attackStrategyRaw: null,
  attackVectorRaw: null,
  attackedPartyRaw: null,
  impersonatedPartyRaw: null,
  remediationStatusRaw: null,
  remediationTime: null,
  autoRemediated: null,
  postRemediated: null,
  isRead: null,
  attachmentCount: null,
  attachmentNames: [],
  urlCount: null,
  urls: [],
  summaryInsights: [],
  judgementRaw: null,
  customerOverride: null,
};

/** As `threat`, but quick to make and small: for histories of a million revisions. */
export function smallThreat(n: number, receivedMs: number, version = 0): ThreatRecord {
  // an odd multiplier visits every number once, in no order that an index would like
  const scattered = (BigInt(n) * 0x9e3779b97f4a7c15n) & 0xffffffffffffffffn;
  const name = scattered.toString(16).padStart(16, '0');
  const receivedTime = toInstant(receivedMs);
  const remediationTime = version === 0 ? null : toInstant(receivedMs + version * 60_000);
  const messageId = String(BigInt.asIntN(64, scattered));
  return {
    threatId: `${name.slice(0, 8)}-${name.slice(8, 12)}-4000-8000-${name.slice(12)}00000000`,
    recipientCount: 1 + version,
    messages: [{ messageId, ...SILENT, receivedTime, remediationTime }],
    pagesComplete: true,
    tenantId: null,
    tenantName: null,
  };
}

/** A threat as it comes to `record`: decoded, as received, and its digest. */
export function observe(
  record: ThreatRecord,
  fetchedAt: Instant,
  basis: number,
  received = canonicalJson(record),
): Observation<'threat'> {
  return {
    key: { integration: 'default', kind: 'threat', id: record.threatId },
    record,
    received,
    digest: sha256(received),
    fetchedAt,
    basis,
    origin: 'SIMULATED',
  };
}

/** A batch of one run that polls without end. */
export function batch(n: number, now: Instant, observations: readonly Observation[]): Batch {
  return {
    id: `bench-${n}`,
    now,
    run: {
      id: 'bench',
      integration: 'default',
      resource: 'threats',
      trigger: 'POLL',
      status: 'RUNNING',
      startedAt: toInstant(START_MS + 100 * DAY),
      endedAt: null,
      parameters: {},
      counts: NO_COUNTS,
      errors: [],
    },
    observations,
    tombstones: [],
    ledger: [],
    streams: [],
    quarantine: [],
    released: [],
    confirmed: [],
  };
}

/** The middle one of some figures. */
export function median(figures: readonly number[]): number {
  const sorted = [...figures].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}
