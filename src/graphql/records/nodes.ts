import type { RevisionRecord } from '../../model/revision.js';
import type { ListedKind } from '../../resources/registry.js';
import { campaignList } from '../campaign/campaign.type.js';
import { caseList } from '../case/case.type.js';
import { detection360ReportList } from '../detection360-report/detection360-report.type.js';
import type { NodeSpec } from '../lists/list-records.js';
import type { View } from '../lists/view.js';
import { notAnalyzedMessageList } from '../not-analyzed-message/not-analyzed-message.type.js';
import { portalAuditLogList } from '../portal-audit-log/portal-audit-log.type.js';
import { threatList } from '../threat/threat.type.js';
import { vendorCaseList } from '../vendor-case/vendor-case.type.js';
import type { RecordNode } from './record.type.js';

/** Each listed kind: its node and its connection, and how its list is filtered and ordered. */
export const NODES = {
  threat: threatList,
  case: caseList,
  campaign: campaignList,
  vendorCase: vendorCaseList,
  notAnalyzedMessage: notAnalyzedMessageList,
  detection360Report: detection360ReportList,
  portalAuditLog: portalAuditLogList,
} as const satisfies { readonly [K in ListedKind]: NodeSpec<K, RecordNode<K>> };

export function toRecordNode(revision: RevisionRecord<ListedKind>, view: View): RecordNode {
  const { Node } = NODES[revision.key.kind];
  return new (Node as new (revision: RevisionRecord, view: View) => RecordNode)(revision, view);
}
