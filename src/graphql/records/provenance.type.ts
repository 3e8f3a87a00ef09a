import { ID, ObjectType } from 'type-graphql';
import type { Revision } from '../../model/revision.js';
import { earliest, type Instant } from '../../values/instant.js';
import { DateTime } from '../base/date-time.scalar.js';
import { describedEnum } from '../base/described-enum.js';
import { PlainField } from '../base/plain-field.js';
import type { View } from '../lists/view.js';

export type Source = 'RECORDED' | 'LIVE' | 'SIMULATED';

export const Source = describedEnum<Source>('Source', 'Where a record’s data come from.', {
  RECORDED: 'From the history.',
  LIVE: 'Abnormal was read while the caller waited, and what it said was recorded first. A reading that several callers waited for is live for each of them.',
  SIMULATED: 'From the built-in simulated tenant: no real data, however it was read.',
});

@ObjectType({ simpleResolvers: true, description: 'Where a record’s data come from, and how sure they are.' })
export class Provenance {
  constructor(
    private readonly revision: Revision,
    private readonly view: View,
  ) {}

  @PlainField(() => ID, { description: 'The integration, by name: the Abnormal account it was read from.' })
  get integration(): string {
    return this.revision.key.integration;
  }

  @PlainField(() => Source, {
    description: 'Whether it was recorded before, read for this answer, or made up.',
  })
  get source(): Source {
    if (this.revision.origin === 'SIMULATED') return 'SIMULATED';
    return isReadFor(this.view, this.revision) ? 'LIVE' : 'RECORDED';
  }

  @PlainField(() => DateTime, {
    description: 'When the gateway first saw this version, in its own time (UTC).',
  })
  get observedAt(): Instant {
    return this.revision.observedFrom;
  }

  @PlainField(() => DateTime, {
    description:
      'When Abnormal last gave this very version. With `asOf` it may be later than that instant: the version is then confirmed on both sides of it.',
  })
  get verifiedAt(): Instant {
    return this.revision.verifiedAt;
  }

  @PlainField(() => String, {
    description:
      'SHA-256 in hex of what Abnormal sent, as canonical JSON (RFC 8785). Equal digests are one version.',
  })
  get digest(): string {
    return this.revision.digest;
  }

  @PlainField(() => ID, { description: 'The run that first saw this version.' })
  get runId(): string {
    return this.revision.runId;
  }

  @PlainField(() => Boolean, {
    description: 'True when Abnormal could not be asked and this is older than the answer was to be.',
  })
  get stale(): boolean {
    return this.view.freshness?.stale ?? false;
  }

  @PlainField(() => String, { nullable: true, description: 'Why it is stale, for a person.' })
  get staleReason(): string | null {
    return this.view.freshness?.stale ? this.view.freshness.reason : null;
  }
}

/** Whether the caller waited for the reading that confirmed the version, whichever caller began it. */
function isReadFor({ freshness, requestedAt }: View, { verifiedAt }: Revision): boolean {
  if (freshness === null || freshness.stale || !freshness.live) return false;
  return verifiedAt >= earliest(freshness.readSince ?? requestedAt, requestedAt);
}
