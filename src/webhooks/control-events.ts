import type { ControlFinding } from '../controls/control.js';
import { spanOf } from '../controls/period.js';
import { CONTROLS } from '../controls/registry.js';
import { evaluateTogether, knownIntegrations, NONE } from '../evidence/evaluate-period.js';
import {
  type ControlState,
  evaluatePosture,
  type PostureRequest,
  WINDOWS,
  windowEnds,
} from '../evidence/posture.js';
import type { HistoryStore } from '../history/store.js';
import { rulesKey, WAIVABLE_CONTROLS } from '../policy/policy.js';
import type { GatewayEvent } from '../policy/webhooks.js';
import { earliest, HOUR, type Instant, shift } from '../values/instant.js';
import type { DetectedEvent, Detector, Situation } from './detect-events.js';

interface ControlEventOptions {
  readonly store: HistoryStore;
  /** What is evaluated now: all controls, by the rules in use. */
  readonly request: () => Promise<PostureRequest>;
  readonly isWanted: () => boolean;
  /** How long to rest after an evaluation, as a multiple of its duration, however often something is recorded. */
  readonly rest?: number;
}

export const CONTROL_EVENTS = [
  'control.verdict_changed',
  'control.exception_opened',
  'control.exception_closed',
] as const satisfies readonly GatewayEvent[];

/** Exceptions that are compared one by one: of one account, and of all accounts together. */
const MOST_OF_ACCOUNT = 2000;
const MOST_OF_ALL = 10_000;
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
  return async (now, known, signal) => {
    if (!isWanted()) return [];
    const asked = await request();
    const key = `${asked.pin.seq} ${rulesKey(asked.rules)}`;
    const begun = performance.now();
    if ((last?.key === key && now < last.validUntil) || begun < restUntil) return unchanged(known);
    // a collection that is late stays so, but the windows move
    let validUntil = shift(now, HOUR);
    const situations: Situation[] = [];
    const names = await knownIntegrations(store);
    const most = Math.min(MOST_OF_ACCOUNT, Math.floor(MOST_OF_ALL / names.length));
    for (const integration of names) {
      const own = { ...asked, integrations: [integration], signal };
      const { states } = await evaluatePosture(store, own);
      for (const state of states)
        if (state.validUntil !== null) validUntil = earliest(validUntil, state.validUntil);
      situations.push(...states.map((state) => verdictSituation(integration, state, asked.pin.at)));
      situations.push(...exceptionSituations(await openExceptions(store, own, most), integration, known));
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

interface OpenExceptions {
  /** When each of them was, by subject; `null` if there are too many. */
  readonly found: ReadonlyMap<string, string> | null;
  readonly most: number;
  readonly from: Instant;
}

async function openExceptions(
  store: HistoryStore,
  request: PostureRequest,
  most: number,
): Promise<OpenExceptions> {
  const { signal } = request;
  const controls = WAIVABLE_CONTROLS.map((id) => CONTROLS[id]);
  const { to } = (await windowEnds(store, request))(controls);
  const from = shift(to, -WINDOWS.LAST_90_DAYS.ms);
  const found = new Map<string, string>();
  const onFinding = (control: string, { outcome, subject, at }: ControlFinding) => {
    if (outcome !== 'EXCEPTION' || subject.type !== 'RECORD' || found.size > most) return;
    const { key, messageId } = subject;
    const parts = [key.integration, control, key.kind, key.id, messageId];
    found.set(`${EXCEPTION}${JSON.stringify(parts)}`, at ?? '');
  };
  const asked = [{ period: spanOf(from, to), controls, keep: NONE }];
  const { evaluations } = await evaluateTogether(store, request, asked, { onFinding, signal });
  for (const evaluation of evaluations) evaluation.finish();
  return { found: found.size > most ? null : found, most, from };
}

/** Compared with the known ones. The first time, and while there are too many, none is an event. */
function exceptionSituations(
  { found, most, from }: OpenExceptions,
  integration: string,
  known: Readonly<Record<string, string>>,
): Situation[] {
  const subject = `${COUNTED}${integration}`;
  const mine = Object.entries(known).filter(([each]) => each.startsWith(`${EXCEPTION}["${integration}",`));
  if (found === null) {
    const data = { integration, moreThan: most };
    const kept = mine.map(([each, state]) => ({ subject: each, state, event: () => null }));
    return [
      ...kept,
      { subject, state: 'TOO_MANY', event: () => ({ type: 'control.exception_opened', data }) },
    ];
  }
  const isFirst = known[subject] === undefined;
  const opened = [...found].map(([each, state]): Situation => {
    const isNew = !isFirst && known[each] === undefined;
    const event = () => (isNew ? exceptionEvent('control.exception_opened', each, {}) : null);
    return { subject: each, state, event };
  });
  const closed = mine.flatMap(([each, at]): Situation[] => {
    if (found.has(each)) return [];
    const reason = at !== '' && at < from ? 'OUT_OF_WINDOW' : 'RESOLVED';
    const event = () => exceptionEvent('control.exception_closed', each, { reason });
    return [{ subject: each, state: null, event }];
  });
  return [...opened, ...closed, { subject, state: 'COUNTED', event: () => null }];
}

function exceptionEvent(type: DetectedEvent['type'], subject: string, more: object): DetectedEvent {
  const [integration, control, kind, id, messageId] = JSON.parse(
    subject.slice(EXCEPTION.length),
  ) as unknown[];
  return { type, data: { integration, control, kind, id, messageId, ...more } };
}
