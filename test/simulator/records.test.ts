import { describe, expect, it } from 'vitest';
import type { TenantRecordKind } from '../../src/simulator/options.js';
import { createTenant } from '../../src/simulator/tenant.js';
import { DAY, HOUR, toMillis } from '../../src/values/instant.js';

type Json = Record<string, unknown>;

const LATER = '2026-06-01T00:00:00.000Z';
const tenant = createTenant({
  seed: 'records',
  from: '2026-01-01T00:00:00.000Z',
  to: '2026-04-01T00:00:00.000Z',
  threats: 3000,
  cases: 1200,
  campaigns: 1200,
  shares: { hugeThreats: 0.01, withoutMessages: 0.01 },
});
const final = [...tenant.truth(LATER)];
const payloads = (kind: TenantRecordKind) =>
  final.filter((record) => record.kind === kind).map((record) => record.payload as Json);
const [threats, cases, campaigns] = [payloads('threat'), payloads('case'), payloads('campaign')];
const messages = threats.flatMap((threat) => (threat.messages ?? []) as Json[]);
const historiesOf = (kind: TenantRecordKind) =>
  Array.from({ length: tenant.count(kind) }, (_, index) => tenant.versions(kind, index));
const all = { threat: historiesOf('threat'), case: historiesOf('case'), campaign: historiesOf('campaign') };
const histories = (kind: TenantRecordKind) => all[kind];

const some = <T>(list: readonly T[], is: (item: T) => boolean) => list.filter(is).length;
/** Between a hundredth and all but a hundredth of them. */
const isShare = (list: readonly unknown[], count: number) =>
  count > list.length / 100 && count < list.length * 0.99;

describe('simulated threats', () => {
  it('mostly have one to three messages, some up to thirty, a few hundreds, and rarely none', () => {
    const sizes = threats.map((threat) => ((threat.messages ?? []) as Json[]).length);
    expect(some(sizes, (size) => size >= 1 && size <= 3) / sizes.length).toBeGreaterThan(0.7);
    expect(some(sizes, (size) => size > 8 && size <= 36)).toBeGreaterThan(40);
    expect(some(sizes, (size) => size > 100)).toBeGreaterThan(2);
    expect(some(threats, (threat) => !('messages' in threat))).toBeGreaterThan(0);
    expect(
      some(threats, (threat) => Number(threat.recipientCount) < ((threat.messages ?? []) as Json[]).length),
    ).toBe(0);
  });

  it('are remediated after seconds, hours, days or never; some only partly, some undone', () => {
    const delays = messages.flatMap((message) =>
      typeof message.remediationTimestamp === 'string'
        ? [Date.parse(message.remediationTimestamp) - Date.parse(String(message.receivedTime))]
        : [],
    );
    expect(Math.min(...delays)).toBeGreaterThanOrEqual(0);
    expect(some(delays, (ms) => ms < 2 * 60_000) / delays.length).toBeGreaterThan(0.4);
    expect(some(delays, (ms) => ms > HOUR && ms < DAY)).toBeGreaterThan(50);
    expect(some(delays, (ms) => ms > 2 * DAY)).toBeGreaterThan(50);
    expect(isShare(messages, messages.length - delays.length)).toBe(true);
    const statuses = new Set(
      histories('threat')
        .flat()
        .flatMap(({ payload }) => statusesOf(payload)),
    );
    for (const status of [
      'Auto-Remediated',
      'Auto Remediated',
      'Auto-Remediated to Junk',
      'Post Remediated',
    ]) {
      expect(statuses).toContain(status);
    }
    for (const status of [
      'Remediation Attempted',
      'Not Remediated',
      'Marked Safe',
      'Would Remediate',
      '',
      null,
      undefined,
    ]) {
      expect(statuses).toContain(status);
    }
  });

  it('change after they appear: more messages, remediation, its undoing', () => {
    const all = histories('threat');
    const timesOf = (payload: unknown) => ((payload as Json | null)?.messages ?? []) as Json[];
    expect(
      isShare(
        all,
        some(all, (versions) => versions.length > 1),
      ),
    ).toBe(true);
    expect(
      some(
        all,
        (versions) => timesOf(versions.at(-1)?.payload).length > timesOf(versions[0]?.payload).length,
      ),
    ).toBeGreaterThan(300);
    const isUndone = (payload: unknown) => statusesOf(payload).includes('Not Remediated');
    expect(
      some(
        all,
        ([first, ...later]) =>
          !isUndone(first?.payload) && later.some((version) => isUndone(version.payload)),
      ),
    ).toBeGreaterThan(50);
  });

  it('contain messages in all observed formats', () => {
    expect(some(messages, (message) => Array.isArray(message.toAddresses))).toBeGreaterThan(500);
    expect(some(messages, (message) => typeof message.toAddresses === 'string')).toBeGreaterThan(500);
    expect(some(messages, (message) => message.toAddresses === '')).toBeGreaterThan(10);
    expect(
      some(
        messages,
        (message) => String(message.toAddresses).length > 255 && !Array.isArray(message.toAddresses),
      ),
    ).toBe(0);
    for (const field of ['senderDomain', 'recipientAddress', 'senderIpAddress', 'source', 'tenantId']) {
      expect(
        isShare(
          messages,
          some(messages, (message) => message[field] === null),
        ),
        `${field} null`,
      ).toBe(true);
      expect(
        isShare(
          messages,
          some(messages, (message) => !(field in message)),
        ),
        `${field} absent`,
      ).toBe(true);
    }
    for (const field of [
      'attackStrategy',
      'attackVector',
      'attackedParty',
      'impersonatedParty',
      'isRead',
      'returnPath',
      'internetMessageId',
    ]) {
      expect(
        isShare(
          messages,
          some(messages, (message) => message[field] === null),
        ),
        field,
      ).toBe(true);
    }
    expect(new Set(messages.map((message) => typeof message.isRead))).toEqual(new Set(['object', 'boolean']));
    expect(some(messages, (message) => !('abxMessageIdStr' in message))).toBeGreaterThan(20);
    expect(
      some(messages, (message) => Number(message.urlCount) !== (message.urls as string[]).length),
    ).toBeGreaterThan(100);
    const subjects = messages.map((message) => String(message.subject));
    expect(some(subjects, (subject) => /\p{Surrogate}|[\ud800-\udfff]/u.test(subject))).toBe(0);
    expect(some(subjects, (subject) => /\p{Emoji_Presentation}/u.test(subject))).toBeGreaterThan(20);
  });

  it('have ids beyond 2^53 of either sign', () => {
    const ids = messages.map((message) => BigInt(String(message.abxMessageId)));
    expect(some(ids, (id) => id < 0n && id < -(2n ** 53n)) / ids.length).toBeGreaterThan(0.45);
    expect(some(ids, (id) => id > 2n ** 53n) / ids.length).toBeGreaterThan(0.45);
    expect(new Set(ids).size).toBe(ids.length);
    expect(
      messages.every(
        (message) =>
          !('abxMessageIdStr' in message) || message.abxMessageIdStr === String(message.abxMessageId),
      ),
    ).toBe(true);
  });

  it('have fractions of seconds of every length', () => {
    const lengths = new Set(
      messages.flatMap(({ remediationTimestamp: time }) =>
        typeof time === 'string' ? (/\.(\d+)Z/.exec(time)?.[1]?.length ?? 0) : [],
      ),
    );
    for (const length of [0, 2, 3, 5, 9]) expect(lengths).toContain(length);
  });

  it('mix attack types and strategies within one threat', () => {
    const mixed = (field: string) =>
      some(
        threats,
        (threat) => new Set(((threat.messages ?? []) as Json[]).map((message) => message[field])).size > 1,
      );
    expect(mixed('attackType')).toBeGreaterThan(50);
    expect(mixed('attackStrategy')).toBeGreaterThan(50);
    expect(new Set(messages.map((message) => message.attackType)).size).toBe(11);
  });
});

describe('simulated cases', () => {
  const details = cases.map((record) => record.detail as Json);
  const items = cases.map((record) => record.item as Json);

  it('are split between list and detail, under different names', () => {
    for (const name of ['description', 'last_modified', 'created', 'first_observed']) {
      expect(items.every((item) => name in item) && !details.some((detail) => name in detail), name).toBe(
        true,
      );
    }
    for (const name of ['case_status', 'threatIds', 'affectedEmployee', 'firstObserved', 'genai_summary']) {
      expect(details.every((detail) => name in detail) && !items.some((item) => name in item), name).toBe(
        true,
      );
    }
  });

  it('have ids as numbers or texts, names or addresses, summaries as text or list, offsets with or without fraction', () => {
    for (const list of [items, details]) {
      expect(
        isShare(
          list,
          some(list, (one) => typeof one.caseId === 'number'),
        ),
      ).toBe(true);
      expect(list.every((one, place) => String(one.caseId) === String(items[place]?.caseId))).toBe(true);
    }
    expect(
      isShare(
        details,
        some(details, (one) => String(one.affectedEmployee).includes('@')),
      ),
    ).toBe(true);
    expect(
      isShare(
        details,
        some(details, (one) => Array.isArray(one.genai_summary)),
      ),
    ).toBe(true);
    expect(
      isShare(
        items,
        some(items, (one) => /\.\d{6}\+00:00$/.test(String(one.last_modified))),
      ),
    ).toBe(true);
    expect(
      isShare(
        items,
        some(items, (one) => /:\d\d\+00:00$/.test(String(one.last_modified))),
      ),
    ).toBe(true);
  });

  it('move on from Action Required, and last_modified follows each change', () => {
    const order = [
      'Action Required',
      'Acknowledged (In progress)',
      'Acknowledged (Attack resolved)',
      'Acknowledged (Not an attack)',
    ];
    const seen = new Set<string>();
    for (const versions of histories('case')) {
      const states = versions.map(({ payload }) => payload as { item: Json; detail: Json });
      const ranks = states.map(({ detail }) => Math.min(order.indexOf(String(detail.case_status)), 2));
      expect(ranks[0]).toBe(0);
      expect(ranks).toEqual([...ranks].sort());
      const times = states.map(({ item }) => Date.parse(String(item.last_modified)));
      expect(times).toEqual([...times].sort((a, b) => a - b));
      expect(new Set(times).size).toBe(times.length);
      for (const { detail } of states) seen.add(String(detail.case_status));
    }
    expect(seen).toEqual(new Set(order));
  });

  it('sometimes change several times within hours', () => {
    const spans = histories('case').map((versions) => {
      const [first, , third] = versions.slice(1).map((version) => toMillis(version.visibleFrom));
      return first !== undefined && third !== undefined ? third - first : Infinity;
    });
    expect(some(spans, (span) => span < 12 * HOUR)).toBeGreaterThan(50);
  });

  it('refer to existing threats, share some, and name a few missing ones', () => {
    const ids = details.flatMap((detail) => detail.threatIds as string[]);
    const isKnown = (id: string) => tenant.indexOf('threat', id) !== null;
    expect(
      isShare(
        details,
        some(details, (detail) => (detail.threatIds as string[]).length === 0),
      ),
    ).toBe(true);
    expect(some(ids, isKnown) / ids.length).toBeGreaterThan(0.8);
    expect(some(ids, (id) => !isKnown(id))).toBeGreaterThan(5);
    const referrers = new Map<string, Set<unknown>>();
    for (const detail of details) {
      for (const id of detail.threatIds as string[])
        referrers.set(id, (referrers.get(id) ?? new Set()).add(detail.caseId));
    }
    expect(some([...referrers.values()], (set) => set.size === 2)).toBeGreaterThan(20);
  });

  it('name only threats that had arrived before', () => {
    for (const versions of histories('case')) {
      const [first] = versions;
      const { detail } = (first?.payload ?? { detail: { threatIds: [] } }) as {
        detail: { threatIds: string[] };
      };
      for (const id of detail.threatIds) {
        const [threat] = tenant.versionsOf('threat', id);
        if (threat) expect(threat.visibleFrom < String(first?.visibleFrom)).toBe(true);
      }
    }
  });
});

describe('simulated campaigns', () => {
  it('start as Scanning and settle later without a new lastReported', () => {
    const all = histories('campaign');
    const verdict = (payload: unknown) => (payload as Json).judgementStatus;
    const isScanning = (payload: unknown) => verdict(payload) === 'Scanning';
    expect(
      isShare(
        all,
        some(all, ([first]) => isScanning(first?.payload)),
      ),
    ).toBe(true);
    const settles = all.filter((versions) =>
      versions.some((version, place) => {
        const before = versions[place - 1];
        if (!before || !isScanning(before.payload) || isScanning(version.payload)) return false;
        return (before.payload as Json).lastReported === (version.payload as Json).lastReported;
      }),
    );
    expect(settles.length / all.length).toBeGreaterThan(0.7);
    expect(some(campaigns, isScanning)).toBeGreaterThan(5);
    expect(new Set(campaigns.map(verdict))).toEqual(
      new Set(['Scanning', 'Malicious', 'Spam', 'Safe', 'N/A']),
    );
  });

  it('are sometimes reported again', () => {
    const reports = histories('campaign').map(
      (versions) => new Set(versions.map(({ payload }) => (payload as Json).lastReported)).size,
    );
    expect(
      isShare(
        reports,
        some(reports, (count) => count > 1),
      ),
    ).toBe(true);
  });

  it('have an attack type with a prefix, empty or missing, and some times eight hours behind', () => {
    const types = campaigns.map((campaign) => campaign.attackType);
    expect(types).toContain('');
    expect(types).toContain(undefined);
    expect(types).toContain('Malicious: Phishing');
    expect(types).toContain('Attack Type: Phishing: Credential');
    expect(
      isShare(
        campaigns,
        some(campaigns, (campaign) => String(campaign.firstReported).endsWith('-08:00')),
      ),
    ).toBe(true);
  });

  it('mostly report a message of a threat', () => {
    const ids = new Set(messages.map((message) => String(message.abxMessageId)));
    const known = some(campaigns, (campaign) => ids.has(String(campaign.messageId)));
    expect(known / campaigns.length).toBeGreaterThan(0.5);
    expect(known / campaigns.length).toBeLessThan(0.7);
  });
});

describe('simulated names', () => {
  it('belong to reserved domains', () => {
    const text = JSON.stringify(final);
    const domains = new Set(
      [...text.matchAll(/@([\w.-]+)|https:\/\/([\w.-]+)/g)].map((match) => match[1] ?? match[2] ?? ''),
    );
    expect(domains.size).toBeGreaterThan(10);
    for (const domain of domains) expect(domain).toMatch(/(^|\.)(example\.(com|org|net)|test)$/);
  });
});

function statusesOf(payload: unknown): unknown[] {
  return (((payload as Json | null)?.messages ?? []) as Json[]).map((message) => message.remediationStatus);
}
