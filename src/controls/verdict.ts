import type {
  Cause,
  ControlEvaluation,
  ControlMeasure,
  ControlVerdict,
  Counts,
  Scope,
  StreamFacts,
  StreamNeed,
} from './control.js';
import { headlineOf } from './headline.js';
import { gapText, unreadText } from './missed-polls.js';
import { brieflyText, countText, instantText, listText, shareText } from './words.js';

interface VerdictFindings {
  /** More data would not change it. */
  readonly failed: string | null;
  /** The first cause of the failure. */
  readonly failedBy: Cause | null;
  /** What cannot be decided although the period is covered. */
  readonly doubt: string | null;
  readonly doubtBy: Cause | null;
  readonly empty: string | null;
  readonly passed: string;
}

interface Failure extends Cause {
  readonly text: string;
}

/** A failure with its cause, if there is a text. */
export function causeOf(text: string | false | null, cause: Cause): Failure | null {
  return text ? { ...cause, text } : null;
}

/** The first of some failures decides; all are named. */
export function failedFrom(
  causes: readonly (Failure | null)[],
  rest = '',
): Pick<VerdictFindings, 'failed' | 'failedBy'> {
  const failures = causes.filter((failure) => failure !== null);
  const failed = failures.length > 0 ? `${failures.map(({ text }) => text).join('; ')}.${rest}` : null;
  return { failed, failedBy: failures[0] ?? null };
}

/** A failure is final. Otherwise a period that has not ended, or is not covered, is undecided. */
export function verdictOf(
  scope: Scope,
  needs: readonly StreamNeed[],
  findings: VerdictFindings,
  measures: readonly ControlMeasure[],
): Pick<ControlEvaluation, 'verdict' | 'reason' | 'headline' | 'measures'> {
  const conclude = (verdict: ControlVerdict, reason: string, cause: Cause | null = null) => ({
    ...{ verdict, reason, measures },
    headline: headlineOf(verdict, reason, measures, cause),
  });
  const needed = neededStreams(scope, needs);
  const streams = needed.filter(({ licensed }) => licensed);
  if (needed.length > 0 && streams.length === 0) {
    return conclude('NOT_APPLICABLE', `${unlicensedText(needed)}.`);
  }
  const left = unlicensedText(needed);
  const aside = left === '' ? '' : ` Left out: ${left}.`;
  const missing = missingDataOf(scope, streams, needs);
  if (findings.failed !== null) {
    const brief = missing === null ? '' : ` ${missing.brief}`;
    return conclude('FAIL', `${findings.failed}${brief}${aside}`, findings.failedBy);
  }
  const doubt = missing?.full ?? findings.doubt;
  if (doubt !== null)
    return conclude('INSUFFICIENT_DATA', `${doubt}${aside}`, missing?.cause ?? findings.doubtBy);
  if (findings.empty !== null) return conclude('NOT_APPLICABLE', `${findings.empty}${aside}`);
  return conclude('PASS', `${findings.passed}${aside}`);
}

export function neededStreams(scope: Pick<Scope, 'streams'>, needs: readonly StreamNeed[]): StreamFacts[] {
  return scope.streams.filter(({ stream }) =>
    needs.some(({ resource, filterKey }) => stream.resource === resource && stream.filterKey === filterKey),
  );
}

export function licensedStreams(scope: Pick<Scope, 'streams'>, needs: readonly StreamNeed[]): StreamFacts[] {
  return neededStreams(scope, needs).filter(({ licensed }) => licensed);
}

/** Whether the period is over and covered: only then does a missing record mean something. */
export function isCovered(scope: Scope, needs: readonly StreamNeed[]): boolean {
  const streams = licensedStreams(scope, needs);
  return streams.length > 0 && missingDataOf(scope, streams, needs) === null;
}

/** Why the data is not sufficient; `null` if the period is over and covered. */
function missingDataOf(scope: Scope, streams: readonly StreamFacts[], needs: readonly StreamNeed[]) {
  const plain = uncollected(scope);
  if (plain !== null)
    return { brief: plain.text, full: plain.text, cause: { measure: null, next: plain.next } };
  if (needs.length === 0) return null;
  const gaps = streams.flatMap((facts) => facts.gaps.map((gap) => gapText(facts, gap)));
  const unread = unreadText(streams);
  const cause = { measure: null, next: nextStep(streams) };
  if (gaps.length === 0) return unread === null ? null : { brief: `${unread}.`, full: `${unread}.`, cause };
  const said = `The period is not covered: ${countText(gaps.length, 'gap')}`;
  const also = unread === null ? '' : ` ${unread}.`;
  return { brief: `${said}.${also}`, full: `${said}, ${listText(gaps, 2)}.${also}`, cause };
}

/** What fills the gaps, by the worst of them. */
function nextStep(streams: readonly StreamFacts[]): string {
  const gaps = streams.flatMap((facts) => facts.gaps);
  const worst =
    gaps.find((gap) => gap.class === 'HOLE') ?? gaps.find((gap) => gap.class === 'UNREACHED') ?? gaps[0];
  if (!worst) return 'Wait for the next poll, which reads these records again; the log has the reason.';
  if (worst.class === 'NOT_DUE') return 'Evaluate the period again after the next poll.';
  const from = worst.from.slice(0, 10);
  return worst.class === 'HOLE'
    ? `Let the gateway poll until the gap is filled, or run “backfill --from ${from}”.`
    : `Run “backfill --from ${from}” if Abnormal still has the data, or evaluate a later period.`;
}

function uncollected({ period, now, integrations }: Scope): { text: string; next: string } | null {
  if (integrations.length === 0)
    return { text: 'Nothing was ever recorded.', next: 'Connect an account, and run “poll --once”.' };
  const next = `Evaluate the period again when polls after ${instantText(period.to)} are recorded.`;
  if (period.from >= now)
    return { text: `The period begins after the end of the recording, ${instantText(now)}.`, next };
  if (period.to > now)
    return { text: `The period has not ended: the recording ends ${instantText(now)}.`, next };
  return null;
}

function unlicensedText(streams: readonly StreamFacts[]): string {
  const refused = new Map(
    streams.flatMap(({ licensed, stream, refusal }) =>
      licensed ? [] : [[`${stream.resource} of ${stream.integration}`, refusal ?? '']],
    ),
  );
  return listText([...refused].map(([what, why]) => `${what}, which Abnormal refuses (${brieflyText(why)})`));
}

/** `SHORT` and `MET` hold whatever the doubtful members are; `EMPTY`: no members. */
type Grade = 'SHORT' | 'DOUBTFUL' | 'MET' | 'EMPTY';

/** The share if all doubtful members fail, and if all succeed; `null` if empty. */
function shareBounds({ MET: met, EXCEPTION: missed, IN_DOUBT: doubtful }: Counts) {
  const all = met + missed + doubtful;
  return all === 0 ? null : { least: met / all, most: (met + doubtful) / all };
}

export function gradeShare(counts: Counts, wanted: number): Grade {
  const bounds = shareBounds(counts);
  if (bounds === null) return counts.WAIVED > 0 ? 'MET' : 'EMPTY';
  if (bounds.most < wanted) return 'SHORT';
  return bounds.least < wanted ? 'DOUBTFUL' : 'MET';
}

/** The proven share and, if different, the largest possible one. */
export function shareMeasures(name: string, counts: Counts, wanted: number): ControlMeasure[] {
  const bounds = shareBounds(counts);
  const proven = measureOf('share', name, bounds?.least ?? null, atLeast(wanted));
  if (bounds === null || counts.IN_DOUBT === 0) return [proven];
  return [proven, measureOf('share', `${name}, including those in doubt`, bounds.most, atLeast(wanted))];
}

/** Without a threshold, it is only for information. */
export function measureOf(
  unit: ControlMeasure['unit'],
  name: string,
  value: number | null,
  threshold: ControlMeasure['threshold'] = null,
): ControlMeasure {
  return { name, value, unit, threshold };
}

export const atLeast = (value: number) => ({ value, bound: 'AT_LEAST' }) as const;
export const atMost = (value: number) => ({ value, bound: 'AT_MOST' }) as const;

/** If anything is waived: how much, and the share as if it were not. */
export function waivedMeasures(name: string, counts: Counts): ControlMeasure[] {
  const { MET: met, EXCEPTION: missed, IN_DOUBT: doubtful, WAIVED: waived } = counts;
  if (waived === 0) return [];
  const value = met / (met + missed + doubtful + waived);
  return [
    measureOf('share', `${name}, without waivers`, value),
    measureOf('count', 'Waived exceptions', waived),
  ];
}

export function openMeasures({ PENDING, IN_DOUBT }: Counts): ControlMeasure[] {
  return [
    measureOf('count', 'Still before their deadline', PENDING),
    measureOf('count', 'In doubt: the recorded data do not decide it', IN_DOUBT),
  ];
}

export function openText(
  { PENDING: pending, IN_DOUBT: doubtful, WAIVED: waived }: Counts,
  noun: string,
): string {
  const waiting = pending === 0 ? '' : ` ${countText(pending, noun)} still before the deadline.`;
  const doubt = ` For ${countText(doubtful, noun)} the recorded data do not decide it.`;
  return `${waiting}${doubtful === 0 ? '' : doubt}${waivedText(waived)}`;
}

export function totalOf(counts: Counts): number {
  return Object.values(counts).reduce((sum, count) => sum + count, 0);
}

export const NEXT_IF_UNDECIDED =
  'Evaluate the period again after the next polls; what is in doubt is in the population.';

export function waivedText(waived: number): string {
  return waived === 0 ? '' : ` ${countText(waived, 'exception')} waived.`;
}

export function mostText(counts: Counts): string {
  const most = shareText(shareBounds(counts)?.most ?? 0);
  return counts.IN_DOUBT === 0 ? most : `at most ${most}`;
}
