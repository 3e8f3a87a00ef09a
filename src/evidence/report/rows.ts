import { nextTurn } from '../../async/waiting.js';
import type { ControlFinding } from '../../controls/control.js';
import { CONTROLS } from '../../controls/registry.js';
import type { ChangesQuery, HistoryStore, Pin, ReceivedRevision } from '../../history/store.js';
import { listReferences, referencesText } from '../../policy/frameworks.js';
import type { ControlId } from '../../policy/policy.js';
import { KINDS } from '../../resources/registry.js';
import { type Instant, shift } from '../../values/instant.js';
import type { EvidenceRequest, PeriodEvidence } from '../evaluate-period.js';
import { exceptionOf, periodOf, policyFacts, resultFacts, waiverFacts } from './json.js';

const HEADING = [
  ...['control', 'outcome', 'integration', 'kind', 'id', 'message_id', 'stream', 'label', 'at', 'until'],
  ...['reason', 'no_longer_given_since', 'waiver_reason', 'waiver_owner', 'waiver_ticket', 'waiver_from'],
  ...['waiver_expires', 'references'],
];

const RESULT_HEADING = [
  ...['control', 'title', 'verdict', 'headline', 'next_step', 'measure', 'value', 'unit', 'bound'],
  ...['threshold', 'population', 'exceptions', 'waived', 'owner', 'policy_sha256', 'references'],
];

/** A byte order mark makes a spreadsheet read the file as UTF-8. */
const BOM = '\ufeff';

interface CsvOptions {
  readonly rows: Rows;
  readonly spreadsheet?: boolean;
}

export function csvHeading({ rows, spreadsheet = false }: CsvOptions): string {
  return `${spreadsheet ? BOM : ''}${csvLine(rows === 'results' ? RESULT_HEADING : HEADING)}`;
}

/** With `results`, one row for each control, after all records were read. */
export function csvClosing({ results, rules }: PeriodEvidence, { rows }: CsvOptions): string {
  if (rows !== 'results') return '';
  const lines = results.map((result) => {
    const { control, title, verdict, headline, population, outcomes, owner } = result;
    const { measure, text, next } = headline;
    return csvLine([
      ...[control, title, verdict, text, next, measure?.name ?? null, measure?.value ?? null],
      ...[measure?.unit ?? null, measure?.threshold?.bound ?? null, measure?.threshold?.value ?? null],
      ...[population.count, outcomes.EXCEPTION, outcomes.WAIVED, owner],
      ...[rules.policy.file?.digest ?? null, referencesText(result.references)],
    ]);
  });
  return lines.join('');
}

/** Empty for a finding that is not requested. */
export function csvRow(
  control: ControlId,
  finding: ControlFinding,
  { rows, spreadsheet = false }: CsvOptions,
): string {
  if (!isRow(finding, rows)) return '';
  const { outcome, label, at, reason, noLongerGivenSince = null, waiver } = finding;
  const { integration, kind, id, messageId, stream, until } = aboutOf(finding.subject);
  const idCell = (text: string | null) => (text === null ? null : new CsvId(text, spreadsheet));
  const { reason: why = null, owner = null, ticket = null, from = null, expires = null } = waiver ?? {};
  return csvLine([
    ...[control, outcome, integration, kind, idCell(id), idCell(messageId), stream, label, at, until],
    ...[reason, noLongerGivenSince, why, owner, ticket, from, expires, referencesOf(control)],
  ]);
}

function aboutOf(subject: ControlFinding['subject']) {
  const none = { kind: null, id: null, messageId: null, stream: null, until: null };
  if (subject.type === 'INTEGRATION') return { ...none, integration: subject.integration };
  if (subject.type === 'RECORD') return { ...none, ...subject.key, messageId: subject.messageId };
  const { integration, resource, filterKey } = subject.stream;
  return { ...none, integration, stream: `${resource}/${filterKey}`, until: subject.to };
}

const REFERENCES = new Map<ControlId, string>();

function referencesOf(control: ControlId): string {
  const known = REFERENCES.get(control) ?? referencesText(listReferences(CONTROLS[control].references, null));
  REFERENCES.set(control, known);
  return known;
}

/** A waived exception stays in the list of exceptions. */
function isRow({ outcome }: ControlFinding, rows: Rows): boolean {
  if (rows === 'results') return false;
  return rows !== 'exceptions' || outcome === 'EXCEPTION' || outcome === 'WAIVED';
}

// CSV (RFC 4180) that is safe in a spreadsheet: senders choose subjects and names, and a cell that begins
// like a formula would be executed.

export function csvLine(cells: readonly (string | number | CsvId | null)[]): string {
  return `${cells.map(cell).join(',')}\r\n`;
}

/**
 * An id of Abnormal. A spreadsheet would make a number of its digits and drop the last ones, so there it is a formula
 * that gives exactly this text; for other programs it stays as it is.
 */
class CsvId {
  constructor(
    private readonly text: string,
    private readonly isForSpreadsheet: boolean,
  ) {}

  cell(): string {
    const { text, isForSpreadsheet } = this;
    // only what cannot be anything else within the quotes
    if (isForSpreadsheet && /^[\w.-]{1,200}$/.test(text)) return `"=""${text}"""`;
    // digits with a sign are a number and no formula
    return /^-?\d+$/.test(text) ? text : cell(text);
  }
}

const FORMULA = /^[\t\r\n]|^[\s\p{Cc}\p{Cf}]*[=+\-@\uff1d\uff0b\uff0d\uff20]/u;

function cell(value: string | number | CsvId | null): string {
  if (value === null) return '';
  if (value instanceof CsvId) return value.cell();
  if (typeof value === 'number') return String(value);
  // some readers stop at NUL
  const text = defuse(value.replaceAll('\u0000', '\ufffd'));
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** An apostrophe marks text that could be a formula. */
function defuse(text: string): string {
  return FORMULA.test(text) ? `'${text}` : text;
}

// JSON lines: one with the request, one per row as it is found, one per result, and a last one. Without the
// last line the file is incomplete.

export function ndjsonHeading(request: Omit<EvidenceRequest, 'keep'>, rows: Rows): string {
  const { period, pin, integrations, rules, controls } = request;
  return line({
    type: 'report',
    format: 'abnormal-gateway/evidence-lines',
    version: 1,
    ...{ rows, period: periodOf(period), asOf: pin.at, seq: pin.seq, integrations },
    ...(rows === 'revisions'
      ? {}
      : { controls: controls.map(({ id }) => id), thresholds: rules.thresholds, ...policyFacts(rules) }),
  });
}

/** Empty for a finding that is not requested. */
export function ndjsonRow(control: ControlId, finding: ControlFinding, rows: Rows): string {
  if (!isRow(finding, rows)) return '';
  const { type: subject, ...facts } = exceptionOf(finding);
  return line({ type: 'finding', control, outcome: finding.outcome, subject, ...facts });
}

export function ndjsonClosing({ results }: PeriodEvidence, rows: number): string {
  return `${results
    .map((result) => {
      const { owner, waivers, limits, references } = result;
      return line({
        type: 'result',
        ...resultFacts(result),
        owner,
        limits,
        references,
        waivers: waivers.map(waiverFacts),
      });
    })
    .join('')}${ndjsonEnd(rows)}`;
}

export function ndjsonEnd(rows: number): string {
  return line({ type: 'end', rows });
}

function line(value: unknown): string {
  return `${JSON.stringify(value)}\n`;
}

/** Exceptions, all members of the population, or all versions that were recorded in the period. */
export const ROWS = ['exceptions', 'population', 'revisions', 'results'] as const;
export type Rows = (typeof ROWS)[number];

/** Recorded in `[from, to)` by the gateway's clock, up to the view. */
interface RevisionSpan {
  readonly pin: Pin;
  readonly from: Instant;
  readonly to: Instant;
  /** `null`: all. */
  readonly integrations: readonly string[] | null;
}

/** Keeps the store busy, and fits in memory at any size of the records. */
const PAGE_SIZE = 500;

/** In the order of recording, as JSON lines with their number. */
export async function* exportRevisions(
  store: HistoryStore,
  span: RevisionSpan,
): AsyncGenerator<{ readonly text: string; readonly count: number }> {
  const query = await queryOf(store, span);
  if (query === null) return;
  const read = (after: ChangesQuery['after']) => store.changesReceived({ ...query, after, limit: PAGE_SIZE });
  for (let next: Promise<ReceivedRevision[]> | null = read(null); next; ) {
    const found: ReceivedRevision[] = await next;
    const last = found.at(-1);
    if (last === undefined) return;
    // the next page is read while this one is written
    next = found.length === PAGE_SIZE ? read(last) : null;
    next?.catch(() => undefined);
    await nextTurn();
    yield { text: found.map((revision) => revisionLine(revision, span.pin)).join(''), count: found.length };
  }
}

async function queryOf(store: HistoryStore, { pin, from, to, integrations }: RevisionSpan) {
  const [before, end] = await Promise.all([store.pinAt(shift(from, -1)), store.pinAt(shift(to, -1))]);
  const toSeq = Math.min(end.seq, pin.seq);
  return before.seq < toSeq ? { afterSeq: before.seq, toSeq, kinds: KINDS, integrations } : null;
}

/**
 * Without what may change after the view: the end of a version that was open then, and its last confirmation.
 * `received` is unchanged: its SHA-256 is the digest.
 */
function revisionLine(revision: ReceivedRevision, pin: Pin): string {
  const { key, seqFrom, seqTo, observedFrom, observedTo, verifiedAt, digest, runId, origin, deleted } =
    revision;
  const isClosed = seqTo <= pin.seq;
  const facts = JSON.stringify({
    type: 'revision',
    ...{ integration: key.integration, kind: key.kind, id: key.id, seq: seqFrom },
    supersededBy: isClosed ? seqTo : null,
    observedFrom,
    observedTo: isClosed ? observedTo : null,
    verifiedAt: isClosed ? verifiedAt : null,
    ...{ digest, runId, origin, deleted },
  });
  return `${facts.slice(0, -1)},"received":${revision.received}}\n`;
}
