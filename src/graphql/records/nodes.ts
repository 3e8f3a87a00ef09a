import type { RevisionRecord } from '../../model/revision.js';
import type { ListedKind } from '../../resources/registry.js';
import { Campaign, CampaignConnection, campaignFilter, campaignOrder } from '../campaign/campaign.type.js';
import { Case, CaseConnection, caseFilter, caseOrder } from '../case/case.type.js';
import {
  Detection360Report,
  Detection360ReportConnection,
  detection360ReportFilter,
  detection360ReportOrder,
} from '../detection360-report/detection360-report.type.js';
import { type NodeSpec, recordQueries } from '../lists/list-records.js';
import type { View } from '../lists/view.js';
import {
  NotAnalyzedMessage,
  NotAnalyzedMessageConnection,
  notAnalyzedMessageFilter,
  notAnalyzedMessageOrder,
} from '../not-analyzed-message/not-analyzed-message.type.js';
import {
  PortalAuditLog,
  PortalAuditLogConnection,
  portalAuditLogFilter,
  portalAuditLogOrder,
} from '../portal-audit-log/portal-audit-log.type.js';
import { Threat, ThreatConnection, threatFilter, threatOrder } from '../threat/threat.type.js';
import {
  VendorCase,
  VendorCaseConnection,
  vendorCaseFilter,
  vendorCaseOrder,
} from '../vendor-case/vendor-case.type.js';
import type { RecordNode } from './record.type.js';

/** Each listed kind: its node and its connection, and how its list is filtered and ordered. */
export const NODES = {
  threat: {
    ...{ kind: 'threat', Node: Threat, Connection: ThreatConnection },
    ...{ filter: threatFilter, order: threatOrder },
  },
  case: { kind: 'case', Node: Case, Connection: CaseConnection, filter: caseFilter, order: caseOrder },
  campaign: {
    ...{ kind: 'campaign', Node: Campaign, Connection: CampaignConnection },
    ...{ filter: campaignFilter, order: campaignOrder },
  },
  vendorCase: {
    ...{ kind: 'vendorCase', Node: VendorCase, Connection: VendorCaseConnection },
    ...{ filter: vendorCaseFilter, order: vendorCaseOrder },
  },
  notAnalyzedMessage: {
    ...{ kind: 'notAnalyzedMessage', Node: NotAnalyzedMessage, Connection: NotAnalyzedMessageConnection },
    ...{ filter: notAnalyzedMessageFilter, order: notAnalyzedMessageOrder },
  },
  detection360Report: {
    ...{ kind: 'detection360Report', Node: Detection360Report, Connection: Detection360ReportConnection },
    ...{ filter: detection360ReportFilter, order: detection360ReportOrder },
  },
  portalAuditLog: {
    ...{ kind: 'portalAuditLog', Node: PortalAuditLog, Connection: PortalAuditLogConnection },
    ...{ filter: portalAuditLogFilter, order: portalAuditLogOrder },
  },
} as const satisfies { readonly [K in ListedKind]: NodeSpec<K, RecordNode<K>> };

export function toRecordNode(revision: RevisionRecord<ListedKind>, view: View): RecordNode {
  const { Node } = NODES[revision.key.kind];
  return new (Node as new (revision: RevisionRecord, view: View) => RecordNode)(revision, view);
}

/** The resolvers of the root fields of all kinds. */
export const RECORD_QUERIES = Object.values(NODES).map((spec) =>
  recordQueries(spec as NodeSpec<ListedKind, RecordNode>),
);
