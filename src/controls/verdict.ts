import type {
  ControlJudgement,
  ControlMeasure,
  ControlVerdict,
  Scope,
  StreamFacts,
  StreamNeed,
} from './control.js';
import { gapText, unreadText } from './missed-polls.js';
import { brieflyText, countText, instantText, listText, shareText } from './words.js';

/** What a control found, one sentence each; `null` where that is not so. */
interface VerdictFindings {
  /** What is wrong. More data would not undo it. */
  readonly failed: string | null;
  /** What cannot be told although the period is covered. */
  readonly doubt: string | null;
  /** That there is nothing to judge. */
  readonly empty: string | null;
  readonly passed: string;
}

/**
 * The verdict on those grounds. A failure stands whatever else is missing; short of that, a period that has
 * not ended, or that the needed streams do not cover, is neither passed nor called empty.
 */
export function verdictOf(
  scope: Scope,
  needs: readonly StreamNeed[],
  grounds: VerdictFindings,
): { verdict: ControlVerdict; reason: string } {
  const needed = neededStreams(scope, needs);
  const streams = needed.filter(({ licensed }) => licensed);
  if (needed.length > 0 && streams.length === 0) {
    return { verdict: 'NOT_APPLICABLE', reason: `${unlicensedText(needed)}.` };
  }
  const left = unlicensedText(needed);
  const aside = left === '' ? '' : ` Left out: ${left}.`;
  const lack = lackOf(scope, streams, needs);
  if (grounds.failed !== null) {
    return { verdict: 'FAIL', reason: `${grounds.failed}${lack === null ? '' : ` ${lack.brief}`}${aside}` };
  }
  const doubt = lack?.full ?? grounds.doubt;
  if (doubt !== null) return { verdict: 'INSUFFICIENT_DATA', reason: `${doubt}${aside}` };
  if (grounds.empty !== null) return { verdict: 'NOT_APPLICABLE', reason: `${grounds.empty}${aside}` };
  return { verdict: 'PASS', reason: `${grounds.passed}${aside}` };
}

/** The streams that a control rests on, unlicensed ones included. */
export function neededStreams(scope: Pick<Scope, 'streams'>, needs: readonly StreamNeed[]): StreamFacts[] {
  return scope.streams.filter(({ stream }) =>
    needs.some(({ resource, filterKey }) => stream.resource === resource && stream.filterKey === filterKey),
  );
}

/** The same without those that the account has no licence for. */
export function licensedStreams(scope: Pick<Scope, 'streams'>, needs: readonly StreamNeed[]): StreamFacts[] {
  return neededStreams(scope, needs).filter(({ licensed }) => licensed);
}

/** Whether the period is over and the needed streams cover it: only then does what is not there mean something. */
export function isCovered(scope: Scope, needs: readonly StreamNeed[]): boolean {
  const streams = licensedStreams(scope, needs);
  return streams.length > 0 && lackOf(scope, streams, needs) === null;
}

interface Lack {
  readonly brief: string;
  readonly full: string;
}

/** Why the recorded data does not suffice; `null` when the period is over and covered. */
function lackOf(scope: Scope, streams: readonly StreamFacts[], needs: readonly StreamNeed[]): Lack | null {
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

/** Members of a population by what became of them; those whose time is not up are no part of it yet. */
interface Split {
  readonly met: number;
  readonly missed: number;
  /** Those of which it cannot be told. */
  readonly doubtful: number;
}

/** `SHORT` and `MET` hold whatever the doubtful ones turn out to be; `EMPTY` is no member at all. */
type Grade = 'SHORT' | 'DOUBTFUL' | 'MET' | 'EMPTY';

/** What share is met if all the doubtful ones are not, and if all are; `null` without any member. */
function shareBounds({ met, missed, doubtful }: Split): { least: number; most: number } | null {
  const all = met + missed + doubtful;
  return all === 0 ? null : { least: met / all, most: (met + doubtful) / all };
}

/** Whether at least the share `wanted` is met. */
export function gradeShare(split: Split, wanted: number): Grade {
  const bounds = shareBounds(split);
  if (bounds === null) return 'EMPTY';
  if (bounds.most < wanted) return 'SHORT';
  return bounds.least < wanted ? 'DOUBTFUL' : 'MET';
}

/** The share that is proven and, where that is another, the most that it can be. */
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

/** The most that the share can be, in words. */
export function mostText(split: Split): string {
  const most = shareText(shareBounds(split)?.most ?? 0);
  return split.doubtful === 0 ? most : `at most ${most}`;
}

/**
 * The number to show next to a verdict: the one that the control is known by, or for a failure the first that
 * misses its threshold. So none says that a failed control got what it wanted.
 */
export function shownMeasure({
  verdict,
  measures,
}: Pick<ControlJudgement, 'verdict' | 'measures'>): ControlMeasure | null {
  const missing = verdict === 'FAIL' ? measures.find(isMissed) : undefined;
  return missing ?? measures[0] ?? null;
}

function isMissed({ value, threshold }: ControlMeasure): boolean {
  if (value === null || threshold === null) return false;
  return threshold.bound === 'AT_LEAST' ? value < threshold.value : value > threshold.value;
}
