import type { Resource } from '../model/kind.js';

/** What a request was for. Details of a later message page are counted apart. */
export type PathKind =
  | `${Resource}.list`
  | `${Resource}.detail`
  | 'threats.messagePage'
  | 'threats.attachments'
  | 'threats.links'
  | 'cases.analysis'
  | 'other';

export interface SimulatorStats {
  /** Every request that arrived, refused ones included. */
  readonly requests: number;
  /** By what they were for, then by status; 0 stands for those that were never answered. */
  readonly byKind: Readonly<Partial<Record<PathKind, Readonly<Record<number, number>>>>>;
  readonly byStatus: Readonly<Record<number, number>>;
  /** How often each kind of fault was played. */
  readonly faults: Readonly<Record<string, number>>;
  /** The most requests in any 60 s by the simulator's clock. */
  readonly maxPerMinute: number;
  /** The most requests in flight at once for each resource. */
  readonly maxConcurrency: Readonly<Record<Resource, number>>;
}
