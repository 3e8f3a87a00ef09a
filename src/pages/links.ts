import { type Html, html } from '../evidence/report/html.js';
import { DAY, HOUR, type Instant, shift, type Window } from '../values/instant.js';

/** What is counted: in the order of the page, messages, account takeovers and reports of users. */
interface Noun {
  readonly statistics: string;
  readonly time: string;
  readonly nodes: string;
}

const NOUNS = {
  MESSAGE: {
    ...{ statistics: 'messageStatistics', time: 'receivedTime' },
    nodes: 'messageId receivedTime subject recipientAddress attackType remediation isRead',
  },
  CASE: {
    ...{ statistics: 'caseStatistics', time: 'customerVisibleTime' },
    nodes: 'caseId affectedEmployee severity status customerVisibleTime',
  },
  CAMPAIGN: {
    ...{ statistics: 'campaignStatistics', time: 'firstReportedTime' },
    nodes: 'campaignId subject recipientAddress judgement firstReportedTime',
  },
} as const satisfies Record<string, Noun>;

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
  if (!hasIde) return html`${count.toLocaleString('en-US')}`;
  const query = queryLink(count, queryAddress(set));
  return count === 0 ? query : html`${query} ${listLink(count, listAddress(set, keys))}`;
}

interface StateSet {
  readonly asOf: Instant;
  readonly windows: readonly [string];
  readonly controls?: readonly string[];
}

export function stateLink(hasIde: boolean, count: number, set: StateSet): Html {
  return hasIde ? queryLink(count, statesAddress(set)) : html`${count.toLocaleString('en-US')}`;
}

function statesAddress(set: StateSet): string {
  return ideAddress(`query States {
  posture(${argumentsOf(set)}) {
    now
    asOf
    states {
      control { id }
      period { text from to }
      verdict
      headline { text next }
      exceptions
      waived
      since { at before }
      trend { direction verdict }
      wouldChange
      validUntil
    }
  }
}`);
}

/** To the exceptions of a control in a period, with those that are waived. */
export function exceptionsLink(
  hasIde: boolean,
  count: number,
  asked: { readonly asOf: Instant; readonly period: string; readonly controls: readonly string[] },
): Html | null {
  if (!hasIde) return null;
  return listLink(
    count,
    ideAddress(`query Exceptions {
  evidence(${argumentsOf(asked)}) {
    results {
      exceptions(first: 25) {
        totalCount
        nodes { at reason integration record { id } messageId stream waiver { owner reason expires } }
        pageInfo { hasNextPage endCursor }
      }
    }
  }
}`),
  );
}

function queryLink(count: number, address: string): Html {
  return html`<a href="${address}">${count.toLocaleString('en-US')}<span class="said"> (the query in the IDE)</span></a>`;
}

function listLink(count: number, address: string): Html {
  return html`<a class="list" href="${address}">list<span class="said"> of these ${count.toLocaleString('en-US')}</span></a>`;
}

function queryAddress({ noun, asOf, window, filter, groupBy = [] }: CountedSet): string {
  const optional = { ...(filter && { filter }), ...(groupBy.length > 0 && { groupBy, top: 50 }) };
  return ideAddress(`query Count {
  ${NOUNS[noun].statistics}(${argumentsOf({ asOf, ...window, ...optional })}) {
    asOf
    coverage { complete gaps { from to reason } }
    total { count }
    groups { keys { dimension value } count }
    rest { values count }
  }
}`);
}

function listAddress({ noun, asOf, window, filter = {} }: CountedSet, keys: readonly Key[]): string {
  const { statistics, nodes, time } = NOUNS[noun];
  const conditions = keys.map((key) => conditionOf(key, time, asOf));
  const all = [{ [time]: { gte: window.from, lt: window.to } }, filter, ...conditions];
  const and = all.filter((each) => Object.keys(each).length > 0);
  return ideAddress(`query List {
  ${statistics.replace('Statistics', 's')}(${argumentsOf({ asOf, first: 25, filter: { and } })}) {
    totalCount
    nodes { ${nodes} }
    pageInfo { hasNextPage endCursor }
  }
}`);
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

function argumentsOf(given: object): string {
  return Object.entries(given)
    .map(([name, value]) => `${name}: ${literalOf(value)}`)
    .join(', ');
}

/** As GraphQL writes it: words in capitals are values of enums. */
function literalOf(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(literalOf).join(', ')}]`;
  if (typeof value === 'object' && value !== null) return `{ ${argumentsOf(value)} }`;
  return typeof value === 'string' && /^[A-Z][A-Z0-9_]*$/.test(value) ? value : JSON.stringify(value);
}

/** The IDE opens a window with the query of its address. */
function ideAddress(query: string): string {
  return `/ide/?${new URLSearchParams({ endpoint: '/graphql', query })}`;
}
