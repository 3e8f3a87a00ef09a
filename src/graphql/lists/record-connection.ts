import { Ctx, Field, ObjectType } from 'type-graphql';
import type { Instant } from '../../values/instant.js';
import { DateTime } from '../base/date-time.scalar.js';
import { upstreamErrorCode } from '../base/errors.js';
import { PlainField } from '../base/plain-field.js';
import { CoverageReport, FreshnessReport } from '../collection/coverage.type.js';
import type { GatewayContext, Means } from '../request/services.js';
import { connectionOf } from './connection.js';
import type { Page } from './page.js';
import type { View } from './view.js';

/** Works out the coverage of what a list answers; `null` where that is no window of time. */
export type ReadCoverage = (means: Means) => Promise<CoverageReport | null>;

/** The connection of a record type: a page, and what can be said of its view and its completeness. */
export function recordConnectionOf<T extends object>(nodeType: () => object, name: string) {
  @ObjectType({ simpleResolvers: true, description: `A page of a list of ${name}.` })
  class RecordConnection extends connectionOf<T>(nodeType, name) {
    constructor(
      page: Page<T>,
      readonly view: View,
      private readonly readCoverage: ReadCoverage,
    ) {
      super(page);
    }

    @PlainField(() => DateTime, {
      description:
        'The instant whose state this page shows, in the gateway’s time (UTC): the last recording it includes. All pages of a walk have the same; asked for as `asOf`, the same is seen again.',
    })
    get asOf(): Instant {
      return this.view.asOf;
    }

    @Field(() => CoverageReport, {
      nullable: true,
      description:
        'Whether all there is in the window of this list was collected. The window is the filter’s on the time that the resource is collected by, else from where the collection begins until now (or `asOf`). Null for the threats of a case: `missingThreatIds` names what is not held.',
    })
    coverage(@Ctx() context: GatewayContext): Promise<CoverageReport | null> {
      return this.readCoverage(context.means);
    }

    @PlainField(() => FreshnessReport, {
      nullable: true,
      description: 'How fresh it is. Null with `asOf`, and on pages after the first, which repeat its view.',
    })
    get freshness(): FreshnessReport | null {
      return toReport(this.view);
    }
  }

  return RecordConnection;
}

function toReport({ freshness }: View): FreshnessReport | null {
  if (freshness === null) return null;
  const { stale, verifiedAt } = freshness;
  if (!freshness.stale) return { stale, verifiedAt, live: freshness.live, code: null, reason: null };
  return { stale, verifiedAt, live: true, code: upstreamErrorCode(freshness.code), reason: freshness.reason };
}
