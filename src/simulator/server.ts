import type { IncomingHttpHeaders } from 'node:http';
import type { Resource } from '../model/kind.js';
import type { FaultPlan } from './faults.js';
import type { SimulatorStats } from './stats.js';
import type { Tenant } from './tenant.js';

export interface SimulatorOptions {
  readonly tenant: Tenant;
  /** Ms since the epoch: the only clock that decides what is visible, what is too many and what is too old. */
  readonly clock: () => number;
  /** 0, the default: any free port. */
  readonly port?: number;
  /** The bearer token that is accepted; default `simulated-token`. */
  readonly token?: string;
  /** Left out: no limits. */
  readonly limits?: SimulatorLimits;
  readonly faults?: FaultPlan;
  /** Where campaigns are found; the other path answers 404, and with `none` both do. Default `/abusecampaigns`. */
  readonly campaignsPath?: '/abusecampaigns' | '/abuse-mailbox/campaigns' | 'none';
  /** Windows that begin earlier than so many days ago are answered with 400. Default: no retention. */
  readonly retentionDays?: number;
  /** Every answer waits so many ms of real time, so that requests overlap. Default 0. */
  readonly latencyMs?: number;
  /** Sees every request as it arrives. */
  readonly onRequest?: (request: SeenRequest) => void;
  /** A line for each request, for a person. */
  readonly log?: (line: string) => void;
}

export interface SimulatorLimits {
  /** Requests in any 60 s of the clock; the next is answered with 429. */
  readonly rpm?: number;
  /** Requests in flight for each resource. */
  readonly concurrency?: number;
  /** Whether a 429 says when to come back; `alternate` says so every other time. Default `seconds`. */
  readonly retryAfter?: 'none' | 'seconds' | 'date' | 'alternate';
}

export interface SeenRequest {
  readonly at: number;
  readonly method: string;
  /** Path and query as received. */
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
  readonly resource: Resource | null;
}

export interface Simulator {
  /** Ends with `/v1`. */
  readonly baseUrl: string;
  readonly token: string;
  stats(): SimulatorStats;
  /** Starts counting anew. */
  resetStats(): void;
  /** Replaces the plan; the counts of its rules begin at nought. */
  setFaults(plan: FaultPlan | null): void;
  /** Cuts every connection and stops. */
  close(): Promise<void>;
}

/** Serves a tenant on the loopback interface as Abnormal's API would. */
export async function startSimulator(options: SimulatorOptions): Promise<Simulator> {
  throw new Error(`not yet: ${options.port}`);
}
