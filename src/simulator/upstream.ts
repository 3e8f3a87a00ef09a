import { DAY } from '../values/instant.js';
import { caseAnalysis, caseAt, caseCourse } from './case-course.js';
import type { Kinds } from './kinds.js';
import {
  auditLogs,
  detectionReports,
  type InquiryType,
  notAnalyzed,
  type SmallList,
  vendorCaseBy,
  vendorCases,
} from './more-lists.js';
import type { Resource, TenantWorld } from './options.js';
import { unit } from './random.js';
import { candidates } from './schedule.js';
import { type LogRow, logRows } from './threat-log.js';
import { type ThreatView, threatView } from './threat-messages.js';
import { attachmentsOf, type DetailPage, isGiven, linksOf } from './threat-payload.js';
import { MAX_LAG, type TimeWindow, wireInteger, wireJson } from './wire.js';

/** The tenant as visible at an instant (`at`, ms since the epoch); bodies are JSON text. */
export interface Upstream {
  /** The records in the window, by index, in the order of the API's pages; `null`: unknown key. */
  list(resource: Resource, key: string, window: TimeWindow, at: number): number[] | null;
  /** The list without a filter, at most 100: of campaigns only those reported in the last day. */
  top(resource: Resource, at: number): number[];
  row(resource: Resource, index: number, at: number): string;
  /** `null`: 404. */
  detail(resource: Resource, id: string, at: number, page: DetailPage): string | null;
  analysis(caseId: string, at: number): string | null;
  attachments(threatId: string, at: number): string | null;
  links(threatId: string, at: number): string | null;
  reports(type: InquiryType): SmallList;
  readonly notAnalyzed: SmallList;
  readonly auditLogs: SmallList;
  readonly vendorCases: SmallList;
  vendorCase(id: string, at: number): string | null;
  /** Newest first. */
  log(window: TimeWindow, at: number): LogRow[];
  /** Whether the last page of the list that began with `index` contains `"nextPageNumber": null`. */
  saysNull(index: number): boolean;
}

const TOP = 100;

export function createUpstream(world: TenantWorld, kinds: Kinds): Upstream {
  const list = (resource: Resource, key: string, window: TimeWindow, at: number): number[] | null => {
    const { keys } = kinds[resource];
    const spec = Object.hasOwn(keys, key) ? keys[key] : undefined;
    if (!spec) return null;
    const { schedule, isListed, ids } = kinds[resource];
    const to = Math.min(window.to, at) + spec.before;
    return candidates(schedule, world.seed, window.from, to, spec.reach)
      .filter((index) => isListed(index, at) && spec.isWithin(index, window, at))
      .sort((a, b) => ids.rank(b) - ids.rank(a));
  };
  const ofThreat = (id: string, at: number, bodyOf: (view: ThreatView) => object): string | null => {
    const index = kinds.threats.ids.indexOf(id);
    const view = index === null ? null : threatView(world, id, index, at, wireInteger);
    return view && isGiven(view) ? wireJson(bodyOf(view)) : null;
  };
  return {
    list,
    top: (resource, at) => top(kinds, list, resource, at),
    row: (resource, index, at) => wireJson(kinds[resource].row(index, at)),
    detail(resource, id, at, page) {
      const index = kinds[resource].ids.indexOf(id);
      const body = index === null ? null : kinds[resource].detail(index, at, page);
      return body === null ? null : wireJson(body);
    },
    analysis(id, at) {
      const index = kinds.cases.ids.indexOf(id);
      const course = index === null ? null : caseCourse(world, index);
      return course && caseAt(course, at) ? wireJson(caseAnalysis(world, course, at)) : null;
    },
    attachments: (id, at) => ofThreat(id, at, attachmentsOf),
    links: (id, at) => ofThreat(id, at, linksOf),
    reports: (type) => detectionReports(world, type),
    notAnalyzed: notAnalyzed(world),
    auditLogs: auditLogs(world),
    vendorCases: vendorCases(world, kinds.threats.ids),
    vendorCase(id, at) {
      const found = vendorCaseBy(world, id, at, kinds.threats.ids);
      return found && wireJson(found.body);
    },
    log: (window, at) =>
      (list('threats', 'receivedTime', window, at) ?? [])
        .flatMap((index) =>
          logRows(threatView(world, kinds.threats.ids.of(index), index, at, wireInteger), window),
        )
        .sort((a, b) => b.received - a.received)
        .map(({ row }) => row),
    saysNull: (index) => unit(world.seed, 111, index) < world.shares.nullNextPage,
  };
}

function top(kinds: Kinds, list: Upstream['list'], resource: Resource, at: number): number[] {
  if (resource === 'campaigns') {
    const window = { from: at - DAY, to: at, inclusive: true };
    return (list('campaigns', 'lastReportedTime', window, at) ?? []).slice(0, TOP);
  }
  const { schedule, ids, isListed } = kinds[resource];
  const newest: number[] = [];
  for (let index = schedule.range(at - MAX_LAG, at).last; index >= 0 && newest.length < TOP; index--) {
    if (isListed(index, at)) newest.push(index);
  }
  return newest.sort((a, b) => ids.rank(b) - ids.rank(a));
}
