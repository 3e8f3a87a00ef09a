import type { ThresholdName } from '../policy/thresholds.js';
import { DEFINITION_OF, type RecordOf, type VersionedKind } from '../resources/registry.js';
import { DurationTally } from '../values/duration-tally.js';
import { earliest, type Instant, shift, toMillis } from '../values/instant.js';
import {
  type Assessment,
  type Belongs,
  type ControlDefinition,
  type ControlDistribution,
  type ControlEvaluation,
  type ControlMeasure,
  type Counts,
  noCounts,
  type RecordFact,
  type RecordVersion,
  type Ruling,
  type Scope,
  type StreamFacts,
  type StreamNeed,
  type VersionedFact,
} from './control.js';
import { isInPeriod } from './period.js';
import {
  gradeShare,
  licensedStreams,
  measureOf,
  mostText,
  NEXT_IF_UNDECIDED,
  openMeasures,
  openText,
  shareMeasures,
  totalOf,
  verdictOf,
  waivedMeasures,
} from './verdict.js';
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

/** A control that requires that something is done to each record of a kind in time. */
interface TimelyControl<K extends VersionedKind>
  extends Pick<ControlDefinition, 'id' | 'title' | 'rule' | 'references' | 'limits' | 'needs'> {
  readonly kind: K;
  /** Which records belong to the population, and by which time. */
  readonly members: string;
  /** The thresholds: the share of the records, and the time within which it must be done. */
  readonly share: ThresholdName;
  readonly within: ThresholdName;
  readonly words: TimelyWords;
  readonly labelOf: (record: RecordOf[K]) => string | null;
  readonly isDone: (record: RecordOf[K]) => boolean;
  /** The record's own time of its last change. */
  readonly changedAt: (record: RecordOf[K]) => Instant | null;
  /** Whether the data of the stream prove that an open record was still open at its deadline. */
  readonly isKnownOpen: (
    stream: StreamFacts,
    due: Pick<Due, 'start' | 'goneSince'> & { readonly deadline: Instant },
  ) => boolean;
  /** The upper bounds of the classes of durations. */
  readonly edges: readonly number[];
  /** Another distribution: the label of each class, and the class of a record. */
  readonly classes?: {
    readonly title: string;
    readonly labels: Readonly<Record<string, string>>;
    readonly classOf: (record: RecordOf[K]) => string;
  };
}

export function timelyControl<K extends VersionedKind>(control: TimelyControl<K>): ControlDefinition {
  const { id, title, rule, references, limits, needs, kind, members, share, within } = control;
  return {
    ...{ id, title, rule, references, limits, needs },
    ...{ thresholds: [share, within], takes: [kind], looksBack: false },
    population: { unit: DEFINITION_OF[kind].resource, words: members, isListed: true },
    begin: (scope, _find, belongs) => new TimelyAssessment(control, scope, belongs),
  };
}

class TimelyAssessment<K extends VersionedKind> implements Assessment {
  readonly #facts: TimelyFacts = { counts: noCounts(), times: new DurationTally() };
  readonly #classes = new Map<string, number>();
  readonly #streams: ReadonlyMap<string, StreamFacts>;

  constructor(
    private readonly control: TimelyControl<K>,
    private readonly scope: Scope,
    private readonly belongs: Belongs,
  ) {
    const streams = licensedStreams(scope, control.needs);
    this.#streams = new Map(streams.map((facts) => [facts.stream.integration, facts]));
  }

  take(taken: RecordFact): void {
    if (taken.kind !== this.control.kind) return;
    const fact = taken as VersionedFact<K>;
    const start = timeOf(fact);
    if (!isInPeriod(this.scope.period, start)) return;
    const { labelOf, isDone, changedAt, isKnownOpen, classes, within, words } = this.control;
    const { key, versions, goneSince } = fact;
    const newest = (versions.at(-1) ?? versions[0]).record;
    if (classes) {
      const word = classes.classOf(newest);
      this.#classes.set(word, (this.#classes.get(word) ?? 0) + 1);
    }
    const stream = this.#streams.get(key.integration);
    const turn = deadlineOf(versions, isDone, changedAt);
    const ruling = outcomeOf(turn, {
      ...{ start, now: this.scope.now, within: this.scope.thresholds[within], done: words.done, goneSince },
      isKnownOpen: (deadline) => stream !== undefined && isKnownOpen(stream, { start, deadline, goneSince }),
    });
    const subject = { type: 'RECORD', key, messageId: null } as const;
    const member = { subject, label: labelOf(newest), at: start, noLongerGivenSince: goneSince };
    const outcome = this.belongs(member, ruling);
    const { counts, times } = this.#facts;
    counts[outcome] += 1;
    if (turn.by !== null && outcome !== 'IN_DOUBT' && outcome !== 'WAIVED') times.add(waited(start, turn.by));
  }

  evaluate(): ControlEvaluation {
    const { needs, share, within, words, edges, classes } = this.control;
    const { thresholds } = this.scope;
    const required = { share: thresholds[share], within: thresholds[within] };
    const bars = Object.entries(classes?.labels ?? {}).flatMap(([word, label]) => {
      const count = this.#classes.get(word) ?? 0;
      return count > 0 ? [{ label, count, before: null }] : [];
    });
    return {
      ...evaluateTimely(this.#facts, this.scope, needs, required, words),
      distributions: [
        ...(classes ? [{ title: classes.title, bars }] : []),
        timesDistribution(`Time until ${words.done}, at most`, this.#facts, edges),
      ],
    };
  }
}

/** When something was done to a record, as far as its versions tell. */
interface Deadline {
  /** Done by then; `null` if not done. */
  readonly by: Instant | null;
  /** Still open then; `null` if the first version is already done. */
  readonly after: Instant | null;
}

/** From versions, oldest first. `changedAt` is the record's own time of its last change, an upper bound. */
function deadlineOf<R>(
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
function outcomeOf({ by, after }: Deadline, rule: Due): Ruling {
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

interface TimelyFacts {
  readonly counts: Counts;
  /** Upper bounds of the durations, met or late. */
  readonly times: DurationTally;
}

interface TimelyWords {
  readonly noun: string;
  readonly done: string;
  readonly measure: string;
  readonly next: string;
}

function evaluateTimely(
  facts: TimelyFacts,
  scope: Scope,
  needs: readonly StreamNeed[],
  limits: { readonly share: number; readonly within: number },
  words: TimelyWords,
): Pick<ControlEvaluation, 'verdict' | 'reason' | 'headline' | 'measures' | 'count'> {
  const { counts } = facts;
  const { MET: met, EXCEPTION: missed, PENDING: pending, IN_DOUBT: doubtful } = counts;
  const decided = met + missed;
  const grade = gradeShare(counts, limits.share);
  const { noun, done } = words;
  const within = durationText(limits.within);
  const rest = openText(counts, noun);
  return {
    ...verdictOf(
      scope,
      needs,
      {
        failed:
          grade === 'SHORT'
            ? `${missed} of ${countText(decided + doubtful, noun)} not ${done} within ${within}: ${mostText(counts)} in time, at least ${shareText(limits.share)} required.${rest}`
            : null,
        failedBy: { measure: words.measure, next: words.next },
        doubtBy: { measure: words.measure, next: NEXT_IF_UNDECIDED },
        doubt:
          grade === 'DOUBTFUL' || (grade === 'EMPTY' && pending > 0) ? `Too few are decided.${rest}` : null,
        empty: grade === 'EMPTY' ? `There was no ${noun} in the period.` : null,
        passed: `${met} of ${countText(decided, noun)} ${done} within ${within}.${rest}`,
      },
      timelyMeasures(facts, limits, words),
    ),
    count: totalOf(counts),
  };
}

function timelyMeasures(
  { counts, times }: TimelyFacts,
  limits: { readonly share: number; readonly within: number },
  { measure, done }: TimelyWords,
): ControlMeasure[] {
  const time = (name: string, share: number) => measureOf('ms', name, times.percentile(share));
  return [
    ...shareMeasures(measure, counts, limits.share),
    time(`Median time until ${done}, at most`, 0.5),
    time(`95th percentile of the time until ${done}, at most`, 0.95),
    ...openMeasures(counts),
    ...waivedMeasures(measure, counts),
  ];
}

function timesDistribution(
  title: string,
  { times, counts }: TimelyFacts,
  limits: readonly number[],
): ControlDistribution {
  return {
    title,
    bars: [
      ...timeBars(times, limits),
      barOf('not done', counts.MET + counts.EXCEPTION - times.size),
      barOf('not decided', counts.PENDING + counts.IN_DOUBT),
      ...(counts.WAIVED > 0 ? [barOf('waived', counts.WAIVED)] : []),
    ],
  };
}

export function barOf(label: string, count: number): ControlDistribution['bars'][number] {
  return { label, count, before: null };
}

/** Durations by their upper bounds. */
export function timeBars(times: DurationTally, limits: readonly number[]): ControlDistribution['bars'] {
  const counts = times.histogram(limits);
  const most = limits.at(-1) ?? 0;
  const labels = [...limits.map((limit) => `≤ ${durationText(limit)}`), `> ${durationText(most)}`];
  return labels.map((label, i) => barOf(label, counts[i] ?? 0));
}
