import type { MessageRecord } from '../../resources/threat/threat.js';
import { attackStrategy, attackType } from '../../resources/vocabularies.js';
import {
  type Assessment,
  type Belongs,
  type ControlDefinition,
  type ControlDistribution,
  type ControlEvaluation,
  type Find,
  RECEIVED_THREATS,
  type Scope,
  type ThreatFact,
} from '../control.js';
import { isMalicious, messageMember, messageTimes } from '../malicious.js';
import { isInPeriod } from '../period.js';
import { atLeast, isCovered, licensedStreams, measureOf, verdictOf } from '../verdict.js';
import { countText, shareText } from '../words.js';

/** Attack types and strategies that only behaviour reveals, not signatures, reputation or sandboxes. */
const BEHAVIOURAL = new Set<string | null>([
  'INTERNAL_TO_INTERNAL',
  'RECONNAISSANCE',
  'SOCIAL_ENGINEERING_BEC',
  'INVOICE_FRAUD_BEC',
  'NAME_IMPERSONATION',
  'INTERNAL_COMPROMISED_ACCOUNT',
  'EXTERNAL_COMPROMISED_ACCOUNT',
]);

interface Mix {
  total: number;
  behavioural: number;
  readonly types: Map<string, number>;
  readonly strategies: Map<string, number>;
}

function emptyMix(): Mix {
  return { total: 0, behavioural: 0, types: new Map(), strategies: new Map() };
}

/** Evaluates `rule`. The period before counts only if it is covered. */
export const behaviouralAiOperating: ControlDefinition = {
  id: 'behavioural-ai-operating',
  title: 'Behavioural detection operates',
  rule: 'Attacks that only behaviour reveals are identified: impersonation, compromised accounts, business e-mail compromise, reconnaissance. There is at least one in the period, and their share of all malicious messages has not fallen by more than `behaviouralDrop` compared with the previous period. A period with fewer than `behaviouralSample` messages and no such attack proves nothing, and is not compared.',
  references: {
    'nist-800-53': ['SI-4', 'AU-6'],
    'nist-csf': ['DE.AE-02', 'DE.CM-09'],
    'iso-27001': ['A.8.16'],
    soc2: ['CC7.2'],
    'cis-controls': ['9.7'],
    'pci-dss': ['5.4.1'],
    nis2: ['21(2)(f)'],
    dora: ['10(1)', '10(2)'],
  },
  limits:
    'It shows that attacks without malware or known senders are still being found. It does not measure how many are missed.',
  thresholds: ['behaviouralSample', 'behaviouralDrop'],
  needs: RECEIVED_THREATS,
  takes: ['threat'],
  looksBack: true,
  population: {
    unit: 'messages',
    words:
      'Malicious messages of threats received in the period, as for attacks-remediated: except messages marked as safe or judged spam, graymail, borderline or safe.',
    isListed: true,
  },
  begin: assess,
};

function isBehavioural({ attackTypeRaw, attackStrategyRaw }: MessageRecord): boolean {
  return BEHAVIOURAL.has(attackType(attackTypeRaw)) || BEHAVIOURAL.has(attackStrategy(attackStrategyRaw));
}

function assess(scope: Scope, _find: Find, belongs: Belongs): Assessment {
  const [mix, before] = [emptyMix(), emptyMix()];
  return {
    take(fact) {
      if (fact.kind === 'threat') takeThreat(fact, scope, [mix, before], belongs);
    },
    evaluate: () => evaluateMix(mix, before, scope),
  };
}

function takeThreat(
  fact: ThreatFact,
  scope: Scope,
  [mix, before]: readonly [Mix, Mix],
  belongs: Belongs,
): void {
  const timeOf = messageTimes(fact);
  for (const message of fact.record.messages) {
    const at = timeOf(message);
    const isNow = isInPeriod(scope.period, at);
    if (!isNow && !isInPeriod(scope.before, at)) continue;
    if (!isMalicious(message)) continue;
    addTo(isNow ? mix : before, message);
    if (!isNow) continue;
    const kind = isBehavioural(message) ? 'behavioural' : 'not behavioural';
    const reason = `${kind}: ${message.attackTypeRaw ?? 'no type'}, ${message.attackStrategyRaw ?? 'no strategy'}`;
    const member = messageMember(fact, message, at);
    belongs(member, { outcome: 'MET', reason });
  }
}

function addTo(mix: Mix, message: MessageRecord): void {
  mix.total += 1;
  if (isBehavioural(message)) mix.behavioural += 1;
  increment(mix.types, attackType(message.attackTypeRaw) ?? NOT_SAID);
  increment(mix.strategies, attackStrategy(message.attackStrategyRaw) ?? NOT_SAID);
}

const NOT_SAID = 'not given';

function increment(counts: Map<string, number>, word: string): void {
  counts.set(word, (counts.get(word) ?? 0) + 1);
}

const NEXT =
  'Check with Abnormal whether behavioural detection is on for all mailboxes, and compare the distributions of both periods.';
const NONE = { measure: 'Behavioural detections', next: NEXT };
const FALLEN = { measure: 'Share of malicious messages', next: NEXT };
const FEW = { measure: NONE.measure, next: 'Evaluate a longer period.' };

function evaluateMix(mix: Mix, before: Mix, scope: Scope): ControlEvaluation {
  const { behaviouralSample: sample } = scope.thresholds;
  const earlier = isComparable(before, scope) ? shareOf(before) : null;
  const none = `None of ${countText(mix.total, 'malicious message')} was behavioural`;
  const isNone = mix.behavioural === 0 && mix.total > 0;
  const comparison = comparisonText(mix, earlier);
  return {
    ...verdictOf(
      scope,
      RECEIVED_THREATS,
      {
        // only a covered period can fail, because missing records could be the ones sought
        failed: isCovered(scope, RECEIVED_THREATS)
          ? isNone && mix.total >= sample
            ? `${none}.`
            : fallen(mix, earlier, scope)
          : null,
        failedBy: isNone && mix.total >= sample ? NONE : FALLEN,
        doubt: isNone ? `${none}; so few messages prove nothing.` : null,
        doubtBy: FEW,
        empty: mix.total === 0 ? 'No malicious message was received in the period.' : null,
        passed: `${mix.behavioural} of ${countText(mix.total, 'malicious message')} behavioural (${shareText(shareOf(mix) ?? 0)})${comparison}.`,
      },
      [
        measureOf('count', NONE.measure, mix.behavioural, atLeast(1)),
        measureOf('share', FALLEN.measure, shareOf(mix), leastShare(earlier, mix, scope)),
        measureOf('share', 'The same in the previous period', earlier),
      ],
    ),
    count: mix.total,
    distributions: [
      distribution('Attack types', mix.types, earlier === null ? null : before.types),
      distribution('Attack strategies', mix.strategies, earlier === null ? null : before.strategies),
    ],
  };
}

function shareOf({ total, behavioural }: Mix): number | null {
  return total === 0 ? null : behavioural / total;
}

function isComparable(before: Mix, { thresholds, streamsBefore, streams }: Scope): boolean {
  const own = licensedStreams({ streams: streamsBefore }, RECEIVED_THREATS);
  const areAllThere = own.length === licensedStreams({ streams }, RECEIVED_THREATS).length;
  return (
    areAllThere &&
    own.every(({ gaps }) => gaps.length === 0) &&
    before.total >= Math.max(1, thresholds.behaviouralSample)
  );
}

function leastShare(earlier: number | null, mix: Mix, { thresholds }: Scope) {
  if (earlier === null || mix.total < thresholds.behaviouralSample) return null;
  return { value: earlier * (1 - thresholds.behaviouralDrop), bound: 'AT_LEAST' } as const;
}

function fallen(mix: Mix, earlier: number | null, scope: Scope): string | null {
  const least = leastShare(earlier, mix, scope);
  const share = shareOf(mix);
  if (least === null || share === null || share >= least.value) return null;
  return `The share of behavioural detections fell to ${shareText(share)} from ${shareText(earlier ?? 0)} in ${scope.before.text}.`;
}

function comparisonText(mix: Mix, earlier: number | null): string {
  return earlier === null || mix.total === 0 ? '' : `; ${shareText(earlier)} in the previous period`;
}

function distribution(
  title: string,
  now: Map<string, number>,
  before: Map<string, number> | null,
): ControlDistribution {
  const labels = [...new Set([...now.keys(), ...(before?.keys() ?? [])])];
  const order = (a: string, b: string) => (now.get(b) ?? 0) - (now.get(a) ?? 0) || (a < b ? -1 : 1);
  const bars = labels.sort(order).map((label) => ({
    label: label
      .toLowerCase()
      .replaceAll('_', ' ')
      .replace(/\bbec$/, '(BEC)'),
    count: now.get(label) ?? 0,
    before: before ? (before.get(label) ?? 0) : null,
  }));
  return { title, bars };
}
