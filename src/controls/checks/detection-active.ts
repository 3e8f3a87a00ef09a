import { streamText } from '../../model/ledger.js';
import { mostBetweenPolls, POLLING_THRESHOLDS } from '../../policy/thresholds.js';
import { CORE_RESOURCES, type Resource } from '../../resources/registry.js';
import { toMillis } from '../../values/instant.js';
import {
  type Assessment,
  type Belongs,
  CORE_STREAMS,
  type ControlDefinition,
  type ControlEvaluation,
  type ControlMeasure,
  type Find,
  type MissedPoll,
  RECEIVED_THREATS,
  type Scope,
  type StreamFacts,
} from '../control.js';
import { threatMember } from '../malicious.js';
import { inBrief, lateStart, spanFinding } from '../missed-polls.js';
import type { Period } from '../period.js';
import { atLeast, atMost, isCovered, licensedStreams, measureOf, verdictOf } from '../verdict.js';
import { countText, durationText, instantText, listText } from '../words.js';

/** Evaluates `rule`. Failed polls are Abnormal's failure; time without polls is the gateway's. */
export const detectionActive: ControlDefinition = {
  id: 'detection-active',
  title: 'Detection is active',
  rule: 'Abnormal responded: the time between two answered polls of a stream is never longer than its interval plus `ingestionLag`. It also detected attacks: at least one threat was received in the period. A span without any poll is not a failure of the detection, but leaves the control undecided. A period without any detection is a failure only if it is covered and at least `quietFor` long.',
  references: {
    'nist-800-53': ['SI-4', 'CA-7'],
    'nist-csf': ['DE.CM-06', 'DE.CM-09'],
    'iso-27001': ['A.8.16'],
    soc2: ['CC7.2'],
    'cis-controls': ['9.7', '13.1'],
    'pci-dss': ['5.4.1', '10.7.2'],
    nis2: ['21(2)(f)'],
    dora: ['10(1)'],
  },
  limits:
    'It shows that Abnormal answered and detected attacks, as its API reports them. It does not show that every attack was detected, or that every mailbox is connected to Abnormal.',
  thresholds: [...POLLING_THRESHOLDS, 'ingestionLag', 'quietFor'],
  needs: CORE_STREAMS,
  takes: ['threat'],
  looksBack: false,
  population: {
    unit: 'threats',
    words: 'Threats with a message received in the period, whatever their judgement.',
    isListed: true,
  },
  begin: assess,
};

function assess(scope: Scope, find: Find, belongs: Belongs): Assessment {
  let threats = 0;
  return {
    take(fact) {
      const member = fact.kind === 'threat' ? threatMember(fact, scope.period) : null;
      if (member === null) return;
      threats += 1;
      belongs(member);
    },
    evaluate() {
      const streams = licensedStreams(scope, CORE_STREAMS);
      for (const { stream, missedPolls } of streams) {
        for (const missedPoll of missedPolls) {
          const outcome = missedPoll.failed > 0 ? 'EXCEPTION' : 'IN_DOUBT';
          find(spanFinding(outcome, stream, missedPoll, missedPollText(missedPoll)));
        }
      }
      return evaluateDetection(threats, scope);
    },
  };
}

function missedPollText({ from, to, failed, failure }: MissedPoll): string {
  const span = `for ${durationText(toMillis(to) - toMillis(from))} from ${instantText(from)}`;
  if (failed === 0) return `not polled ${span}`;
  return `no answer ${span}: ${countText(failed, 'poll')} failed, the last with: ${failure ?? 'no reason given'}`;
}

const QUIET = {
  measure: 'Threats detected',
  next: 'Check in Abnormal whether detection is on and mail is being analysed.',
};
const BRIEF = { measure: QUIET.measure, next: 'Evaluate a longer period.' };
const UNASKED = {
  measure: null,
  next: 'Evaluate a period in which the gateway polled, and keep it running.',
};

function silenceMeasure(resource: Resource): string {
  return `Longest time without an answer, ${resource}`;
}

function silentCause(streams: readonly StreamFacts[]) {
  const silent = streams.find(({ missedPolls }) => missedPolls.some(({ failed }) => failed > 0));
  const next =
    'The exceptions name the spans and Abnormal’s last message. Check the token and Abnormal’s status page.';
  return { measure: silent ? silenceMeasure(silent.stream.resource) : null, next };
}

function evaluateDetection(threats: number, scope: Scope): ControlEvaluation {
  const streams = licensedStreams(scope, CORE_STREAMS);
  return {
    ...verdictOf(
      scope,
      CORE_STREAMS,
      {
        failed: unanswered(streams) ?? quiet(threats, scope),
        failedBy: unanswered(streams) === null ? QUIET : silentCause(streams),
        doubt: unasked(streams, scope.period) ?? brief(threats),
        doubtBy: unasked(streams, scope.period) === null ? BRIEF : UNASKED,
        empty: null,
        passed: `${countText(threats, 'threat')} detected; every stream answered within its interval.`,
      },
      [
        measureOf('count', QUIET.measure, threats, atLeast(1)),
        ...CORE_RESOURCES.flatMap((resource) => longest(resource, streams, scope)),
      ],
    ),
    count: threats,
    distributions: [],
  };
}

function unanswered(streams: readonly StreamFacts[]): string | null {
  const texts = streams.flatMap(({ stream, missedPolls }) =>
    missedPolls
      .filter(({ failed }) => failed > 0)
      .map((missedPoll) => `${streamText(stream)}: ${missedPollText(inBrief(missedPoll))}`),
  );
  return texts.length === 0 ? null : `Abnormal did not answer in time. ${listText(texts, 1)}.`;
}

function quiet(threats: number, scope: Scope): string | null {
  const { period, thresholds } = scope;
  const isLong = toMillis(period.to) - toMillis(period.from) >= thresholds.quietFor;
  if (threats > 0 || !isLong || !isCovered(scope, RECEIVED_THREATS)) return null;
  return 'No threat was detected in the period.';
}

function brief(threats: number): string | null {
  return threats > 0 ? null : 'No threat was detected, and the period is too short to draw a conclusion.';
}

function unasked(streams: readonly StreamFacts[], period: Period): string | null {
  const texts = streams.flatMap(({ stream, missedPolls, polledFrom }) => {
    const began = lateStart(polledFrom, period);
    const silent = missedPolls.filter(({ failed }) => failed === 0).map(missedPollText);
    return [...(began === null ? [] : [began]), ...silent].map((text) => `${streamText(stream)}: ${text}`);
  });
  return texts.length === 0
    ? null
    : `Abnormal was not polled during the whole period. ${listText(texts, 1)}.`;
}

function longest(
  resource: Resource,
  streams: readonly StreamFacts[],
  { period, thresholds }: Scope,
): ControlMeasure[] {
  const own = streams.filter(({ stream }) => stream.resource === resource);
  if (own.length === 0) return [];
  const spans = own.flatMap(({ answeredAt, missedPolls }) => [
    ...missedPolls.map(({ from, to }) => ({ from, to })),
    ...answeredAt.slice(1).map((to, i) => ({ from: answeredAt[i] ?? to, to })),
  ]);
  const within = spans.filter(({ from, to }) => to > period.from && from < period.to);
  const ms = within.map(({ from, to }) => toMillis(to) - toMillis(from));
  return [
    measureOf(
      'ms',
      silenceMeasure(resource),
      ms.length === 0 ? null : ms.reduce((a, b) => Math.max(a, b)),
      atMost(mostBetweenPolls(thresholds, resource)),
    ),
  ];
}
