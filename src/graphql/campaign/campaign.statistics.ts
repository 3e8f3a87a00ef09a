import { BY_ACCOUNT, BY_AGE } from '../statistics/statistics.type.js';
import { statisticsFor } from '../statistics/statistics-for.js';
import { campaignList } from './campaign.type.js';

export const CampaignStatisticsResolver = statisticsFor({
  ...{
    noun: 'Campaign',
    plural: 'campaigns',
    kind: 'campaign',
    unit: 'RECORD',
    filter: campaignList.filter,
    whole: null,
  },
  times: {
    FIRST_REPORTED: { field: 'firstReportedTime', description: 'When the campaign was first reported.' },
    LAST_REPORTED: { field: 'lastReportedTime', description: 'When the campaign was last reported.' },
  },
  dimensions: {
    INTEGRATION: BY_ACCOUNT,
    AGE: BY_AGE,
    JUDGEMENT: { field: 'judgement', description: 'Abnormal’s judgement.' },
    ATTACK_TYPE: { field: 'attackType', description: 'Attack type.' },
    OVERALL_STATUS: { field: 'overallStatus', description: 'The action taken, as received.' },
    SENDER_ADDRESS: { field: 'fromAddress', description: 'E-mail address of the sender.' },
    SENDER_NAME: { field: 'fromName', description: 'Display name of the sender.' },
    RECIPIENT_ADDRESS: { field: 'recipientAddress', description: 'E-mail address of the recipient.' },
    SUBJECT: { field: 'subject', description: 'Subject.' },
  },
  distinct: {
    RECIPIENT_ADDRESS: { field: 'recipientAddress', description: 'Recipients.' },
    SENDER_ADDRESS: { field: 'fromAddress', description: 'Senders.' },
  },
  durations: {
    REPORTED_TO_JUDGED: {
      measure: {
        ...{ from: 'firstReportedTime', to: null },
        state: { field: 'scanning', pending: [true], none: [] },
      },
      bound: 'AT_MOST',
      description: 'From the first report until the gateway first saw a judgement.',
    },
  },
});
