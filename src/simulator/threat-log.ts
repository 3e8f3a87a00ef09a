import { DAY } from '../values/instant.js';
import { type MessageSlot, simulatedMessage, slotsAt, type ThreatView } from './threat-messages.js';
import {
  failureAnswer,
  json,
  parseFilter,
  type SimulatedAnswer,
  type TimeWindow,
  wireInteger,
  wireJson,
} from './wire.js';

export type LogRow = Readonly<Record<string, string | number | null | undefined>>;

/** `withoutIds`: an older form without the ids of message, threat and tenant. */
export type LogForm = 'current' | 'withoutIds';

const BEST_GUESS = {
  'Abnormals best guess of attack type': 'attackType',
  'Abnormals best guess of attack strategy': 'attackStrategy',
  'Abnormals best guess of impersonated entity': 'impersonatedParty',
  'Abnormals best guess of attack vector': 'attackVector',
} as const;

/** The rows of one threat: all its messages received in the window, even if the detail omits them. */
export function logRows(view: ThreatView, { from, to }: TimeWindow) {
  return slotsAt(view)
    .filter(({ received }) => received >= from && received < to)
    .map((slot) => ({ received: slot.received, row: rowOf(view, slot) }));
}

function rowOf(view: ThreatView, slot: MessageSlot): LogRow {
  const message = simulatedMessage(view, slot);
  const guesses = Object.entries(BEST_GUESS).map(([column, field]) => [column, message[field]]);
  return {
    Date: message.receivedTime,
    'From Display Name': message.fromName,
    'From Email': message.fromAddress,
    Subject: message.subject,
    'Recipient Email': message.recipientAddress,
    'Job Title of Sender': '',
    'Job Title of Recipient': '',
    ...Object.fromEntries(guesses),
    'Remediation Status': message.remediationStatus,
    'Remediation Time': message.remediationTimestamp,
    Judgement: message.source,
    'Abnormal Message ID': wireInteger(slot.id),
    'Threat ID': message.threatId,
    'Tenant ID': message.tenantId,
    'Tenant Name': message.tenantName,
  };
}

const COLUMNS: Record<LogForm, readonly string[]> = {
  current: [
    'Date',
    'From Display Name',
    'From Email',
    'Subject',
    'Recipient Email',
    'Job Title of Sender',
    'Job Title of Recipient',
    ...Object.keys(BEST_GUESS),
    'Remediation Status',
    'Remediation Time',
    'Judgement',
    'Abnormal Message ID',
    'Threat ID',
    'Tenant ID',
    'Tenant Name',
  ],
  withoutIds: [
    'Date',
    'From Display Name',
    'From Email',
    'Subject',
    'Recipient Email',
    'Original Folder',
    'Job Title of Sender',
    'Job Title of Recipient',
    ...Object.keys(BEST_GUESS),
    'Remediation Status',
  ],
};

interface LogRequest {
  readonly params: URLSearchParams;
  readonly accept: string | undefined;
  readonly at: number;
  readonly retentionDays: number | null;
  readonly form: LogForm;
}

const WIDEST = 14 * DAY;

/** CSV if `format` or, without it, the Accept header says so, otherwise JSON. */
export function logAnswer(
  log: (window: TimeWindow, at: number) => LogRow[],
  request: LogRequest,
): SimulatedAnswer {
  const { params, accept = '', at, retentionDays, form } = request;
  const window = windowOf(params.get('filter'), at);
  if (typeof window === 'string') return failureAnswer(404, window);
  if (window.to - window.from > WIDEST) return failureAnswer(400, 'The maximum time range is 14 days');
  if (retentionDays !== null && window.from < at - retentionDays * DAY) {
    return failureAnswer(400, `The time range is outside the data retention period of ${retentionDays} days`);
  }
  const rows = log(window, at);
  const format = params.get('format') ?? (accept.includes('text/csv') ? 'csv' : 'json');
  if (format !== 'csv') return json(200, wireJson(rows.map((row) => only(row, COLUMNS[form]))));
  const lines = [COLUMNS[form], ...rows.map((row) => COLUMNS[form].map((column) => cell(row[column])))];
  return {
    status: 200,
    headers: { 'content-type': 'text/csv' },
    body: lines.map((cells) => `${cells.map(quoted).join(',')}\r\n`).join(''),
  };
}

/** A filter with only one end means a day; without a filter, the day before. */
function windowOf(filter: string | null, at: number): TimeWindow | string {
  const parsed = filter === null ? null : parseFilter('threats', filter);
  if (parsed?.kind === 'bad') return parsed.message;
  if (parsed?.kind !== 'window') return { from: at - DAY, to: at, inclusive: false };
  if (parsed.key !== 'receivedTime') return `Filter key ${parsed.key} is not supported`;
  const { from, to } = parsed.window;
  const start = Number.isFinite(from) ? from : to - DAY;
  return { from: start, to: Number.isFinite(to) ? to : start + DAY, inclusive: false };
}

function only(row: LogRow, columns: readonly string[]) {
  return Object.fromEntries(columns.map((column) => [column, row[column] ?? '']));
}

function cell(value: LogRow[string]): string {
  // in CSV a number of any length is written as it is
  return String(value ?? '').replace(/^@int64:(-?\d+)@$/, '$1');
}

function quoted(text: string): string {
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
