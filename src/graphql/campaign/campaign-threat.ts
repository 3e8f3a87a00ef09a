import type { Means } from '../request/services.js';
import { Threat } from '../threat/threat.type.js';
import type { Campaign } from './campaign.type.js';

/** The held threat that has a campaign's message; the first by id, should several have it. */
export async function threatOfCampaign(root: Campaign, means: Means): Promise<Threat | null> {
  const { messageId } = root.record;
  if (messageId === null) return null;
  const [revision] = await means.loaders.referrers.load({
    ...{ kind: 'threat', field: 'messageId', value: messageId },
    ...{ integration: root.revision.key.integration, seq: root.view.seq },
  });
  return revision ? new Threat(revision, root.view) : null;
}
