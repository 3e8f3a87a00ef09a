import { DAY } from '../values/instant.js';
import {
  campaignChanges,
  campaignCourse,
  campaignDetail,
  mailReceived,
  RECEIVED_BEFORE,
  REPORT_REACH,
  reportAt,
} from './campaign-course.js';
import {
  type CaseCourse,
  CHANGE_REACH,
  caseAnalysis,
  caseAt,
  caseCourse,
  caseDetail,
  caseItem,
  VISIBLE_REACH,
  visibleTime,
} from './case-course.js';
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
import { caseNumbers, hash32, type Ids, unit, uuids } from './random.js';
import { candidates, FATES, type Schedule } from './schedule.js';
import {
  ACTION_REACH,
  changesOf,
  latestAction,
  RECEIVED_REACH,
  threatCourse,
  visibleFrom,
} from './threat-course.js';
import { type LogRow, logRows } from './threat-log.js';
import {
  attachmentsOf,
  type DetailPage,
  isGiven,
  isReceivedWithin,
  linksOf,
  type ThreatView,
  threatPage,
  threatView,
  wholeThreat,
} from './threat-messages.js';
import { heldInteger, MAX_LAG, type TimeWindow, wireInteger, wireJson } from './wire.js';

/** One filter key: the records that may be in a window, and those that are. */
interface Key {
  /** How long after its arrival a record may still move in this key, by fate. */
  readonly reach: readonly number[];
  /** How long before its arrival the key's time may be. */
  readonly before: number;
  isWithin(index: number, window: TimeWindow, at: number): boolean;
}

interface KindModel {
  readonly ids: Ids;
  readonly schedule: Schedule;
  readonly keys: Readonly<Record<string, Key>>;
  isListed(index: number, at: number): boolean;
  /** The instants of its changes, oldest first, beginning with its appearance. */
  changes(index: number): number[];
  row(index: number, at: number): unknown;
  /** The detail as sent; `null`: 404. */
  detail(index: number, at: number, page: DetailPage): unknown;
  /** The content of a complete reading; `null`: 404. */
  whole(index: number, at: number): unknown;
}

export type Kinds = Readonly<Record<Resource, KindModel>>;

const AT_ARRIVAL = Array.from({ length: FATES }, () => 0);

export function createKinds(world: TenantWorld): Kinds {
  const threats = threatModel(world);
  return { threats, cases: caseModel(world, threats.ids), campaigns: campaignModel(world) };
}

function isIn(time: number, { from, to, inclusive }: TimeWindow): boolean {
  return time >= from && (inclusive ? time <= to : time < to);
}

function threatModel(world: TenantWorld): KindModel {
  const ids = uuids(hash32(world.seed, 101), world.threats.count);
  const isUndoneListed = (index: number) => unit(world.seed, 102, index) < world.shares.undoneRelists;
  return {
    ids,
    schedule: world.threats,
    keys: {
      receivedTime: {
        reach: RECEIVED_REACH,
        before: 0,
        isWithin: (index, { from, to, inclusive }, at) =>
          isReceivedWithin(world, threatCourse(world, index), from, inclusive ? to + 1 : to, at),
      },
      latestTimeRemediated: {
        reach: ACTION_REACH,
        before: 0,
        isWithin(index, window, at) {
          const time = latestAction(threatCourse(world, index), at, isUndoneListed(index));
          return time !== null && isIn(time, window);
        },
      },
    },
    isListed: (index, at) => visibleFrom(threatCourse(world, index)) <= at,
    changes: (index) => changesOf(threatCourse(world, index)),
    row: (index) => ({ threatId: ids.of(index) }),
    detail(index, at, page) {
      const view = threatView(world, ids.of(index), index, at, wireInteger);
      return isGiven(view) ? threatPage(view, page) : null;
    },
    whole(index, at) {
      const view = threatView(world, ids.of(index), index, at, heldInteger);
      return isGiven(view) ? wholeThreat(view) : null;
    },
  };
}

function caseModel(world: TenantWorld, threats: Ids): KindModel {
  const ids = caseNumbers(hash32(world.seed, 103), world.cases.count);
  const key = (
    reach: readonly number[],
    timeOf: (course: CaseCourse, at: number) => number | undefined,
  ): Key => ({
    reach,
    before: 0,
    isWithin: (index, window, at) => isIn(timeOf(caseCourse(world, index), at) ?? Number.NaN, window),
  });
  const at = <T>(index: number, time: number, make: (course: CaseCourse, id: string) => T): T | null => {
    const course = caseCourse(world, index);
    return caseAt(course, time) ? make(course, ids.of(index)) : null;
  };
  const stateOf = (course: CaseCourse, time: number) => caseAt(course, time) ?? course.states[0];
  return {
    ids,
    schedule: world.cases,
    keys: {
      lastModifiedTime: key(CHANGE_REACH, (course, time) => caseAt(course, time)?.time),
      createdTime: key(
        AT_ARRIVAL.map(() => 1000),
        (course) => course.states[0].time,
      ),
      customerVisibleTime: key(
        AT_ARRIVAL.map(() => VISIBLE_REACH + 1000),
        (course) => visibleTime(world, course),
      ),
    },
    isListed: (index, time) => caseAt(caseCourse(world, index), time) !== null,
    changes: (index) => caseCourse(world, index).states.map((state) => state.visibleAt),
    row: (index, time) => at(index, time, (course, id) => caseItem(world, id, course, stateOf(course, time))),
    detail: (index, time) =>
      at(index, time, (course, id) => caseDetail(world, id, course, stateOf(course, time), threats)),
    whole: (index, time) =>
      at(index, time, (course, id) => ({
        item: caseItem(world, id, course, stateOf(course, time)),
        detail: caseDetail(world, id, course, stateOf(course, time), threats),
      })),
  };
}

function campaignModel(world: TenantWorld): KindModel {
  const ids = uuids(hash32(world.seed, 104), world.campaigns.count);
  const isListed = (index: number, at: number) => reportAt(campaignCourse(world, index), at) !== null;
  const detail = (index: number, at: number) => {
    const course = campaignCourse(world, index);
    return reportAt(course, at) ? campaignDetail(world, ids.of(index), course, at) : null;
  };
  return {
    ids,
    schedule: world.campaigns,
    keys: {
      lastReportedTime: {
        reach: REPORT_REACH,
        before: 0,
        isWithin: (index, window, at) =>
          isIn(reportAt(campaignCourse(world, index), at)?.time ?? Number.NaN, window),
      },
      receivedTime: {
        reach: AT_ARRIVAL,
        before: RECEIVED_BEFORE,
        isWithin: (index, window) => isIn(mailReceived(world, campaignCourse(world, index)), window),
      },
    },
    isListed,
    changes: (index) => campaignChanges(campaignCourse(world, index)),
    row: (index) => ({ campaignId: ids.of(index) }),
    detail,
    whole: detail,
  };
}

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
