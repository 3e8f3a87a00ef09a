import { z } from 'zod';
import { isRecord } from '../../values/filter.js';
import { type RecordBy, recordTable } from '../record-table.js';
import * as wire from '../wire.js';

export const placeShape = { city: wire.word, state: wire.word, country: wire.word };
export const insightShape = { signal: wire.text, description: wire.text };

const placeSchema = z.object(placeShape);

const place = wire.custom('a place', (value) => {
  if (typeof value === 'string') return value.trim() === '' ? null : value;
  const read = placeSchema.safeParse(value);
  if (!read.success) return null;
  const parts = [read.data.city, read.data.state, read.data.country].filter((part) => part !== null);
  return parts.length > 0 ? parts.join(', ') : null;
});

/** The common fields of all events. Events have no type, so all other fields are kept by name. */
const event = recordTable({
  time: ['event_timestamp', wire.instant],
  categoryRaw: ['category', wire.term],
  title: ['title', wire.text],
  description: ['description', wire.text],
  ipAddress: ['ip_address', wire.word],
  location: ['location', place],
  previousLocation: ['prev_location', place],
});
export const eventSchema = z.object(event.shape);

const insightSchema = z.object(insightShape);

export const caseAnalysisSchema = z.object({
  insights: z.array(z.unknown()).nullish(),
  eventTimeline: z.array(z.unknown()).nullish(),
});

export function decodeCaseAnalysis(caseId: string, detail: wire.Received): wire.Decoded<CaseAnalysis> {
  const what = `the analysis of the case ${caseId}`;
  const raw = wire.decode(caseAnalysisSchema, detail, what);
  const json = isRecord(detail.json) ? detail.json : {};
  // one may be missing, but without both it is another response
  if (!('insights' in json) && !('eventTimeline' in json)) {
    throw wire.undecodable(detail, what, 'it has neither insights nor eventTimeline');
  }
  const insights = wire.decodeEach(insightSchema, raw.insights ?? [], 'insights', (item, path) =>
    wire.unreadParts(insightShape, item, path),
  );
  const events = wire.decodeEach(eventSchema, raw.eventTimeline ?? [], 'eventTimeline', (item, path) =>
    wire.unreadParts(eventSchema.shape, item, path, { location: placeShape, prev_location: placeShape }),
  );
  return {
    record: {
      caseId,
      insights: insights.read.map(({ value }) => value),
      events: events.read.map(({ value, raw }) => ({ ...event.toRecord(value), details: detailsOf(raw) })),
    },
    payload: detail.json,
    unread: [...insights.unread, ...events.unread],
  };
}

function detailsOf(raw: unknown): Record<string, unknown> {
  const rest = Object.entries(isRecord(raw) ? raw : {}).filter(
    ([name]) => !Object.hasOwn(eventSchema.shape, name),
  );
  return Object.fromEntries(rest);
}

export interface CaseAnalysis {
  readonly caseId: string;
  readonly insights: readonly { readonly signal: string | null; readonly description: string | null }[];
  readonly events: readonly TimelineEventRecord[];
}

export interface TimelineEventRecord extends RecordBy<typeof event> {
  /** All other fields of the event, by Abnormal's names. */
  readonly details: Readonly<Record<string, unknown>>;
}
