import { z } from 'zod';
import type { CaseAnalysis, TimelineEvent } from '../../model/records.js';
import { decode, type Received, undecodable, unreadTimes } from './decode.js';
import { instant, isRecord, term, text, word } from './scalars.js';
import type { Decoded } from './threat.js';

export const placeShape = { city: word, state: word, country: word };
export const insightShape = { signal: text, description: text };

const placeSchema = z
  .union([z.string(), z.object(placeShape)])
  .nullish()
  .transform((place) => {
    if (typeof place === 'string') return place.trim() === '' ? null : place;
    const parts = [place?.city, place?.state, place?.country].filter((part) => typeof part === 'string');
    return parts.length > 0 ? parts.join(', ') : null;
  });

/** What events of all kinds have in common. They carry no mark of their kind, so the rest is kept by name. */
export const eventSchema = z.object({
  event_timestamp: instant,
  category: term,
  title: text,
  description: text,
  ip_address: word,
  location: placeSchema,
  prev_location: placeSchema,
});

export const caseAnalysisSchema = z.object({
  insights: z.array(z.object(insightShape)).nullish(),
  eventTimeline: z.array(eventSchema).nullish(),
});

export function decodeCaseAnalysis(caseId: string, detail: Received): Decoded<CaseAnalysis> {
  const what = `the analysis of the case ${caseId}`;
  const raw = decode(caseAnalysisSchema, detail, what);
  const json = isRecord(detail.json) ? detail.json : {};
  // either may be missing, but without both it is some other answer, not an analysis that found nothing
  if (!('insights' in json) && !('eventTimeline' in json)) {
    throw undecodable(detail, what, 'it has neither insights nor eventTimeline');
  }
  const rawEvents = Array.isArray(json.eventTimeline) ? json.eventTimeline : [];
  const events = (raw.eventTimeline ?? []).map((event, index) => toEvent(event, rawEvents[index]));
  return {
    record: { caseId, insights: raw.insights ?? [], events },
    payload: detail.json,
    unread: rawEvents.flatMap((event, index) =>
      unreadTimes(eventSchema.shape, event, `eventTimeline.${index}.`),
    ),
  };
}

function toEvent(event: z.infer<typeof eventSchema>, raw: unknown): TimelineEvent {
  const rest = Object.entries(isRecord(raw) ? raw : {}).filter(
    ([name]) => !Object.hasOwn(eventSchema.shape, name),
  );
  return {
    time: event.event_timestamp,
    categoryRaw: event.category,
    title: event.title,
    description: event.description,
    ipAddress: event.ip_address,
    location: event.location,
    previousLocation: event.prev_location,
    details: Object.fromEntries(rest),
  };
}
