import type { IntegrationTest, Tested, TestedPart, TestOutcome } from '../../integrations/connection-test.js';
import { byResource } from '../../resources/registry.js';
import type { Instant } from '../../values/instant.js';
import { describedEnum, OutputType, ValueField } from '../base/fields.js';
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

@OutputType('One request of a connection test, with its result.')
class TestedPartReport implements TestedPart {
  @ValueField(() => TestedPartEnum, { description: 'What was requested.' })
  readonly part!: Tested;

  @ValueField(() => TestOutcomeEnum, { description: 'Result of the request.' })
  readonly outcome!: TestOutcome;

  @ValueField.intOrNull(
    'Number of records of the last seven days; a lower bound if `isAll` is false. Null if they were not counted.',
  )
  readonly seen!: number | null;

  @ValueField.boolean('Whether `seen` counts all of them.')
  readonly isAll!: boolean;

  @ValueField.textOrNull('Error code; null if nothing is wrong.')
  readonly code!: string | null;

  @ValueField.text('The result in words: what works, or what is wrong and what to do.')
  readonly message!: string;
}

@OutputType(
  'Whether Abnormal allows an integration to be read: one request per resource, with the result in words.',
  { name: 'IntegrationTest' },
)
export class IntegrationTestReport
  implements Pick<IntegrationTest, 'testedAt' | 'works' | 'parts' | 'calls'>
{
  @ValueField.instant('When the test was made (UTC).')
  readonly testedAt!: Instant;

  @ValueField.boolean('Whether the integration can be read: no request failed, and at least one succeeded.')
  readonly works!: boolean;

  @ValueField(() => [TestedPartReport], { description: 'The requests, in order.' })
  readonly parts!: readonly TestedPart[];

  @ValueField.int('Number of requests sent to Abnormal.')
  readonly calls!: number;
}

export function runTest(services: RequestServices, name: string): Promise<IntegrationTest> {
  return runAudited(services, {
    ...{ action: 'TEST_INTEGRATION', target: name },
    work: (operations) => operations.test(name, services.signal),
    detailOf: ({ works, parts }) =>
      `${works ? 'works' : 'does not work'}: ${parts.map(({ part, outcome }) => `${part} ${outcome}`).join(', ')}`,
  });
}
