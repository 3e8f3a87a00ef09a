import type { FilterKey } from '../../../src/resources/registry.js';
import { campaignCourse, reportAt } from '../../../src/simulator/campaign-course.js';
import { caseAt, caseCourse } from '../../../src/simulator/case-course.js';
import {
  createTenantWorld,
  RESOURCE_OF,
  type TenantRecordKind,
  type TenantWorld,
} from '../../../src/simulator/options.js';
import type { Tenant } from '../../../src/simulator/tenant.js';
import { latestAction, threatCourse } from '../../../src/simulator/threat-course.js';
import { slotsAt } from '../../../src/simulator/threat-messages.js';
import { canonicalJson, sha256 } from '../../../src/values/canonical-json.js';
import { toMillis } from '../../../src/values/instant.js';

/** One version of one record, as the tenant shows it. */
export interface TrueVersion {
  /** Ms since the epoch. */
  readonly visibleFrom: number;
  /** `null`: its detail answers 404. */
  readonly digest: string | null;
  /** For a case, those of its two parts. */
  readonly parts: { readonly item: string; readonly detail: string } | null;
}

const KEY_KIND: Readonly<Record<string, TenantRecordKind>> = {
  receivedTime: 'threat',
  latestTimeRemediated: 'threat',
  lastModifiedTime: 'case',
  lastReportedTime: 'campaign',
};

/** What the tenant can say of itself at any instant: the truth that a history is held against. */
export class Oracle {
  private readonly world: TenantWorld;
  private readonly indexes = new Map<TenantRecordKind, Map<string, number>>();
  private readonly known = new Map<string, readonly TrueVersion[]>();

  constructor(readonly tenant: Tenant) {
    this.world = createTenantWorld(tenant.options);
  }

  versions(kind: TenantRecordKind, id: string): readonly TrueVersion[] {
    const name = `${kind} ${id}`;
    const versions = this.known.get(name) ?? this.tenant.versionsOf(kind, id).map(toTrueVersion);
    this.known.set(name, versions);
    return versions;
  }

  /** The number of a record among those of its kind; -1 for none of the tenant's. */
  indexOf(kind: TenantRecordKind, id: string): number {
    const known = this.indexes.get(kind) ?? new Map<string, number>();
    for (let index = known.size; index < this.tenant.count(kind); index += 1)
      known.set(this.tenant.idOf(kind, index), index);
    this.indexes.set(kind, known);
    return known.get(id) ?? -1;
  }

  /** The place of the version that is shown at `at`; -1 before the first. */
  placeAt(kind: TenantRecordKind, id: string, at: number): number {
    return this.versions(kind, id).findLastIndex(({ visibleFrom }) => visibleFrom <= at);
  }

  /** Where in a filter key the record stands at `at`, ms since the epoch; a threat in several places. */
  keyTimes(filterKey: FilterKey, index: number, at: number): number[] {
    const { world } = this;
    switch (filterKey) {
      case 'receivedTime':
        return [
          ...new Set(
            slotsAt({ world, course: threatCourse(world, index), at }).map(({ received }) => received),
          ),
        ];
      case 'latestTimeRemediated':
        return given(latestAction(threatCourse(world, index), at, true));
      case 'lastModifiedTime':
        return given(caseAt(caseCourse(world, index), at)?.time);
      case 'lastReportedTime':
        return given(reportAt(campaignCourse(world, index), at)?.time);
      default:
        return [];
    }
  }

  /** The first version to stand at `time` in the key, of those that have stood there ever since, until `at`. */
  firstPlaceWith(filterKey: FilterKey, index: number, time: number, at: number): number {
    const kind = kindOfKey(filterKey);
    const versions = this.versions(kind, this.tenant.idOf(kind, index));
    let place = this.placeAt(kind, this.tenant.idOf(kind, index), at);
    while (
      place > 0 &&
      this.keyTimes(filterKey, index, versions[place - 1]?.visibleFrom ?? 0).includes(time)
    ) {
      place -= 1;
    }
    return place;
  }
}

export function kindOfKey(filterKey: FilterKey): TenantRecordKind {
  const kind = KEY_KIND[filterKey];
  if (!kind) throw new Error(`no truth for ${filterKey}`);
  return kind;
}

export function resourceOfKey(filterKey: FilterKey) {
  return RESOURCE_OF[kindOfKey(filterKey)];
}

function given(time: number | null | undefined): number[] {
  return time === null || time === undefined ? [] : [time];
}

function toTrueVersion({ visibleFrom, payload }: { visibleFrom: string; payload: unknown }): TrueVersion {
  const digest = payload === null ? null : sha256(canonicalJson(payload));
  return { visibleFrom: toMillis(visibleFrom), digest, parts: partsOf(payload) };
}

/** The digests of a case's list item and of its detail; `null` for any other payload. */
export function partsOf(payload: unknown): { item: string; detail: string } | null {
  if (typeof payload !== 'object' || payload === null || !('item' in payload && 'detail' in payload))
    return null;
  return { item: sha256(canonicalJson(payload.item)), detail: sha256(canonicalJson(payload.detail)) };
}
