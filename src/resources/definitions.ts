import { campaignDefinition } from './campaign/campaign.js';
import { caseDefinition } from './case/case.js';
import { detection360ReportDefinition } from './detection360-report/detection360-report.js';
import { threatDefinition } from './threat/threat-definition.js';
import { vendorCaseDefinition } from './vendor-case/vendor-case.js';

/** Every resource that is collected. The order is that of tables and of polls. */
export const DEFINITIONS = [
  threatDefinition,
  caseDefinition,
  campaignDefinition,
  vendorCaseDefinition,
  detection360ReportDefinition,
] as const;
