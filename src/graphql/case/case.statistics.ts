import { BY_ACCOUNT, BY_AGE } from '../statistics/statistics.type.js';
import { statisticsFor } from '../statistics/statistics-for.js';
import { caseList } from './case.type.js';

export const CaseStatisticsResolver = statisticsFor({
  ...{ noun: 'Case', plural: 'cases', kind: 'case', unit: 'RECORD', filter: caseList.filter, whole: null },
  times: {
    CUSTOMER_VISIBLE: {
      field: 'customerVisibleTime',
      description: 'When the case became visible to the customer.',
    },
    CREATED: { field: 'createdTime', description: 'When Abnormal created the case.' },
    FIRST_OBSERVED: { field: 'firstObservedTime', description: 'When the first event was observed.' },
    LAST_MODIFIED: { field: 'lastModifiedTime', description: 'When the case was last modified.' },
  },
  dimensions: {
    INTEGRATION: BY_ACCOUNT,
    TENANT: { field: 'tenant', description: 'Tenant.' },
    AGE: BY_AGE,
    SEVERITY: { field: 'severityLevel', description: 'Severity.' },
    SEVERITY_LABEL: { field: 'severityLabel', description: 'Severity in Abnormal’s words.' },
    CONFIDENCE: { field: 'confidence', description: 'Abnormal’s confidence.' },
    STATUS: { field: 'status', description: 'Status.' },
    OPEN: { field: 'open', description: 'Whether the case is open.' },
    REMEDIATION_STATUS: { field: 'remediationState', description: 'Abnormal’s status of the remediation.' },
    ANALYSIS: { field: 'analysis', description: 'What was analysed, as received.' },
    AFFECTED_EMPLOYEE: {
      field: 'affectedEmployee',
      description: 'The affected employee, by name or address.',
    },
  },
  distinct: { AFFECTED_EMPLOYEE: { field: 'affectedEmployee', description: 'Affected employees.' } },
  durations: {
    VISIBLE_TO_HANDLED: {
      measure: {
        ...{ from: 'customerVisibleTime', to: null },
        state: { field: 'open', pending: [true], none: [] },
      },
      bound: 'AT_MOST',
      description: 'From when the case became visible until the gateway first saw it closed.',
    },
  },
});
