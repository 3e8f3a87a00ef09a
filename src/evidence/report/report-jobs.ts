import type { HistoryStore, Pin } from '../../history/store.js';
import { DAY, earliest, type Instant, shift, toInstant, toMillis } from '../../values/instant.js';

/** What is remembered of a job that reports what came since its last report. */
export interface ReportJob {
  readonly name: string;
  /** Where its next report begins; `null` before its first. */
  readonly reportedTo: Instant | null;
  /** What the memory stands at. */
  readonly version: number;
}

const COLLECTION = 'settings';
const idOf = (name: string) => `report-job ${name}`;

/** What is remembered of the job of that name. */
export async function readJob(store: HistoryStore, name: string): Promise<ReportJob> {
  const document = await store.document(COLLECTION, idOf(name));
  const { reportedTo } = document?.body ?? {};
  return {
    name,
    reportedTo: typeof reportedTo === 'string' ? reportedTo : null,
    version: document?.version ?? 0,
  };
}

/**
 * What a job's next report is about: from the end of its last one, or the last whole day for its first, to the last
 * midnight (UTC) that is past at `until` and in the view. `null` while no whole day has passed.
 */
export function nextSpan(
  { reportedTo }: ReportJob,
  until: Instant,
  view: Pin,
): { readonly from: Instant; readonly to: Instant } | null {
  // nothing recorded, nothing to go on from
  if (view.seq === 0) return null;
  const to = midnightBefore(earliest(until, view.at));
  const from = reportedTo ?? shift(to, -DAY);
  return from < to ? { from, to } : null;
}

function midnightBefore(at: Instant): Instant {
  return toInstant(Math.floor(toMillis(at) / DAY) * DAY);
}

/** Remembers that a job has reported up to an instant. False when another run of it was faster. */
export function rememberJob(store: HistoryStore, job: ReportJob, reportedTo: Instant): Promise<boolean> {
  return store.putDocument(COLLECTION, idOf(job.name), { reportedTo }, job.version);
}
