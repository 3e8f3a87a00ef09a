import { Int, ObjectType } from 'type-graphql';
import type { IntegrationTest, Tested, TestedPart, TestOutcome } from '../../integrations/connection-test.js';
import { byResource } from '../../resources/registry.js';
import type { Instant } from '../../values/instant.js';
import { describedEnum, ValueField } from '../base/fields.js';
import { DateTime } from '../base/scalars.js';
import { runAudited } from '../request/audited.js';
import type { RequestServices } from '../request/services.js';

const TestedPartEnum = describedEnum<Tested>('TestedPart', 'What a connection test asks Abnormal for.', {
  ...byResource(({ texts }) => texts.list),
  tokens: 'What Abnormal says of the account’s tokens (`/soar/tokens`).',
});

const TestOutcomeEnum = describedEnum<TestOutcome>(
  'TestOutcome',
  'How one question of a connection test was answered.',
  {
    WORKS: 'It works.',
    EMPTY: 'It works, and there is nothing.',
    NOT_LICENSED: 'The account lacks the licence for it.',
    NOT_ENABLED: 'The account does not have it enabled.',
    NOT_ANSWERED: 'Abnormal does not tell this account.',
    FAILED: 'It does not work; the message says what to do.',
    SKIPPED: 'Not asked: what went wrong before would have gone wrong again.',
  },
);

@ObjectType({ simpleResolvers: true, description: 'One question of a connection test, and what came of it.' })
class TestedPartReport implements TestedPart {
  @ValueField(() => TestedPartEnum, { description: 'What was asked for.' })
  readonly part!: Tested;

  @ValueField(() => TestOutcomeEnum, { description: 'How it went.' })
  readonly outcome!: TestOutcome;

  @ValueField(() => Int, {
    nullable: true,
    description:
      'How many there are of the last seven days; the least that there are where `isAll` is false.',
  })
  readonly seen!: number | null;

  @ValueField(() => Boolean, { description: 'Whether `seen` is all of them.' })
  readonly isAll!: boolean;

  @ValueField(() => String, {
    nullable: true,
    description: 'What is wrong, as a code; null where nothing is.',
  })
  readonly code!: string | null;

  @ValueField(() => String, { description: 'For a person: what works, or what is wrong and what to do.' })
  readonly message!: string;
}

@ObjectType('IntegrationTest', {
  simpleResolvers: true,
  description: 'Whether Abnormal lets an integration be read: one question for each resource, in words.',
})
export class IntegrationTestReport
  implements Pick<IntegrationTest, 'testedAt' | 'works' | 'parts' | 'calls'>
{
  @ValueField(() => DateTime, { description: 'When it was tested (UTC).' })
  readonly testedAt!: Instant;

  @ValueField(() => Boolean, { description: 'Whether it can be read: nothing failed, and something worked.' })
  readonly works!: boolean;

  @ValueField(() => [TestedPartReport], { description: 'Each question, in the order asked.' })
  readonly parts!: readonly TestedPart[];

  @ValueField(() => Int, { description: 'Requests to Abnormal that it cost.' })
  readonly calls!: number;
}

/** Tests an integration on behalf of the caller. */
export function runTest(services: RequestServices, name: string): Promise<IntegrationTest> {
  return runAudited(services, {
    ...{ action: 'TEST_INTEGRATION', target: name },
    work: (operations) => operations.test(name, services.signal),
    detailOf: ({ works, parts }) =>
      `${works ? 'works' : 'does not work'}: ${parts.map(({ part, outcome }) => `${part} ${outcome}`).join(', ')}`,
  });
}
