import { describe, expect, it } from 'vitest';
import { decodeCampaign } from '../../src/resources/campaign/campaign.js';
import { decodeCase } from '../../src/resources/case/case.js';
import { FILTER_KEYS, fieldsOf } from '../../src/resources/registry.js';
import { decodeThreat } from '../../src/resources/threat/decode-threat.js';
import { RESOURCE_OF, type TenantRecordKind } from '../../src/simulator/options.js';
import { createTenant, type Tenant, type TenantVersion } from '../../src/simulator/tenant.js';
import { MINUTE, toMillis } from '../../src/values/instant.js';
import { SMALL } from './harness.js';

const LAG = 15 * MINUTE;

/** Whether a list of the last quarter of an hour shows the record. */
function isListed(tenant: Tenant, kind: TenantRecordKind, index: number, at: number): boolean {
  const resource = RESOURCE_OF[kind];
  const window = { from: Math.floor((at - LAG) / 1000) * 1000, to: at + 1000, inclusive: true };
  return FILTER_KEYS[resource].some((key) =>
    tenant.upstream.list(resource, key, window, at)?.includes(index),
  );
}

/** Whether a record like this is read again until it settles. */
function isUnsettled(kind: TenantRecordKind, id: string, payload: unknown): boolean {
  const received = (json: unknown) => ({ json, evidence: () => '' });
  if (kind === 'threat') {
    const { record } = decodeThreat(id, [received(payload)], true);
    return fieldsOf('threat', record).unremediated === true;
  }
  if (kind === 'case') {
    const { item, detail } = payload as { item: Record<string, unknown>; detail: unknown };
    return fieldsOf('case', decodeCase(id, received(detail), item).record).open === true;
  }
  return fieldsOf('campaign', decodeCampaign(id, received(payload)).record).scanning === true;
}

function unannounced(tenant: Tenant, kind: TenantRecordKind): string[] {
  const found: string[] = [];
  for (let index = 0; index < tenant.count(kind); index++) {
    const id = tenant.idOf(kind, index);
    tenant.versions(kind, index).forEach(({ visibleFrom }, place, all) => {
      const before: TenantVersion | undefined = all[place - 1];
      if (isListed(tenant, kind, index, toMillis(visibleFrom))) return;
      if (before && isUnsettled(kind, id, before.payload)) return;
      found.push(`${kind} ${index} at ${visibleFrom}`);
    });
  }
  return found;
}

const odd = {
  missingThreats: 0.05,
  deletedThreats: 0.05,
  lateArrivals: 0.3,
  withoutMessages: 0.05,
  hugeThreats: 0.02,
};

describe('every change of a simulated record', () => {
  it.each(['threat', 'case', 'campaign'] as const)(
    'appears in a list, or concerns a %s that is not settled yet',
    (kind) => {
      for (const seed of [1, 2]) {
        const tenant = createTenant({ ...SMALL, seed, shares: odd });
        expect(unannounced(tenant, kind)).toEqual([]);
      }
    },
  );

  it('remains unlisted only if remediations are undone unseen', () => {
    const tenant = createTenant({ ...SMALL, shares: { ...odd, undoneRelists: 0 } });
    expect(unannounced(tenant, 'threat').length).toBeGreaterThan(10);
    expect(unannounced(tenant, 'threat').length).toBeLessThan(60);
  });
});
