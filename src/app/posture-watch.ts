import { Rested } from '../async/waiting.js';
import { knownIntegrations } from '../evidence/evaluate-period.js';
import { evaluatePosture, POSTURE_WINDOWS, WINDOWS } from '../evidence/posture.js';
import type { Log } from '../log.js';
import type { MeasuredState } from '../metrics/gauges.js';
import { rulesKey } from '../policy/policy.js';
import { earliest, HOUR, type Instant, shift } from '../values/instant.js';
import { postureRequest, type ReportServices } from './reports.js';

export type PostureWatch = ReturnType<typeof watchPosture>;

interface Known {
  readonly states: readonly MeasuredState[];
  readonly seq: number;
  readonly rules: string;
  readonly validUntil: Instant;
}

/** The states of each account by itself, for metrics. */
export function watchPosture(services: ReportServices & { readonly log: Log }) {
  const { clock, log } = services;
  const stop = new AbortController();
  const known = new Rested<Known>(clock);

  async function look(): Promise<Known> {
    try {
      return await evaluateAgain(services, known.last, stop.signal);
    } catch (error) {
      if (!stop.signal.aborted) log.warn({ err: error }, 'the states of the controls cannot be evaluated');
      throw error;
    }
  }

  return {
    /** The states that were evaluated last; begins another evaluation if they may have changed. Never waits. */
    states(): readonly MeasuredState[] {
      if (!stop.signal.aborted) known.begin(look);
      return known.last?.states ?? [];
    },
    async close(): Promise<void> {
      stop.abort();
      await known.underway?.catch(() => {});
    },
  };
}

/** What is known already, if nothing that it depends on has changed. */
async function evaluateAgain(
  services: ReportServices,
  known: Known | null,
  signal: AbortSignal,
): Promise<Known> {
  const { store } = services;
  const request = await postureRequest(services, { windows: POSTURE_WINDOWS }, (name) => name);
  const { pin, now } = request;
  const rules = rulesKey(request.rules);
  if (known?.seq === pin.seq && known.rules === rules && now <= known.validUntil) return known;
  const states: MeasuredState[] = [];
  // a collection that is late stays so, but the windows move
  let validUntil = shift(now, HOUR);
  for (const integration of await knownIntegrations(store)) {
    const posture = await evaluatePosture(store, { ...request, integrations: [integration], signal });
    for (const { window, result, validUntil: until } of posture.states) {
      states.push({
        integration,
        control: result.control,
        window: WINDOWS[window].text,
        verdict: result.verdict,
      });
      if (until !== null) validUntil = earliest(validUntil, until);
    }
  }
  return { states, seq: pin.seq, rules, validUntil };
}
