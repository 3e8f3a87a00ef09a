import type { Scope, StreamNeed, Verdict } from './control.js';
import { gapText, unreadText } from './gaps.js';
import type { StreamFacts } from './stream-facts.js';
import { brieflyText, countText, instantText, listText } from './words.js';

/** What a control found, one sentence each; `null` where that is not so. */
export interface Grounds {
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
export function conclude(
  scope: Scope,
  needs: readonly StreamNeed[],
  grounds: Grounds,
): { verdict: Verdict; reason: string } {
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
  if (period.from >= now) return `The period begins after what is recorded, which ends ${instantText(now)}.`;
  if (period.to > now) return `The period has not ended: what is recorded ends ${instantText(now)}.`;
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
