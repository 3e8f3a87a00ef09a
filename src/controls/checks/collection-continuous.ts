import { streamText } from '../../model/ledger.js';
import { POLLING_THRESHOLDS } from '../../policy/thresholds.js';
import { toMillis } from '../../values/instant.js';
import {
  type Assessment,
  CORE_STREAMS,
  type ControlDefinition,
  type ControlEvaluation,
  type Find,
  type MissedPoll,
  type Scope,
  type StreamFacts,
} from '../control.js';
import {
  findHoles,
  findUnread,
  gapMs,
  gapText,
  holesOf,
  inBrief,
  lateStart,
  spanFinding,
  withoutHoles,
} from '../missed-polls.js';
import { isInPeriod } from '../period.js';
import { atMost, causeOf, failedFrom, licensedStreams, measureOf, verdictOf } from '../verdict.js';
import { countText, durationText, instantText, listText } from '../words.js';

/** Evaluates `rule`. Catching up fills a gap, but a missed poll stays missed. */
export const collectionContinuous: ControlDefinition = {
  id: 'collection-continuous',
  title: 'Collection is continuous',
  rule: 'The gateway collected without interruption: no unexplained gap, no explained gap longer than `longestGap`, and no more than `missedPolls` polls missed, over all streams. A poll is missed if no poll is answered for longer than the interval plus `ingestionLag`, whatever the cause. A later poll fills the gap, but the missed poll still counts.',
  references: {
    'nist-800-53': ['CA-7', 'AU-12'],
    'nist-csf': ['PR.PS-04', 'DE.CM-06'],
    'iso-27001': ['A.8.15', 'A.8.16'],
    soc2: ['CC4.1', 'CC7.2'],
    'cis-controls': ['8.2', '8.11'],
    'pci-dss': ['10.7.2'],
    nis2: ['21(2)(f)'],
    dora: ['10(1)'],
  },
  limits:
    'It shows that the evidence itself was collected without interruption. It says nothing about the collection of other systems.',
  thresholds: ['longestGap', 'missedPolls', ...POLLING_THRESHOLDS, 'ingestionLag'],
  needs: CORE_STREAMS,
  takes: [],
  looksBack: false,
  population: {
    unit: 'polls',
    words: 'Polls of each stream that Abnormal answered in the period.',
    isListed: false,
  },
  begin: assess,
};

function assess(scope: Scope, find: Find): Assessment {
  return {
    take() {},
    evaluate() {
      const streams = licensedStreams(scope, CORE_STREAMS);
      findUnread(streams, find);
      for (const facts of streams) {
        findHoles(facts, find);
        for (const missedPoll of facts.missedPolls)
          find(spanFinding('EXCEPTION', facts.stream, missedPoll, missedText(missedPoll)));
      }
      return evaluateCollection(scope);
    },
  };
}

function missedText({ from, to, missed, failed, failure }: MissedPoll): string {
  const why =
    failed > 0 ? `; ${failed} tried and failed, the last with: ${failure ?? 'no reason given'}` : '';
  return `${countText(missed, 'poll')} missed in ${durationText(toMillis(to) - toMillis(from))} from ${instantText(from)}${why}`;
}

const FILL = 'Let the gateway poll until the gap is filled, or run “backfill --from” its start.';
const UNEXPLAINED = { measure: 'Unexplained gaps', next: FILL };
const LONG_GAP = { measure: 'Longest gap', next: FILL };
const MISSED = {
  measure: 'Polls missed',
  next: 'The exceptions name the spans. Find what stopped the gateway or Abnormal then; a missed poll stays missed.',
};
const UNWATCHED = { measure: null, next: 'Evaluate a period that begins after the first poll.' };

function evaluateCollection(scope: Scope): ControlEvaluation {
  const { longestGap, missedPolls } = scope.thresholds;
  const streams = licensedStreams(scope, CORE_STREAMS);
  const holes = holesOf(streams);
  const unnamed = holes.filter(({ gap }) => gap.reason === 'NOT_COLLECTED');
  const tooLong = holes.filter(({ gap }) => gap.reason !== 'NOT_COLLECTED' && gapMs(gap) > longestGap);
  const missed = streams
    .flatMap(({ missedPolls }) => missedPolls)
    .reduce((sum, missedPoll) => sum + missedPoll.missed, 0);
  const texts = (gaps: typeof holes) =>
    listText(
      gaps.map(({ facts, gap }) => gapText(facts, gap)),
      2,
    );
  const failure = failedFrom([
    causeOf(
      unnamed.length > 0 && `${countText(unnamed.length, 'unexplained gap')}: ${texts(unnamed)}`,
      UNEXPLAINED,
    ),
    causeOf(
      tooLong.length > 0 && `${countText(tooLong.length, 'unexplained gap')} too long: ${texts(tooLong)}`,
      LONG_GAP,
    ),
    causeOf(
      missed > missedPolls &&
        `${countText(missed, 'poll')} missed, at most ${missedPolls} allowed: ${worst(streams)}`,
      MISSED,
    ),
  ]);
  return {
    ...verdictOf(
      failure.failed === null ? scope : withoutHoles(scope),
      CORE_STREAMS,
      {
        ...failure,
        doubtBy: UNWATCHED,
        doubt: unwatched(streams, scope),
        empty: null,
        passed: `No gap, and ${missed === 0 ? 'no poll' : countText(missed, 'poll')} missed.`,
      },
      [
        measureOf('count', MISSED.measure, missed, atMost(missedPolls)),
        measureOf(
          'ms',
          LONG_GAP.measure,
          holes.reduce((longest, { gap }) => Math.max(longest, gapMs(gap)), 0),
          atMost(longestGap),
        ),
        measureOf('count', UNEXPLAINED.measure, unnamed.length, atMost(0)),
      ],
    ),
    count: streams.flatMap(({ answeredAt }) => answeredAt).filter((at) => isInPeriod(scope.period, at))
      .length,
    distributions: [],
  };
}

function worst(streams: readonly StreamFacts[]): string {
  const all = streams.flatMap(({ stream, missedPolls }) =>
    missedPolls.map((missedPoll) => ({ stream, missedPoll })),
  );
  const sorted = all.sort((a, b) => b.missedPoll.missed - a.missedPoll.missed);
  return listText(
    sorted.map(({ stream, missedPoll }) => `${streamText(stream)}, ${missedText(inBrief(missedPoll))}`),
    2,
  );
}

function unwatched(streams: readonly StreamFacts[], { period }: Scope): string | null {
  const texts = streams.flatMap(({ stream, polledFrom }) => {
    const text = lateStart(polledFrom, period);
    return text === null ? [] : [`${streamText(stream)}: ${text}`];
  });
  return texts.length === 0 ? null : `The period was not polled completely. ${listText(texts, 2)}.`;
}
