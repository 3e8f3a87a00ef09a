import type { IntegrationTest, Tested, TestedPart, TestOutcome } from '../../integrations/connection-test.js';
import { byResource } from '../../resources/registry.js';
import { describedEnum, outputType, Value } from '../base/fields.js';
import { type RequestServices, runAudited } from '../request/services.js';

const TestedPartEnum = describedEnum<Tested>('TestedPart', 'What a connection test requests from Abnormal.', {
  ...byResource(({ texts }) => texts.list),
  tokens: 'Information about the account’s tokens (`/soar/tokens`).',
});

const TestOutcomeEnum = describedEnum<TestOutcome>(
  'TestOutcome',
  'Result of one request of a connection test.',
  {
    WORKS: 'The request succeeded.',
    EMPTY: 'The request succeeded and returned no records.',
    NOT_LICENSED: 'The account has no licence for it.',
    NOT_ENABLED: 'It is not enabled for the account.',
    NOT_ANSWERED: 'Abnormal does not return it for this account.',
    FAILED: 'The request failed; the message says what to do.',
    SKIPPED: 'Not requested, because it would have failed for the same reason as an earlier request.',
  },
);

const TestedPartReport = outputType<TestedPart>(
  'TestedPartReport',
  'One request of a connection test, with its result.',
  {
    part: Value.enum(() => TestedPartEnum, 'What was requested.'),
    outcome: Value.enum(() => TestOutcomeEnum, 'Result of the request.'),
    seen: Value.intOrNull(
      'Number of records of the last seven days; a lower bound if `isAll` is false. Null if they were not counted.',
    ),
    isAll: Value.boolean('Whether `seen` counts all of them.'),
    code: Value.textOrNull('Error code; null if nothing is wrong.'),
    message: Value.text('The result in words: what works, or what is wrong and what to do.'),
  },
);

export const IntegrationTestReport = outputType<
  Pick<IntegrationTest, 'testedAt' | 'works' | 'parts' | 'calls'>
>(
  'IntegrationTest',
  'Whether Abnormal allows an integration to be read: one request per resource, with the result in words.',
  {
    testedAt: Value.instant('When the test was made (UTC).'),
    works: Value.boolean(
      'Whether the integration can be read: no request failed, and at least one succeeded.',
    ),
    parts: Value.list(() => TestedPartReport, 'The requests, in order.'),
    calls: Value.int('Number of requests sent to Abnormal.'),
  },
);

export function runTest(services: RequestServices, name: string): Promise<IntegrationTest> {
  return runAudited(services, {
    ...{ action: 'TEST_INTEGRATION', target: name },
    work: (operations) => operations.test(name, services.signal),
    detailOf: ({ works, parts }) =>
      `${works ? 'works' : 'does not work'}: ${parts.map(({ part, outcome }) => `${part} ${outcome}`).join(', ')}`,
  });
}
