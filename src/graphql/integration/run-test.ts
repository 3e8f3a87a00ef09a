import type { IntegrationTest } from '../../integrations/test-integration.js';
import { doAudited } from '../request/audited.js';
import type { Means } from '../request/services.js';

/** Tests an integration on behalf of the caller. */
export function runTest(means: Means, name: string): Promise<IntegrationTest> {
  return doAudited(means, {
    ...{ action: 'TEST_INTEGRATION', target: name },
    work: (operations) => operations.test(name, means.signal),
    detailOf: ({ works, parts }) =>
      `${works ? 'works' : 'does not work'}: ${parts.map(({ part, outcome }) => `${part} ${outcome}`).join(', ')}`,
  });
}
