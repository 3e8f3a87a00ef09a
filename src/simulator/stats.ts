import { SlidingMinute } from './limits.js';
import type { Resource } from './options.js';

/** The purpose of a request; later message pages are counted separately. */
export type PathKind =
  | `${Resource}.list`
  | `${Resource}.detail`
  | 'threats.messagePage'
  | 'threats.attachments'
  | 'threats.links'
  | 'threats.export'
  | 'cases.analysis'
  | 'detection360Reports.list'
  | 'notAnalyzedMessages.list'
  | 'portalAuditLogs.list'
  | 'vendorCases.list'
  | 'vendorCases.detail'
  | 'messages.remediation'
  | 'tokens'
  | 'other';

export interface SimulatorStats {
  /** Including refused ones. */
  readonly requests: number;
  /** By purpose, then by status; 0: no response. */
  readonly byKind: Readonly<Partial<Record<PathKind, Readonly<Record<number, number>>>>>;
  readonly byStatus: Readonly<Record<number, number>>;
  readonly faults: Readonly<Record<string, number>>;
  /** In any 60 s by the simulator's clock. */
  readonly maxPerMinute: number;
  /** The most concurrent requests per resource. */
  readonly maxConcurrency: Readonly<Record<Resource, number>>;
}

export class StatsRecorder {
  readonly #inFlight: Record<Resource, number> = { threats: 0, cases: 0, campaigns: 0 };
  #minute = new SlidingMinute();
  #counts = noCounts(this.#inFlight);

  arrived(resource: Resource | null, now: number): number {
    const { maxConcurrency, maxPerMinute } = this.#counts;
    this.#counts.requests++;
    this.#counts.maxPerMinute = Math.max(maxPerMinute, this.#minute.add(now));
    if (resource === null) return 0;
    const inFlight = ++this.#inFlight[resource];
    maxConcurrency[resource] = Math.max(maxConcurrency[resource], inFlight);
    return inFlight;
  }

  left(resource: Resource | null): void {
    if (resource !== null) this.#inFlight[resource]--;
  }

  answered(kind: PathKind, status: number): void {
    const { byKind, byStatus } = this.#counts;
    const counts = byKind[kind] ?? {};
    byKind[kind] = counts;
    counts[status] = (counts[status] ?? 0) + 1;
    byStatus[status] = (byStatus[status] ?? 0) + 1;
  }

  faulted(kind: string): void {
    const { faults } = this.#counts;
    faults[kind] = (faults[kind] ?? 0) + 1;
  }

  snapshot(): SimulatorStats {
    return structuredClone(this.#counts);
  }

  /** Resets everything except the requests in flight. */
  reset(): void {
    this.#minute = new SlidingMinute();
    this.#counts = noCounts(this.#inFlight);
  }
}

function noCounts(inFlight: Readonly<Record<Resource, number>>) {
  return {
    requests: 0,
    byKind: {} as Partial<Record<PathKind, Record<number, number>>>,
    byStatus: {} as Record<number, number>,
    faults: {} as Record<string, number>,
    maxPerMinute: 0,
    maxConcurrency: { ...inFlight },
  };
}
