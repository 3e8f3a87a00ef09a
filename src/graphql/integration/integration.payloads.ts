import { Ctx, Field, ID, ObjectType } from 'type-graphql';
import { PlainField } from '../base/plain-field.js';
import type { GatewayContext } from '../request/services.js';
import { Integration } from './integration.type.js';
import { IntegrationTestReport } from './integration-test.type.js';
import { runTest } from './run-test.js';

@ObjectType({ simpleResolvers: true, description: 'An integration as it stands after a change.' })
export class IntegrationPayload {
  @PlainField(() => Integration, { description: 'The integration.' })
  readonly integration: Integration;

  constructor(integration: Integration) {
    this.integration = integration;
  }

  @Field(() => IntegrationTestReport, {
    nullable: true,
    description: 'Whether Abnormal lets it be read. Tested when asked for, at the cost of a few requests.',
  })
  test(@Ctx() context: GatewayContext): Promise<IntegrationTestReport> {
    return runTest(context.means, this.integration.name);
  }
}

@ObjectType({ simpleResolvers: true, description: 'An integration that is read no longer.' })
export class RemovedIntegration {
  @PlainField(() => ID, { description: 'Its name.' })
  readonly name!: string;

  @PlainField(() => Integration, {
    nullable: true,
    description: 'The integration with its history, which stays; null where nothing was ever recorded of it.',
  })
  readonly integration!: Integration | null;
}
