import { CONTROL_IDS, type ControlId } from '../policy/policy.js';
import { abuseMailboxOperating } from './checks/abuse-mailbox-operating.js';
import { accountTakeoverHandled } from './checks/account-takeover-handled.js';
import { attacksCaptured } from './checks/attacks-captured.js';
import { attacksRemediated } from './checks/attacks-remediated.js';
import { behaviouralAiOperating } from './checks/behavioural-ai-operating.js';
import { collectionContinuous } from './checks/collection-continuous.js';
import { detectionActive } from './checks/detection-active.js';
import { tokenRotation } from './checks/token-rotation.js';
import type { ControlDefinition } from './control.js';

export const CONTROLS: Readonly<Record<ControlId, ControlDefinition>> = {
  'detection-active': detectionActive,
  'attacks-captured': attacksCaptured,
  'attacks-remediated': attacksRemediated,
  'account-takeover-handled': accountTakeoverHandled,
  'behavioural-ai-operating': behaviouralAiOperating,
  'abuse-mailbox-operating': abuseMailboxOperating,
  'collection-continuous': collectionContinuous,
  'token-rotation': tokenRotation,
};

/** Each id once, in the usual order; throws a RangeError for an unknown id. */
export function controlsOf(ids: readonly string[] | null): ControlDefinition[] {
  const wanted = ids ?? CONTROL_IDS;
  const unknown = wanted.filter((id) => !CONTROL_IDS.some((known) => known === id));
  if (unknown.length > 0) {
    throw new RangeError(
      `There is no control ${unknown.join(', ')}. Known controls: ${CONTROL_IDS.join(', ')}.`,
    );
  }
  return CONTROL_IDS.filter((id) => wanted.includes(id)).map((id) => CONTROLS[id]);
}
