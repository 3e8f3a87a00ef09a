import type { ControlDefinition, StreamFacts } from '../controls/control.js';
import type { EvaluatedControl } from '../controls/evaluate.js';
import { headlineText, measureText } from '../controls/headline.js';
import { type Period, spanOf } from '../controls/period.js';
import { CONTROLS } from '../controls/registry.js';
import { dueBefore } from '../controls/stream-facts.js';
import { licensedStreams } from '../controls/verdict.js';
import type { HistoryStore } from '../history/store.js';
import { type ControlId, rulesKey, thresholdsFor } from '../policy/policy.js';
import { mostBetweenPolls } from '../policy/thresholds.js';
import { RESOURCES } from '../resources/registry.js';
import { sha256 } from '../values/canonical-json.js';
import { DAY, earliest, HOUR, type Instant, latest, shift, toInstant, toMillis } from '../values/instant.js';
import { evaluateEach } from './evaluate-once.js';
import { evaluateTogether, knownIntegrations, NONE, type ViewRequest } from './evaluate-period.js';
import { readLedgers } from './gather-facts.js';

/** The windows for which the current state of a control is evaluated, with their names in commands and metrics. */
export const WINDOWS = {
  LAST_24_HOURS: { ms: DAY, text: '24h' },
  LAST_7_DAYS: { ms: 7 * DAY, text: '7d' },
  LAST_30_DAYS: { ms: 30 * DAY, text: '30d' },
  LAST_90_DAYS: { ms: 90 * DAY, text: '90d' },
} as const;

export type PostureWindow = keyof typeof WINDOWS;
export const POSTURE_WINDOWS = Object.keys(WINDOWS) as PostureWindow[];

export interface PostureRequest extends ViewRequest {
  readonly controls: readonly ControlDefinition[];
  readonly windows: readonly PostureWindow[];
  /** The wall clock: what should have been collected by now. */
  readonly now: Instant;
  /** Aborts the evaluation, for all who wait for it. */
  readonly signal?: AbortSignal | undefined;
}

/** The state of one control for one window: the result of a report of that period. */
export interface ControlState {
  readonly window: PostureWindow;
  readonly result: EvaluatedControl;
  /** Until when it is valid unless a poll returns new data; `null` while a poll is late. */
  readonly validUntil: Instant | null;
}

export interface PostureFacts {
  readonly integrations: readonly string[];
  readonly states: readonly ControlState[];
}

interface WindowEnd {
  readonly to: Instant;
  readonly validUntil: Instant | null;
}

/**
 * Where a window up to now ends for some controls: at the newest instant up to which all streams that they need are
 * collected. A stream that is late, or was not polled in time since then, moves the end to where that shows: otherwise
 * a collection that has stopped would keep its last good state.
 */
export async function windowEnds(
  store: HistoryStore,
  request: Omit<PostureRequest, 'controls' | 'windows'>,
): Promise<(controls: readonly ControlDefinition[]) => WindowEnd> {
  const { pin, rules } = request;
  const names = request.integrations ?? (await knownIntegrations(store));
  const widths = names.flatMap((name) => {
    const thresholds = thresholdsFor(rules, name);
    return RESOURCES.map((resource) => mostBetweenPolls(thresholds, resource) + thresholds.ingestionLag);
  });
  const recent = { from: shift(pin.at, -2 * Math.max(0, ...widths)), to: pin.at };
  const ledgers = await readLedgers(store, pin, names, [recent], rules);
  const streams = ledgers.flatMap((ledger) => (ledger.isKnown ? ledger.factsOf(recent) : []));
  return (controls) => endOf(streams, controls, request);
}

function endOf(
  streams: readonly StreamFacts[],
  controls: readonly ControlDefinition[],
  { pin, rules, ...asked }: Omit<PostureRequest, 'controls' | 'windows'>,
): WindowEnd {
  const now = latest(asked.now, pin.at);
  const needed = licensedStreams(
    { streams },
    controls.flatMap((control) => control.needs),
  );
  // without any stream, the state of a control depends on the recording as a whole
  const isAny = needed.length === 0;
  const watched = (isAny ? streams.filter(({ licensed }) => licensed) : needed).map((facts) => {
    const { integration, resource } = facts.stream;
    const thresholds = thresholdsFor(rules, integration);
    const to = collectedTo(facts, dueBefore(pin.at, facts.stream, thresholds), pin.at);
    const mostMs = mostBetweenPolls(thresholds, resource) + thresholds.ingestionLag;
    return { facts, to, lateFrom: shift(to, mostMs), due: fullHour(shift(now, -mostMs)) };
  });
  if (watched.length === 0) return { to: pin.seq === 0 ? now : pin.at, validUntil: null };
  if (isAny) {
    const lateFrom = watched.map((each) => each.lateFrom).reduce(latest);
    if (lateFrom >= now) return { to: pin.at, validUntil: lateFrom };
    return { to: latest(fullHour(now), shift(pin.at, 1)), validUntil: null };
  }
  const base = watched.map(({ to }) => to).reduce(earliest);
  const late = watched.filter(({ lateFrom }) => lateFrom < now);
  const missed = watched.flatMap(({ facts }) => facts.missedPolls.filter(({ from }) => from >= base));
  const ends = [...late.map(({ to, due }) => latest(shift(to, 1), due)), ...missed.map(({ to }) => to)];
  return {
    to: ends.reduce(latest, base),
    validUntil: late.length > 0 ? null : watched.map(({ lateFrom }) => lateFrom).reduce(earliest),
  };
}

function collectedTo({ coverage }: StreamFacts, due: Instant, end: Instant): Instant {
  const gap = coverage.gaps.find(({ to, reason }) => to > due && reason !== 'OUT_OF_RETENTION');
  return gap ? latest(gap.from, due) : end;
}

/** So that the same late collection is not evaluated again with each request. */
function fullHour(at: Instant): Instant {
  return toInstant(Math.floor(toMillis(at) / HOUR) * HOUR);
}

/** Evaluates all windows in one walk through the records; the same view and rules are evaluated once. */
export async function evaluatePosture(store: HistoryStore, request: PostureRequest): Promise<PostureFacts> {
  const endOfControls = await windowEnds(store, request);
  const pairs = request.controls.flatMap((control) => {
    const { to, validUntil } = endOfControls([control]);
    return request.windows.map((window) => ({ control, window, validUntil, period: periodOf(window, to) }));
  });
  const shared = await evaluateShared(store, request, pairs);
  const states = shared.flatMap(({ result }, i): ControlState[] => {
    const { window, validUntil } = pairs[i] ?? {};
    return window ? [{ window, result, validUntil: validUntil ?? null }] : [];
  });
  return { integrations: shared[0]?.integrations ?? [], states };
}

/** The results for the windows before, for each state: as long, and ending where its window begins; in the same view. */
export async function evaluateBefore(
  store: HistoryStore,
  request: PostureRequest,
  states: readonly ControlState[],
): Promise<readonly EvaluatedControl[]> {
  const pairs = states.map(({ window, result: { control, period } }) => ({
    control: CONTROLS[control],
    period: periodOf(window, period.from),
  }));
  return (await evaluateShared(store, request, pairs)).map(({ result }) => result);
}

function periodOf(window: PostureWindow, to: Instant): Period {
  return spanOf(shift(to, -WINDOWS[window].ms), to);
}

interface Pair {
  readonly control: ControlDefinition;
  readonly period: Period;
}

/** The result of one control on one period, and the accounts that it is about. */
interface Shared {
  readonly integrations: readonly string[];
  readonly result: EvaluatedControl;
}

/** Those that no other caller has asked for in this view. All accounts are the only one if there is one. */
async function evaluateShared(
  store: HistoryStore,
  asked: PostureRequest,
  pairs: readonly Pair[],
): Promise<readonly Shared[]> {
  const names = asked.integrations ?? (await knownIntegrations(store));
  const request = { ...asked, integrations: names.length === 1 ? names : asked.integrations };
  const { pin, integrations, rules, credentials, signal } = request;
  const view = sha256(JSON.stringify([pin, integrations, rulesKey(rules), credentials]));
  const nameOf = (control: ControlId, { text }: Period) => `${control} ${text}`;
  const keys = pairs.map(({ control, period }) => `posture ${view} ${nameOf(control.id, period)}`);
  return evaluateEach(store, keys, async (places) => {
    const missing = places.flatMap((place) => pairs[place] ?? []);
    const periods = new Map(missing.map(({ period }) => [period.text, period]));
    const together = [...periods.values()].map((period) => ({
      period,
      controls: missing.flatMap((pair) => (pair.period.text === period.text ? pair.control : [])),
      keep: NONE,
    }));
    const evaluated = await evaluateTogether(store, request, together, { signal });
    const results = evaluated.evaluations.flatMap((evaluation) => evaluation.finish());
    const byName = new Map(results.map((result) => [nameOf(result.control, result.period), result]));
    return missing.flatMap(({ control, period }) => {
      const result = byName.get(nameOf(control.id, period));
      return result ? { integrations: evaluated.integrations, result } : [];
    });
  });
}

export type Direction = 'IMPROVING' | 'STEADY' | 'WORSENING';

/** The better verdict first; those that say nothing about the rule have no place. */
const RANKED: readonly EvaluatedControl['verdict'][] = ['PASS', 'FAIL'];

/** How a state moved since the window before; `null` if one of them decides nothing that can be compared. */
export function directionOf(now: EvaluatedControl, before: EvaluatedControl): Direction | null {
  const [rank, rankBefore] = [RANKED.indexOf(now.verdict), RANKED.indexOf(before.verdict)];
  if (rank === -1 || rankBefore === -1) return null;
  if (rank !== rankBefore) return rank < rankBefore ? 'IMPROVING' : 'WORSENING';
  const { measure } = now.headline;
  const other = before.measures.find(({ name }) => name === measure?.name);
  if (!measure?.threshold || measure.value === null || !other || other.value === null) return 'STEADY';
  const change = measure.value - other.value;
  if (change === 0) return 'STEADY';
  return change > 0 === (measure.threshold.bound === 'AT_LEAST') ? 'IMPROVING' : 'WORSENING';
}

/** What would change a verdict, in words; `null` if the result does not say. */
export function changeText({ verdict, headline, population }: EvaluatedControl): string | null {
  const { measure, next } = headline;
  if (verdict === 'NOT_APPLICABLE') return next ?? `${population.unit} that belong to the window.`;
  if (verdict !== 'PASS' || !measure?.threshold) return next;
  const { value, bound } = measure.threshold;
  const side = bound === 'AT_LEAST' ? 'below' : 'above';
  return `“${measure.name}” ${side} ${measureText(measure.unit, value)}; it is ${headlineText(measure)} now.`;
}
