import type {
  ControlEvaluation,
  ControlMeasure,
  ControlVerdict,
  Scope,
  StreamFacts,
  StreamNeed,
} from './control.js';
import { gapText, unreadText } from './missed-polls.js';
import { brieflyText, countText, instantText, listText, shareText } from './words.js';

interface VerdictFindings {
  /** More data would not change it. */
  readonly failed: string | null;
  /** What cannot be decided although the period is covered. */
  readonly doubt: string | null;
  readonly empty: string | null;
  readonly passed: string;
}

/** A failure is final. Otherwise a period that has not ended, or is not covered, is undecided. */
export function verdictOf(
  scope: Scope,
  needs: readonly StreamNeed[],
  findings: VerdictFindings,
): { verdict: ControlVerdict; reason: string } {
  const needed = neededStreams(scope, needs);
  const streams = needed.filter(({ licensed }) => licensed);
  if (needed.length > 0 && streams.length === 0) {
    return { verdict: 'NOT_APPLICABLE', reason: `${unlicensedText(needed)}.` };
  }
  const left = unlicensedText(needed);
  const aside = left === '' ? '' : ` Left out: ${left}.`;
  const missing = missingDataOf(scope, streams, needs);
  if (findings.failed !== null) {
    return {
      verdict: 'FAIL',
      reason: `${findings.failed}${missing === null ? '' : ` ${missing.brief}`}${aside}`,
    };
  }
  const doubt = missing?.full ?? findings.doubt;
  if (doubt !== null) return { verdict: 'INSUFFICIENT_DATA', reason: `${doubt}${aside}` };
  if (findings.empty !== null) return { verdict: 'NOT_APPLICABLE', reason: `${findings.empty}${aside}` };
  return { verdict: 'PASS', reason: `${findings.passed}${aside}` };
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

interface Lack {
  readonly brief: string;
  readonly full: string;
}

/** Why the data is not sufficient; `null` if the period is over and covered. */
function missingDataOf(
  scope: Scope,
  streams: readonly StreamFacts[],
  needs: readonly StreamNeed[],
): Lack | null {
  const plain = uncollected(scope);
  if (plain !== null) return { brief: plain, full: plain };
  if (needs.length === 0) return null;
  const gaps = streams.flatMap((facts) => facts.gaps.map((gap) => gapText(facts, gap)));
  const unread = unreadText(streams);
  if (gaps.length === 0) return unread === null ? null : { brief: `${unread}.`, full: `${unread}.` };
  const said = `The period is not covered: ${countText(gaps.length, 'gap')}`;
  const also = unread === null ? '' : ` ${unread}.`;
  return { brief: `${said}.${also}`, full: `${said}, ${listText(gaps, 2)}.${also}` };
}

function uncollected({ period, now, integrations }: Scope): string | null {
  if (integrations.length === 0) return 'Nothing was ever recorded.';
  if (period.from >= now) return `The period begins after the end of the recording, ${instantText(now)}.`;
  if (period.to > now) return `The period has not ended: the recording ends ${instantText(now)}.`;
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

interface Split {
  readonly met: number;
  readonly missed: number;
  readonly doubtful: number;
  /** Exceptions that do not count. */
  readonly waived?: number;
}

/** `SHORT` and `MET` hold whatever the doubtful members are; `EMPTY`: no members. */
type Grade = 'SHORT' | 'DOUBTFUL' | 'MET' | 'EMPTY';

/** The share if all doubtful members fail, and if all succeed; `null` if empty. */
function shareBounds({ met, missed, doubtful }: Split): { least: number; most: number } | null {
  const all = met + missed + doubtful;
  return all === 0 ? null : { least: met / all, most: (met + doubtful) / all };
}

export function gradeShare(split: Split, wanted: number): Grade {
  const bounds = shareBounds(split);
  if (bounds === null) return (split.waived ?? 0) > 0 ? 'MET' : 'EMPTY';
  if (bounds.most < wanted) return 'SHORT';
  return bounds.least < wanted ? 'DOUBTFUL' : 'MET';
}

/** The proven share and, if different, the largest possible one. */
export function shareMeasures(name: string, split: Split, wanted: number): ControlMeasure[] {
  const bounds = shareBounds(split);
  const threshold = { value: wanted, bound: 'AT_LEAST' } as const;
  const proven: ControlMeasure = { name, value: bounds?.least ?? null, unit: 'share', threshold };
  if (bounds === null || split.doubtful === 0) return [proven];
  return [
    proven,
    { name: `${name}, including those in doubt`, value: bounds.most, unit: 'share', threshold },
  ];
}

/** If anything is waived: how much, and the share as if it were not. */
export function waivedMeasures(name: string, { met, missed, doubtful, waived = 0 }: Split): ControlMeasure[] {
  if (waived === 0) return [];
  const value = met / (met + missed + doubtful + waived);
  return [
    { name: `${name}, without waivers`, value, unit: 'share', threshold: null },
    { name: 'Waived exceptions', value: waived, unit: 'count', threshold: null },
  ];
}

export function waivedText(waived: number): string {
  return waived === 0 ? '' : ` ${countText(waived, 'exception')} waived.`;
}

export function mostText(split: Split): string {
  const most = shareText(shareBounds(split)?.most ?? 0);
  return split.doubtful === 0 ? most : `at most ${most}`;
}

/** The number next to a verdict: for a failure the first measure that misses its threshold. */
export function shownMeasure({
  verdict,
  measures,
}: Pick<ControlEvaluation, 'verdict' | 'measures'>): ControlMeasure | null {
  const missing = verdict === 'FAIL' ? measures.find(isMissed) : undefined;
  return missing ?? measures[0] ?? null;
}

function isMissed({ value, threshold }: ControlMeasure): boolean {
  if (value === null || threshold === null) return false;
  return threshold.bound === 'AT_LEAST' ? value < threshold.value : value > threshold.value;
}
