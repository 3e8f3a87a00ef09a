import { changeDocument, type DocumentAccess } from '../history/store-access.js';
import type { Log } from '../log.js';
import {
  addDrift,
  type DriftKind,
  type DriftSighting,
  type DriftTally,
  driftOf,
  driftText,
  MOST_NAMES,
  NO_DRIFT,
} from '../model/drift.js';
import type { Instant } from '../values/instant.js';
import type { DriftLog, SyncObserver } from './context.js';

interface DriftOptions {
  readonly store: DocumentAccess;
  readonly log: Log;
  readonly observer?: Pick<SyncObserver, 'drifted'> | undefined;
}

interface Counted {
  pending: DriftTally;
  written: ReadonlySet<string>;
  hasNews: boolean;
  writing: Promise<void>;
}

function newCounted(): Counted {
  return { pending: NO_DRIFT, written: new Set(), hasNews: false, writing: Promise.resolve() };
}

const ANNOUNCED: Readonly<Record<DriftKind, string>> = {
  FIELD: 'Abnormal sends an unknown field',
  VALUE: 'Abnormal sends an unknown value',
  UNREADABLE: 'Abnormal sends a value that cannot be read',
};

export function createDriftLog({ store, log, observer }: DriftOptions): DriftLog {
  const counted = new Map<string, Counted>();

  function countedOf(integration: string): Counted {
    const known = counted.get(integration) ?? newCounted();
    counted.set(integration, known);
    return known;
  }

  function note(integration: string, sightings: readonly DriftSighting[], at: Instant): void {
    if (sightings.length === 0) return;
    const own = countedOf(integration);
    const seen = { count: 1, firstSeenAt: at, lastSeenAt: at };
    const names = sightings.map((sighting) => ({ ...sighting, ...seen }));
    own.pending = addDrift(own.pending, { names, beyond: 0 });
    own.hasNews ||= own.written.size < MOST_NAMES && names.some((name) => !own.written.has(driftText(name)));
  }

  function write(integration: string): Promise<void> {
    const own = countedOf(integration);
    own.writing = own.writing.then(() => writeOnce(integration, own));
    return own.writing;
  }

  /** Counts made meanwhile wait for the next write. */
  async function writeOnce(integration: string, own: Counted): Promise<void> {
    const { pending } = own;
    if (pending === NO_DRIFT) return;
    own.pending = NO_DRIFT;
    own.hasNews = false;
    try {
      const after = await merge(integration, pending);
      own.written = new Set(after.names.map(driftText));
    } catch (error) {
      own.pending = addDrift(pending, own.pending);
      log.warn({ err: error, integration }, 'unknown fields and values could not be recorded');
    }
  }

  async function merge(integration: string, pending: DriftTally): Promise<DriftTally> {
    let before = NO_DRIFT;
    let after = NO_DRIFT;
    await changeDocument(store, 'drift', integration, ({ body }) => {
      before = driftOf(body);
      after = addDrift(before, pending);
      return { ...after };
    });
    announce(integration, before, after);
    return after;
  }

  /** Each name is logged once, by the process that stored it first. */
  function announce(integration: string, before: DriftTally, after: DriftTally): void {
    const fresh = after.names.slice(before.names.length);
    for (const { kind, path, value } of fresh) {
      log.info({ integration, path, ...(value === null ? {} : { value }) }, ANNOUNCED[kind]);
    }
    if (after.beyond > 0 && before.beyond === 0) {
      log.info({ integration, most: MOST_NAMES }, 'no more unknown fields and values are recorded');
    }
    if (fresh.length > 0 || after.beyond > before.beyond) observer?.drifted?.(integration, after);
  }

  return {
    note,
    async writeNews(integration) {
      if (counted.get(integration)?.hasNews) await write(integration);
    },
    async write(integration) {
      const which = integration === undefined ? [...counted.keys()] : [integration];
      for (const name of which) await write(name);
    },
  };
}
