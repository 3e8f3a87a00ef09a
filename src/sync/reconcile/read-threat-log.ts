import { type UpstreamCode, UpstreamError } from '../../abnormal/errors.js';
import type { Window } from '../../model/ledger.js';
import { DAY, shift } from '../../values/instant.js';
import { ceilToSecond, widthOf } from '../../values/window.js';
import { callOptions } from '../pass.js';
import type { Inspection, Sighting } from './inspection.js';

/** What the export of the threat log says of a window. */
export interface LogReading {
  readonly sightings: ReadonlyMap<string, Sighting>;
  /** Its rows, one for each message. */
  readonly messages: number;
  /** Those that name no threat that could be asked for. */
  readonly nameless: number;
  /** Whether it has a column for the threat at all. */
  readonly namesThreats: boolean;
}

/** What a narrower window may cure. */
const TOO_MUCH: readonly UpstreamCode[] = ['TOO_LARGE', 'BAD_REQUEST'];
const NARROWEST = DAY;

/** Reads the export of a window, in parts where it is more than Abnormal gives or the client takes at once. */
export async function readThreatLog(inspection: Inspection, window: Window): Promise<LogReading> {
  try {
    return await readPart(inspection, window);
  } catch (error) {
    const isTooMuch = error instanceof UpstreamError && TOO_MUCH.includes(error.code);
    if (!isTooMuch || widthOf(window) <= NARROWEST) throw error;
    const middle = shift(window.from, ceilToSecond(widthOf(window) / 2));
    const newer = await readThreatLog(inspection, { from: middle, to: window.to });
    return joined(newer, await readThreatLog(inspection, { from: window.from, to: middle }));
  }
}

async function readPart(inspection: Inspection, span: Window): Promise<LogReading> {
  const { rows, namesThreats } = await inspection.account.client.threatLog(span, callOptions(inspection));
  // an end may count or not, and a filter may be ignored: what says when it was goes by that
  const within = rows.filter(
    ({ receivedTime: time }) => time === null || (time >= span.from && time < span.to),
  );
  const sightings = new Map<string, Sighting>();
  for (const { threatId, receivedTime: time } of within) {
    if (threatId !== null && !sightings.get(threatId)?.time) sightings.set(threatId, { span, time });
  }
  const nameless = within.filter(({ threatId }) => threatId === null).length;
  return { sightings, messages: within.length, nameless, namesThreats };
}

function joined(a: LogReading, b: LogReading): LogReading {
  return {
    sightings: new Map([...b.sightings, ...a.sightings]),
    messages: a.messages + b.messages,
    nameless: a.nameless + b.nameless,
    namesThreats: a.namesThreats && b.namesThreats,
  };
}
