import { type Html, html } from '../evidence/report/html.js';
import { DAY, HOUR, type Instant, shift, type Window } from '../values/instant.js';

/** What is counted: in the order of the page, messages, account takeovers and reports of users. */
interface Noun {
  readonly statistics: string;
  readonly filter: string;
  /** The time by which records are counted. */
  readonly time: string;
  readonly dimension: string;
  readonly nodes: string;
}

const NOUNS = {
  MESSAGE: {
    ...{ statistics: 'messageStatistics', filter: 'MessageFilter', time: 'receivedTime' },
    dimension: 'MessageDimension',
    nodes: 'messageId receivedTime subject recipientAddress attackType remediation isRead',
  },
  CASE: {
    ...{ statistics: 'caseStatistics', filter: 'CaseFilter', time: 'customerVisibleTime' },
    dimension: 'CaseDimension',
    nodes: 'caseId affectedEmployee severity status customerVisibleTime',
  },
  CAMPAIGN: {
    ...{ statistics: 'campaignStatistics', filter: 'CampaignFilter' },
    ...{ time: 'firstReportedTime', dimension: 'CampaignDimension' },
    nodes: 'campaignId subject recipientAddress judgement firstReportedTime',
  },
} as const satisfies Record<string, Noun>;

/** The field that a dimension groups by, in the filter of the list. */
const FIELDS: Readonly<Record<string, string>> = {
  ...{ ATTACK_TYPE: 'attackType', IS_READ: 'isRead', ATTACKED_PARTY: 'attackedParty' },
  ...{ SEVERITY: 'severity', JUDGEMENT: 'judgement', RECIPIENT_ADDRESS: 'recipientAddress' },
};

/** The dimensions whose values are people: an address never becomes part of a URL, which proxies log. */
const PERSONAL: ReadonlySet<string> = new Set(['RECIPIENT_ADDRESS']);

/** From the youngest on: the age that is reached, and the one that is not. */
const AGES: Readonly<Record<string, readonly [least: number, below: number | null]>> = {
  UNDER_1_HOUR: [0, HOUR],
  UNDER_1_DAY: [HOUR, DAY],
  UNDER_7_DAYS: [DAY, 7 * DAY],
  UNDER_30_DAYS: [7 * DAY, 30 * DAY],
  OVER_30_DAYS: [30 * DAY, null],
};

export interface CountedSet {
  readonly noun: keyof typeof NOUNS;
  readonly asOf: Instant;
  readonly window: Window;
  readonly filter?: Readonly<Record<string, unknown>>;
  readonly groupBy?: readonly string[];
}

export type Key = { readonly dimension: string; readonly value: string | null };

/** A number that links to its query and to the records that it counts; without the IDE only a number. */
export function countLink(hasIde: boolean, count: number, set: CountedSet, keys: readonly Key[] = []): Html {
  const text = count.toLocaleString('en-US');
  if (!hasIde) return html`${text}`;
  const query = html`<a href="${queryAddress(set)}">${text}<span class="said"> (the query in the IDE)</span></a>`;
  if (count === 0) return query;
  return html`${query} <a class="list" href="${listAddress(set, keys)}">list<span class="said"> of these ${text}</span></a>`;
}

function queryAddress({ noun, asOf, window, filter, groupBy = [] }: CountedSet): string {
  const { statistics, filter: filterType, dimension } = NOUNS[noun];
  const query = `query Count($asOf: DateTime, $from: DateTime, $to: DateTime, $filter: ${filterType}, $groupBy: [${dimension}!]) {
  ${statistics}(asOf: $asOf, from: $from, to: $to, filter: $filter, groupBy: $groupBy, top: 50) {
    asOf
    coverage { complete gaps { from to reason } }
    total { count }
    groups { keys { dimension value } count }
    rest { values count }
  }
}`;
  const grouped = groupBy.length > 0 ? { groupBy } : {};
  return ideAddress(query, { asOf, ...window, ...(filter && { filter }), ...grouped });
}

function listAddress({ noun, asOf, window, filter = {} }: CountedSet, keys: readonly Key[]): string {
  const { statistics, filter: filterType, nodes, time } = NOUNS[noun];
  const list = statistics.replace('Statistics', 's');
  const query = `query List($asOf: DateTime, $filter: ${filterType}) {
  ${list}(asOf: $asOf, filter: $filter, first: 25) {
    totalCount
    nodes { ${nodes} }
    pageInfo { hasNextPage endCursor }
  }
}`;
  const conditions = keys.map((key) => conditionOf(key, time, asOf));
  const all = [{ [time]: { gte: window.from, lt: window.to } }, filter, ...conditions];
  return ideAddress(query, { asOf, filter: { and: all.filter((each) => Object.keys(each).length > 0) } });
}

function conditionOf({ dimension, value }: Key, time: string, asOf: Instant): object {
  const age = dimension === 'AGE' ? AGES[value ?? ''] : undefined;
  if (age) {
    const [least, below] = age;
    return { [time]: { lte: shift(asOf, -least), ...(below !== null && { gt: shift(asOf, -below) }) } };
  }
  const field = FIELDS[dimension];
  if (field === undefined) return {};
  if (PERSONAL.has(dimension)) return { [field]: { eq: '' } };
  return { [field]: { eq: dimension === 'IS_READ' && value !== null ? value === 'true' : value } };
}

/** The IDE reads both parameters and opens a window with them. */
export function ideAddress(query: string, variables: object): string {
  const parameters = new URLSearchParams({
    ...{ endpoint: '/graphql', query },
    variables: JSON.stringify(variables, null, 2),
  });
  return `/ide/?${parameters}`;
}
