import { DEFINITION_OF, type RecordOf, type VersionedKind } from '../resources/registry.js';
import { DAY, earliest, HOUR, type Instant, MINUTE, shift, toMillis } from '../values/instant.js';
import type {
  ControlDistribution,
  ControlEvaluation,
  ControlFinding,
  ControlMeasure,
  Member,
  Outcome,
  RecordVersion,
  Scope,
  StreamNeed,
  VersionedFact,
} from './control.js';
import { gradeShare, mostText, shareMeasures, verdictOf, waivedMeasures, waivedText } from './verdict.js';
import { countText, durationText, instantText, shareText } from './words.js';

/*
 * Abnormal does not report when a case was acknowledged or a report judged. The history gives bounds: after
 * the last request that returned it as open, and before the first version that is done.
 */

/** The first of some times that any version says, as the newest that says it has it; a later silence takes nothing back. */
export function lastSaid(
  versions: readonly RecordVersion<object>[],
  fields: readonly string[],
): { readonly field: string; readonly at: Instant } | null {
  for (const field of fields) {
    const values = versions.map(({ record }) => (record as Readonly<Record<string, unknown>>)[field] ?? null);
    const at = values.findLast((value) => value !== null);
    if (typeof at === 'string') return { field, at };
  }
  return null;
}

/** The time by which a record belongs to a period, and from which its deadline counts. */
export function timeOf({ kind, versions }: VersionedFact<VersionedKind>): Instant {
  return lastSaid(versions, DEFINITION_OF[kind].evidence.times)?.at ?? versions[0].observedFrom;
}

/** A record as a member of the population, labelled by its newest version. */
export function timelyMember<K extends VersionedKind>(
  fact: VersionedFact<K>,
  labelOf: (record: RecordOf[K]) => string | null,
): Member {
  return {
    subject: { type: 'RECORD', key: fact.key, messageId: null },
    label: labelOf((fact.versions.at(-1) ?? fact.versions[0]).record),
    at: timeOf(fact),
    noLongerGivenSince: fact.goneSince,
  };
}

/** When something was done to a record, as far as its versions tell. */
interface Deadline {
  /** Done by then; `null` if not done. */
  readonly by: Instant | null;
  /** Still open then; `null` if the first version is already done. */
  readonly after: Instant | null;
}

/** From versions, oldest first. `changedAt` is the record's own time of its last change, an upper bound. */
export function deadlineOf<R>(
  versions: readonly RecordVersion<R>[],
  isDone: (record: R) => boolean,
  changedAt: (record: R) => Instant | null,
): Deadline {
  const place = versions.findIndex(({ record }) => isDone(record));
  const open = place === -1 ? versions.at(-1) : versions[place - 1];
  const after = open ? (open.verifiedAt ?? open.observedFrom) : null;
  const done = versions[place];
  if (!done) return { by: null, after };
  return { by: earliest(done.observedFrom, changedAt(done.record) ?? done.observedFrom), after };
}

interface Due {
  readonly start: Instant;
  readonly within: number;
  readonly now: Instant;
  /** Whether the collected data proves that it was still open at the deadline. */
  readonly isKnownOpen: (deadline: Instant) => boolean;
  readonly done: string;
  readonly goneSince: Instant | null;
}

/** Compares the bounds with the deadline. Done by the deadline is met, even without an exact time. */
export function outcomeOf({ by, after }: Deadline, rule: Due): Pick<ControlFinding, 'outcome' | 'reason'> {
  const { start, within, now, isKnownOpen, done, goneSince } = rule;
  const deadline = shift(start, within);
  const late = `not ${done} within ${durationText(within)}`;
  const gone = goneSince === null ? '' : `; Abnormal no longer returns it since ${instantText(goneSince)}`;
  if (by !== null && by <= deadline) {
    return { outcome: 'MET', reason: `${done} within ${durationText(waited(start, by))} at most` };
  }
  if (after !== null && after >= deadline) {
    const end = by === null ? 'still open' : `${done} by ${instantText(by)}`;
    return { outcome: 'EXCEPTION', reason: `${late}: open ${instantText(after)}, ${end}${gone}` };
  }
  if (by !== null) {
    const seen = after === null ? `first seen in that state` : `last seen open ${instantText(after)}`;
    return {
      outcome: 'IN_DOUBT',
      reason: `${done} by ${instantText(by)}, ${seen}: whether in time cannot be determined`,
    };
  }
  // a record that Abnormal stopped returning before its deadline may have been done since
  if (goneSince !== null && goneSince < deadline)
    return { outcome: 'IN_DOUBT', reason: `not ${done} when last returned${gone}` };
  if (deadline > now)
    return { outcome: 'PENDING', reason: `not ${done} yet; its deadline is ${instantText(deadline)}` };
  if (isKnownOpen(deadline)) return { outcome: 'EXCEPTION', reason: `${late}: still open${gone}` };
  return { outcome: 'IN_DOUBT', reason: `not ${done} when last seen, which was before its deadline` };
}

function waited(start: Instant, end: Instant): number {
  return Math.max(0, toMillis(end) - toMillis(start));
}

export interface TimelyFacts {
  readonly counts: Record<Outcome, number>;
  /** Upper bounds of the durations, met or late. */
  readonly times: DurationTally;
}

export function noTimelyFacts(): TimelyFacts {
  return { counts: { MET: 0, EXCEPTION: 0, PENDING: 0, IN_DOUBT: 0, WAIVED: 0 }, times: new DurationTally() };
}

export function addTimely(
  { counts, times }: TimelyFacts,
  outcome: Outcome,
  turn: Deadline,
  start: Instant,
): void {
  counts[outcome] += 1;
  if (turn.by !== null && outcome !== 'IN_DOUBT' && outcome !== 'WAIVED') times.add(waited(start, turn.by));
}

interface TimelyWords {
  readonly noun: string;
  readonly done: string;
  readonly measure: string;
  readonly next: string;
}

export function evaluateTimely(
  facts: TimelyFacts,
  scope: Scope,
  needs: readonly StreamNeed[],
  limits: { readonly share: number; readonly within: number },
  words: TimelyWords,
): Pick<ControlEvaluation, 'verdict' | 'reason' | 'headline' | 'measures' | 'count'> {
  const { MET: met, EXCEPTION: missed, PENDING: pending, IN_DOUBT: doubtful, WAIVED: waived } = facts.counts;
  const decided = met + missed;
  const grade = gradeShare({ met, missed, doubtful, waived }, limits.share);
  const { noun, done } = words;
  const within = durationText(limits.within);
  const rest = `${pending === 0 ? '' : ` ${countText(pending, noun)} still before the deadline.`}${doubtful === 0 ? '' : ` For ${countText(doubtful, noun)} the recorded data do not decide it.`}${waivedText(waived)}`;
  return {
    ...verdictOf(
      scope,
      needs,
      {
        failed:
          grade === 'SHORT'
            ? `${missed} of ${countText(decided + doubtful, noun)} not ${done} within ${within}: ${mostText({ met, missed, doubtful })} in time, at least ${shareText(limits.share)} required.${rest}`
            : null,
        failedBy: { measure: words.measure, next: words.next },
        doubtBy: {
          measure: words.measure,
          next: 'Evaluate the period again after the next polls; what is in doubt is in the population.',
        },
        doubt:
          grade === 'DOUBTFUL' || (grade === 'EMPTY' && pending > 0) ? `Too few are decided.${rest}` : null,
        empty: grade === 'EMPTY' ? `There was no ${noun} in the period.` : null,
        passed: `${met} of ${countText(decided, noun)} ${done} within ${within}.${rest}`,
      },
      timelyMeasures(facts, limits, words),
    ),
    count: decided + pending + doubtful + waived,
  };
}

function timelyMeasures(
  { counts, times }: TimelyFacts,
  limits: { readonly share: number; readonly within: number },
  { measure, done }: TimelyWords,
): ControlMeasure[] {
  const split = {
    ...{ met: counts.MET, missed: counts.EXCEPTION, doubtful: counts.IN_DOUBT },
    waived: counts.WAIVED,
  };
  const plain = (name: string, value: number): ControlMeasure => ({
    name,
    value,
    unit: 'count',
    threshold: null,
  });
  const time = (name: string, share: number): ControlMeasure => {
    return { name, value: times.percentile(share), unit: 'ms', threshold: null };
  };
  return [
    ...shareMeasures(measure, split, limits.share),
    time(`Median time until ${done}, at most`, 0.5),
    time(`95th percentile of the time until ${done}, at most`, 0.95),
    plain('Still before their deadline', counts.PENDING),
    plain('In doubt: the recorded data do not decide it', counts.IN_DOUBT),
    ...waivedMeasures(measure, split),
  ];
}

export function timesDistribution(
  title: string,
  { times, counts }: TimelyFacts,
  limits: readonly number[],
): ControlDistribution {
  const bars = times.histogram(limits);
  const labels = [
    ...limits.map((limit) => `≤ ${durationText(limit)}`),
    `> ${durationText(limits.at(-1) ?? 0)}`,
  ];
  const done = labels.map((label, i) => ({ label, count: bars[i] ?? 0, before: null }));
  const open = counts.MET + counts.EXCEPTION - times.size;
  return {
    title,
    bars: [
      ...done,
      { label: 'not done', count: open, before: null },
      { label: 'not decided', count: counts.PENDING + counts.IN_DOUBT, before: null },
      ...(counts.WAIVED > 0 ? [{ label: 'waived', count: counts.WAIVED, before: null }] : []),
    ],
  };
}

/**
 * Percentiles in bounded memory. Durations are rounded up: to seconds, from an hour on to minutes, from a
 * week on to hours; comparisons with a limit in those units stay exact.
 */
export class DurationTally {
  readonly #counts = new Map<number, number>();
  #size = 0;

  /** In milliseconds; negative values (clock differences) count as 0. */
  add(ms: number): void {
    const raised = raise(Math.max(0, ms));
    this.#counts.set(raised, (this.#counts.get(raised) ?? 0) + 1);
    this.#size += 1;
  }

  get size(): number {
    return this.#size;
  }

  /** The smallest duration that at least `share` of them do not exceed, in milliseconds; `null` if empty. */
  percentile(share: number): number | null {
    // 0.07 * 100 is slightly more than 7, so a small tolerance is needed
    const rank = Math.max(1, Math.ceil(share * this.#size - 1e-9));
    let seen = 0;
    for (const ms of [...this.#counts.keys()].sort((a, b) => a - b)) {
      seen += this.#counts.get(ms) ?? 0;
      if (seen >= rank) return ms;
    }
    return null;
  }

  /** The number in each class of the increasing `limits`; a limit belongs to the class below it. */
  histogram(limits: readonly number[]): number[] {
    const bars = new Array<number>(limits.length + 1).fill(0);
    for (const [ms, count] of this.#counts) {
      const place = limits.findIndex((limit) => ms <= limit);
      const index = place === -1 ? limits.length : place;
      bars[index] = (bars[index] ?? 0) + count;
    }
    return bars;
  }
}

function raise(ms: number): number {
  const grain = ms <= HOUR ? 1000 : ms <= 7 * DAY ? MINUTE : HOUR;
  return Math.ceil(ms / grain) * grain;
}
