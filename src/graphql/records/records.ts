import { campaignFilter, campaignOrder } from '../campaign/campaign.args.js';
import { Campaign } from '../campaign/campaign.type.js';
import { caseFilter, caseOrder } from '../case/case.args.js';
import { Case } from '../case/case.type.js';
import type { ListSpec } from '../lists/asked-list.js';
import { threatFilter, threatOrder } from '../threat/threat.args.js';
import { Threat } from '../threat/threat.type.js';

/*
 * Each listed kind: how it is filtered and ordered, and the node that a revision of it becomes.
 */

export const CASES: ListSpec<'case', Case> = {
  kind: 'case',
  filter: caseFilter,
  order: caseOrder,
  toNode: (revision, view) => new Case(revision, view),
};

export const THREATS: ListSpec<'threat', Threat> = {
  kind: 'threat',
  filter: threatFilter,
  order: threatOrder,
  toNode: (revision, view) => new Threat(revision, view),
};

export const CAMPAIGNS: ListSpec<'campaign', Campaign> = {
  kind: 'campaign',
  filter: campaignFilter,
  order: campaignOrder,
  toNode: (revision, view) => new Campaign(revision, view),
};
