import { campaignDefinition } from './campaign/campaign.js';
import { caseDefinition } from './case/case.js';
import { detection360ReportDefinition } from './detection360-report/detection360-report.js';
import { notAnalyzedMessageDefinition } from './not-analyzed-message/not-analyzed-message.js';
import { portalAuditLogDefinition } from './portal-audit-log/portal-audit-log.js';
import { threatDefinition } from './threat/threat-definition.js';
import { vendorCaseDefinition } from './vendor-case/vendor-case.js';

/** Every resource that is collected. The order is that of tables and of polls. */
export const DEFINITIONS = [
  threatDefinition,
  caseDefinition,
  campaignDefinition,
  vendorCaseDefinition,
  notAnalyzedMessageDefinition,
  detection360ReportDefinition,
  portalAuditLogDefinition,
] as const;
