import { countText } from '../controls/words.js';
import { type Html, html, instantMarkup, tableMarkup } from '../evidence/report/html.js';
import { distributionTable } from '../evidence/report/html-charts.js';
import { EARLIEST_ASKED } from '../values/instant.js';
import { attacks, remediation } from './attack-blocks.js';
import { type Collected, isComplete, REFUSED, readUpTo } from './collected.js';
import { controls } from './control-block.js';
import type { ResourceName } from './overview-query.js';
import {
  AGE_TEXTS,
  answerOf,
  EMPTY,
  emptyText,
  leastText,
  linked,
  lowerFirst,
  type OverviewView,
  orNotice,
  storedWindow,
  sumOf,
  uncounted,
  valuesOf,
  valueText,
} from './view.js';

/** One question of the overview. Each is rendered alone, so that one that fails does not affect the others. */
export interface Block {
  readonly id: string;
  readonly title: string;
  readonly question: string;
  /** What its numbers are about; `null` for those about everything. */
  readonly resource: ResourceName | null;
  /** Whether it shows everything that is stored, rather than the window of the page. */
  readonly isOfAllTime?: boolean;
  body(view: OverviewView): Html;
}

export const BLOCKS: readonly Block[] = [
  {
    ...{ id: 'collection', title: 'Collection', question: 'Can I trust this page?' },
    resource: null,
    body: collection,
  },
  {
    ...{ id: 'mailboxes', title: 'Still in mailboxes', question: 'What needs action now?' },
    ...{ resource: 'THREATS', isOfAllTime: true },
    body: mailboxes,
  },
  {
    ...{
      id: 'takeovers',
      title: 'Open takeovers',
      question: 'Whose account, how severe, waiting for how long?',
    },
    ...{ resource: 'CASES', isOfAllTime: true },
    body: takeovers,
  },
  {
    ...{
      id: 'attacks',
      title: 'Attacks over time',
      question: 'More or fewer than before, and of which type?',
    },
    resource: 'THREATS',
    body: attacks,
  },
  {
    ...{ id: 'remediation', title: 'Time to remediate', question: 'Are we within our targets?' },
    resource: 'THREATS',
    body: remediation,
  },
  {
    ...{ id: 'reports', title: 'User reports', question: 'Are reports answered, and are they useful?' },
    resource: 'CAMPAIGNS',
    body: userReports,
  },
  {
    ...{
      id: 'people',
      title: 'Who is attacked',
      question: 'Which people, how many VIPs, and who has read it?',
    },
    resource: 'THREATS',
    body: people,
  },
  {
    ...{
      id: 'controls',
      title: 'Controls and proof',
      question: 'Do the controls work now, and would an auditor agree?',
    },
    resource: null,
    body: controls,
  },
];

const STATUS_TEXTS: Readonly<Record<string, string>> = {
  ...{ OK: 'read', NEVER_READ: 'not read yet', LATE: 'late', NOT_LICENSED: 'no licence' },
  ...{ NOT_ENABLED: 'not enabled', FORBIDDEN: 'refused', TOKEN_REJECTED: 'token rejected' },
  ...{ UNAVAILABLE: 'cannot be read', HISTORY_UNAVAILABLE: 'cannot be recorded' },
};

function collection(view: OverviewView): Html {
  answerOf(view, 'integrations');
  const all = Object.values(view.collected);
  const states = all.flatMap(({ accounts }) => accounts);
  if (states.length === 0)
    return EMPTY('No account was read yet. The first collection begins when the gateway has an account.');
  const asked = all.filter(({ accounts, isRefused }) => accounts.length > 0 && !isRefused);
  const isWhole = asked.every((each) => isComplete(each, { from: view.asOf, to: view.asOf }));
  const earliestOf = (some: readonly Collected[]) => some.flatMap((each) => readUpTo(each) ?? []).sort()[0];
  const upTo = earliestOf(all);
  const { THREATS, CASES, CAMPAIGNS } = view.collected;
  const counted = earliestOf([THREATS, CASES, CAMPAIGNS]);
  // a list whose rows arrive late is final only up to its newest row
  const more =
    upTo !== undefined && counted !== undefined && counted > upTo
      ? html`, and what the other blocks count up to ${instantMarkup(counted)}`
      : null;
  const due = states.filter(({ status }) => !REFUSED.has(status));
  const bad = due.filter(
    ({ status, missing, holes, since, upTo: end }) =>
      status !== 'OK' || missing > 0 || holes.length > 0 || since >= end,
  );
  const rows = states.map(
    ({ name, resource, status, since, upTo: end, holes, missing }) =>
      html`<tr><th scope="row" class="free">${name}</th><td data-name="What">${resource.toLowerCase().replaceAll('_', ' ')}</td><td data-name="State">${STATUS_TEXTS[status] ?? status}</td><td data-name="Read from">${since < end ? instantMarkup(since) : 'nothing'}</td><td data-name="Up to">${since < end ? instantMarkup(end) : '–'}</td><td class="number" data-name="Gaps">${holes.length + missing}</td></tr>`,
  );
  const headings = ['Account', 'What', 'State', 'Read from', 'Up to', '#Gaps'];
  return html`<p class="finding">${
    upTo === undefined
      ? html`Nothing was read yet.`
      : bad.length === 0 && isWhole
        ? html`Everything up to ${instantMarkup(upTo)} was read${more}.`
        : html`${bad.length} of ${due.length} lists of records need attention; all others were read up to ${instantMarkup(upTo)} or later${more}.`
  }</p>
${tableMarkup('collection', 'What was read, by account', headings, rows)}`;
}

function mailboxes(view: OverviewView): Html {
  const left = answerOf(view, 'left');
  const window = { from: EARLIEST_ASKED, to: view.window.to };
  const scope = storedWindow(view, 'THREATS');
  if (left.total.count === 0)
    return emptyText(view, 'THREATS', scope, 'No detected message is left in a mailbox');
  const set = {
    ...{ noun: 'MESSAGE' as const, window, groupBy: ['AGE', 'IS_READ'] },
    filter: { remediation: { notIn: ['REMEDIATED', 'NOT_NEEDED'] } },
  };
  const read = { dimension: 'IS_READ', value: 'true' };
  const rows = Object.entries(AGE_TEXTS).flatMap(([value, text]) => {
    const keys = [{ dimension: 'AGE', value }];
    const all = sumOf(left.groups, keys);
    if (all === 0) return [];
    const seen = [...keys, read];
    return html`<tr><th scope="row">${text}</th><td class="number" data-name="Read">${linked(view, sumOf(left.groups, seen), set, seen)}</td><td class="number" data-name="All">${linked(view, all, set, keys)}</td></tr>`;
  });
  const wasRead = sumOf(left.groups, [read]);
  return html`<p class="finding">${leastText(view, 'THREATS', scope, left)}${linked(view, left.total.count, set)} of the detected messages are not remediated; ${linked(view, wasRead, set, [read])} of them were read.</p>
${tableMarkup('ages', 'Messages by age, the oldest first', ['Received', '#Read', '#All'], rows)}
${oldestThreats(view)}${uncounted(left)}`;
}

function oldestThreats(view: OverviewView): Html {
  const { nodes } = answerOf(view, 'oldestThreats');
  const rows = nodes.map(
    ({ firstReceivedTime: at, subject, recipientCount }) =>
      html`<tr><th scope="row">${at === null ? 'unknown' : instantMarkup(at)}</th><td class="free" data-name="Subject">${subject ?? '–'}</td><td class="number" data-name="Mailboxes">${recipientCount ?? '–'}</td></tr>`,
  );
  if (rows.length === 0) return html``;
  return html`<h3>The oldest threats</h3>
${tableMarkup('oldest', 'The oldest threats that are not remediated', ['Received', 'Subject', '#Mailboxes'], rows)}`;
}

function takeovers(view: OverviewView): Html {
  const open = answerOf(view, 'openCases');
  const scope = storedWindow(view, 'CASES');
  if (open.total.count === 0) return emptyText(view, 'CASES', scope, 'No case is open');
  const set = {
    ...{ noun: 'CASE' as const, groupBy: ['SEVERITY', 'AGE'], filter: { open: { eq: true } } },
    window: { from: EARLIEST_ASKED, to: view.window.to },
  };
  const ages = Object.entries(AGE_TEXTS).filter(
    ([value]) => sumOf(open.groups, [{ dimension: 'AGE', value }]) > 0,
  );
  const rows = valuesOf(open.groups, 'SEVERITY')
    .sort(bySeverity)
    .map((severity) => {
      const keys = [{ dimension: 'SEVERITY', value: severity }];
      const cells = ages.map(([value, text]) => {
        const both = [...keys, { dimension: 'AGE', value }];
        return html`<td class="number" data-name="${text}">${linked(view, sumOf(open.groups, both), set, both)}</td>`;
      });
      return html`<tr><th scope="row">${valueText(severity)}</th>${cells}</tr>`;
    });
  const headings = ['Severity', ...ages.map(([, text]) => `#${text}`)];
  return html`<p class="finding">${leastText(view, 'CASES', scope, open)}${linked(view, open.total.count, set)} ${open.total.count === 1 ? 'case is' : 'cases are'} open.</p>
${tableMarkup('severities', 'Open cases by severity and by how long they are visible', headings, rows)}
${oldestCases(view)}${uncounted(open)}`;
}

const SEVERITIES: readonly (string | null)[] = ['HIGH', 'MEDIUM', 'LOW', 'NONE'];

/** The most severe first, others last. */
function bySeverity(a: string | null, b: string | null): number {
  const rank = (value: string | null) =>
    (SEVERITIES.indexOf(value) + SEVERITIES.length + 1) % (SEVERITIES.length + 1);
  return rank(a) - rank(b);
}

function oldestCases(view: OverviewView): Html {
  const rows = answerOf(view, 'oldestCases').nodes.map(
    ({ affectedEmployee, severity, customerVisibleTime: at, status }) =>
      html`<tr><th scope="row">${at === null ? 'unknown' : instantMarkup(at)}</th><td class="free" data-name="Account">${affectedEmployee ?? '–'}</td><td data-name="Severity">${valueText(severity)}</td><td data-name="State">${valueText(status)}</td></tr>`,
  );
  if (rows.length === 0) return html``;
  return html`<h3>The oldest cases</h3>
${tableMarkup('oldest', 'The oldest open cases', ['Visible since', 'Account', 'Severity', 'State'], rows)}`;
}

function userReports(view: OverviewView): Html {
  const [found, undecided] = [answerOf(view, 'reports'), answerOf(view, 'undecided')];
  const { window } = view;
  const waiting = {
    ...{ noun: 'CAMPAIGN' as const, window: { from: EARLIEST_ASKED, to: window.to }, groupBy: ['AGE'] },
    filter: { scanning: { eq: true } },
  };
  const oldest = Object.entries(AGE_TEXTS).find(
    ([value]) => sumOf(undecided.groups, [{ dimension: 'AGE', value }]) > 0,
  );
  const open =
    undecided.total.count === 0
      ? html`<p>No report waits for a judgement.</p>`
      : html`<p>${linked(view, undecided.total.count, waiting)} ${undecided.total.count === 1 ? 'report waits' : 'reports wait'} for a judgement, the oldest: ${lowerFirst(oldest?.[1] ?? 'unknown')}.</p>`;
  if (found.total.count === 0)
    return html`${emptyText(view, 'CAMPAIGNS', window, 'Nobody reported anything in this time')}${undecided.total.count === 0 ? null : open}`;
  const set = { noun: 'CAMPAIGN' as const, window, groupBy: ['JUDGEMENT'] };
  const bars = found.groups.map(({ keys, count }) => ({
    ...{ label: valueText(keys[0]?.value ?? null), count, before: null },
    shown: linked(view, count, set, keys),
  }));
  const malicious = sumOf(found.groups, [{ dimension: 'JUDGEMENT', value: 'MALICIOUS' }]);
  return html`<figure><figcaption class="finding">${leastText(view, 'CAMPAIGNS', window, found)}${linked(view, found.total.count, set)} ${found.total.count === 1 ? 'e-mail was' : 'e-mails were'} reported; ${malicious} of them ${malicious === 1 ? 'is' : 'are'} malicious.</figcaption>
${distributionTable({ title: 'Reports by judgement', bars })}</figure>${open}${uncounted(found)}`;
}

function people(view: OverviewView): Html {
  const parties = answerOf(view, 'parties');
  const { window } = view;
  if (parties.total.count === 0)
    return emptyText(view, 'THREATS', window, 'Nobody was attacked in this time');
  const set = { noun: 'MESSAGE' as const, window, groupBy: ['ATTACKED_PARTY', 'IS_READ'] };
  const read = { dimension: 'IS_READ', value: 'true' };
  const rows = valuesOf(parties.groups, 'ATTACKED_PARTY').map((value) => {
    const keys = [{ dimension: 'ATTACKED_PARTY', value }];
    const seen = [...keys, read];
    return html`<tr><th scope="row">${valueText(value)}</th><td class="number" data-name="Messages">${linked(view, sumOf(parties.groups, keys), set, keys)}</td><td class="number" data-name="Read">${linked(view, sumOf(parties.groups, seen), set, seen)}</td></tr>`;
  });
  const vips = sumOf(parties.groups, [{ dimension: 'ATTACKED_PARTY', value: 'VIP' }]);
  return html`<p class="finding">${leastText(view, 'THREATS', window, parties)}${linked(view, parties.total.count, set)} messages: ${vips} to VIPs, ${sumOf(parties.groups, [read])} read by their recipient.</p>
${tableMarkup('parties', 'Messages by attacked party', ['Attacked', '#Messages', '#Read'], rows)}
${topRecipients(view)}${uncounted(parties)}`;
}

function topRecipients(view: OverviewView): Html {
  const found = orNotice(() => answerOf(view, 'recipients'));
  if (!found.value) return html`<h3>Most attacked mailboxes</h3>${found.notice}`;
  const { groups, rest, total } = found.value;
  const set = { noun: 'MESSAGE' as const, window: view.window, groupBy: ['RECIPIENT_ADDRESS'] };
  const bars = groups.map(({ keys, count }) => ({
    ...{ label: keys[0]?.value ?? 'Not given by Abnormal', count, before: null },
    shown: linked(view, count, set, keys),
  }));
  return html`<h3>Most attacked mailboxes</h3>
${distributionTable({ title: `The first of ${countText(total.distinct, 'mailbox', 'mailboxes')}, by messages`, bars })}
${rest === null ? null : html`<p class="soft">${rest.count} messages are to other mailboxes.</p>`}`;
}
