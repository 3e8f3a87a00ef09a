import type { ControlFinding } from '../controls/control.js';
import { spanOf } from '../controls/period.js';
import { CONTROLS } from '../controls/registry.js';
import { evaluateTogether, namesOf, NONE } from '../evidence/evaluate-period.js';
import {
  type ControlState,
  evaluatePosture,
  type PostureRequest,
  WINDOWS,
  windowEnds,
} from '../evidence/posture.js';
import type { HistoryStore } from '../history/store.js';
import { WAIVABLE_CONTROLS } from '../policy/policy.js';
import type { GatewayEvent } from '../policy/webhooks.js';
import { rulesKey } from '../policy/rules.js';
import { earliest, HOUR, type Instant, shift } from '../values/instant.js';
import type { DetectedEvent, Detector, Situation } from './detect-events.js';

interface ControlEventOptions {
  readonly store: HistoryStore;
  /** What is evaluated now: all controls, by the rules in use. */
  readonly request: () => Promise<PostureRequest>;
  /** Whether a webhook wants such events. */
  readonly isWanted: () => boolean;
  /** How long to rest after an evaluation, as a multiple of its duration, however often something is recorded. */
  readonly rest?: number;
}

/** The events that evaluations bring. */
export const CONTROL_EVENTS = [
  'control.verdict_changed',
  'control.exception_opened',
  'control.exception_closed',
] as const satisfies readonly GatewayEvent[];

/** Exceptions of one account that are told one by one. */
const MOST_EXCEPTIONS = 2000;
const REST = 20;

const VERDICT = 'verdict ';
const EXCEPTION = 'exception ';
const COUNTED = 'exceptions ';

/**
 * The verdicts of all controls for each account and window, as `posture` shows them, and the exceptions of records and
 * messages in the longest window. Evaluated again if something was recorded, the rules have changed, or a poll is late.
 */
export function createControlDetector(options: ControlEventOptions): Detector {
  const { store, request, isWanted, rest = REST } = options;
  let last: { readonly key: string; readonly validUntil: Instant } | null = null;
  let restUntil = 0;
  return async (now, known) => {
    if (!isWanted()) return [];
    const asked = await request();
    const key = `${asked.pin.seq} ${rulesKey(asked.rules)}`;
    const begun = performance.now();
    if ((last?.key === key && now < last.validUntil) || begun < restUntil) return unchanged(known);
    // a collection that is late stays so, but the windows move
    let validUntil = shift(now, HOUR);
    const situations: Situation[] = [];
    for (const integration of await namesOf(store)) {
      const own = { ...asked, integrations: [integration] };
      const { states } = await evaluatePosture(store, own);
      for (const state of states)
        if (state.validUntil !== null) validUntil = earliest(validUntil, state.validUntil);
      situations.push(...states.map((state) => verdictSituation(integration, state, asked.pin.at)));
      situations.push(...(await exceptionSituations(store, own, integration, known)));
    }
    last = { key, validUntil };
    restUntil = performance.now() + (performance.now() - begun) * rest;
    return situations;
  };
}

function unchanged(known: Readonly<Record<string, string>>): Situation[] {
  return Object.entries(known).flatMap(([subject, state]) =>
    [VERDICT, EXCEPTION, COUNTED].some((prefix) => subject.startsWith(prefix))
      ? [{ subject, state, event: () => null }]
      : [],
  );
}

function verdictSituation(integration: string, { window, result }: ControlState, asOf: Instant): Situation {
  const { control, verdict, headline } = result;
  const { measure } = headline;
  return {
    subject: `${VERDICT}${integration} ${control} ${WINDOWS[window].text}`,
    state: verdict,
    event(before) {
      if (before === undefined) return null;
      const decided = measure && { name: measure.name, value: measure.value, unit: measure.unit };
      const data = {
        integration,
        control,
        window: WINDOWS[window].text,
        before,
        verdict,
        measure: decided,
        asOf,
      };
      return { type: 'control.verdict_changed', data };
    },
  };
}

/** Compared with the known ones; the first time, and while there are too many, none is told. */
async function exceptionSituations(
  store: HistoryStore,
  request: PostureRequest,
  integration: string,
  known: Readonly<Record<string, string>>,
): Promise<Situation[]> {
  const controls = WAIVABLE_CONTROLS.map((id) => CONTROLS[id]);
  const { to } = (await windowEnds(store, request))(controls);
  const from = shift(to, -WINDOWS.LAST_90_DAYS.ms);
  const open = new Map<string, string>();
  const onFinding = (control: string, { outcome, subject, at }: ControlFinding) => {
    if (outcome !== 'EXCEPTION' || subject.type !== 'RECORD' || open.size > MOST_EXCEPTIONS) return;
    const { key, messageId } = subject;
    open.set(`${EXCEPTION}${JSON.stringify([integration, control, key.kind, key.id, messageId])}`, at ?? '');
  };
  const asked = [{ period: spanOf(from, to), controls, keep: NONE }];
  const { evaluations } = await evaluateTogether(store, request, asked, { onFinding });
  for (const evaluation of evaluations) evaluation.finish();

  const mine = Object.keys(known).filter((subject) => subject.startsWith(`${EXCEPTION}["${integration}",`));
  const mark = `${COUNTED}${integration}`;
  if (open.size > MOST_EXCEPTIONS) {
    const more: DetectedEvent = {
      type: 'control.exception_opened',
      data: { integration, moreThan: MOST_EXCEPTIONS },
    };
    const kept = mine.map((subject) => ({ subject, state: known[subject] ?? '', event: () => null }));
    return [...kept, { subject: mark, state: 'TOO_MANY', event: () => more }];
  }
  const isFirst = known[mark] === undefined;
  const opened = [...open].map(([subject, at]): Situation => {
    const isNew = !isFirst && known[subject] === undefined;
    return {
      subject,
      state: at,
      event: () => (isNew ? exceptionEvent('control.exception_opened', subject, {}) : null),
    };
  });
  const closed = mine
    .filter((subject) => !open.has(subject))
    .map((subject): Situation => {
      const at = known[subject] ?? '';
      const reason = at !== '' && at < from ? 'OUT_OF_WINDOW' : 'RESOLVED';
      return {
        subject,
        state: null,
        event: () => exceptionEvent('control.exception_closed', subject, { reason }),
      };
    });
  return [...opened, ...closed, { subject: mark, state: 'COUNTED', event: () => null }];
}

function exceptionEvent(type: DetectedEvent['type'], subject: string, more: object): DetectedEvent {
  const [integration, control, kind, id, messageId] = JSON.parse(
    subject.slice(EXCEPTION.length),
  ) as unknown[];
  return { type, data: { integration, control, kind, id, messageId, ...more } };
}
