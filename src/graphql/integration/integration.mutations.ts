import { Arg, Ctx, Field, ID, Mutation, ObjectType, Resolver } from 'type-graphql';
import type { Region } from '../../integrations/address.js';
import type { Address } from '../../integrations/vault.js';
import type { Secret } from '../../values/secret.js';
import { describedEnum, ValueField } from '../base/fields.js';
import { Token } from '../base/scalars.js';
import { Guard } from '../operation/guard.js';
import { runAudited } from '../request/audited.js';
import { checkIntegrations } from '../request/choose-integrations.js';
import type { GatewayContext, RequestServices } from '../request/services.js';
import { Integration } from './integration.type.js';
import { IntegrationTestReport, runTest } from './integration-test.type.js';
import { readIntegration } from './read-integrations.js';

const RegionEnum = describedEnum<Region>('Region', 'Where Abnormal serves an account.', {
  us: 'The United States: `api.abnormalplatform.com`.',
  eu: 'Europe: `eu.rest.abnormalsecurity.com`.',
  gov: 'The United States government: `rest.abnormalsecurity.us`.',
});

const NAME = 'Its name, as every `integration` argument takes it.';
const TOKEN =
  'The token of Abnormal’s REST API (Settings → Integrations → Abnormal REST API). It is stored encrypted and never given back.';
const REGION = {
  nullable: true,
  description: 'Where the account is served; the United States unless given.',
};
const BASE_URL = {
  nullable: true,
  description:
    'The address itself, with its version path, in place of a region: https, or http to the gateway’s own machine.',
};

/** The token is always an argument of its own: an error in an input object would repeat the whole object. */
@Resolver()
export class IntegrationMutations {
  @Guard('admin')
  @Mutation(() => IntegrationPayload, {
    nullable: true,
    description:
      'Connects an Abnormal account. It is polled at once; what was ever recorded under the name goes on. Ask for `test` to learn whether it works.',
  })
  connectIntegration(
    @Arg('name', () => ID, {
      description: 'What it is to be called, for good: 1 to 40 characters, of a to z, 0 to 9 and "-".',
    })
    name: string,
    @Arg('token', () => Token, { description: TOKEN }) token: Secret,
    @Arg('region', () => RegionEnum, REGION) region: Region | null,
    @Arg('baseUrl', () => String, BASE_URL) baseUrl: string | null,
    @Ctx() { services }: GatewayContext,
  ): Promise<IntegrationPayload> {
    return changed(services, name, 'CONNECT_INTEGRATION', (operations) =>
      operations.connect({ ...addressOf(region, baseUrl), name, token }),
    );
  }

  @Guard('admin')
  @Mutation(() => IntegrationPayload, {
    nullable: true,
    description:
      'Gives an integration another address. It takes a token for it: a token is never sent elsewhere than where whoever gave it said. It is taken for the same account: what was collected is not read again. Another account wants another name.',
  })
  updateIntegration(
    @Arg('name', () => ID, { description: NAME }) name: string,
    @Arg('token', () => Token, { description: TOKEN }) token: Secret,
    @Arg('region', () => RegionEnum, REGION) region: Region | null,
    @Arg('baseUrl', () => String, BASE_URL) baseUrl: string | null,
    @Ctx() { services }: GatewayContext,
  ): Promise<IntegrationPayload> {
    return changed(services, name, 'UPDATE_INTEGRATION', (operations) =>
      operations.update(name, addressOf(region, baseUrl), token),
    );
  }

  @Guard('admin')
  @Mutation(() => IntegrationPayload, {
    nullable: true,
    description: 'Replaces the token of an integration; it counts from the next request on.',
  })
  rotateIntegrationToken(
    @Arg('name', () => ID, { description: NAME }) name: string,
    @Arg('token', () => Token, { description: TOKEN }) token: Secret,
    @Ctx() { services }: GatewayContext,
  ): Promise<IntegrationPayload> {
    return changed(services, name, 'ROTATE_INTEGRATION_TOKEN', (operations) =>
      operations.rotate(name, token),
    );
  }

  @Guard('admin')
  @Mutation(() => RemovedIntegration, {
    nullable: true,
    description: 'Forgets the token of an integration and reads it no longer. Its history stays.',
  })
  async removeIntegration(
    @Arg('name', () => ID, { description: NAME }) name: string,
    @Ctx() { services }: GatewayContext,
  ): Promise<RemovedIntegration> {
    await runAudited(services, {
      ...{ action: 'REMOVE_INTEGRATION', target: name },
      work: (operations) => operations.remove(name),
    });
    return { name, integration: await readIntegration(services, name) };
  }

  @Guard('operator')
  @Mutation(() => IntegrationTestReport, {
    nullable: true,
    description:
      'Tries what an integration is read by, one request for each resource, and says in words what works and what is wrong.',
  })
  async testIntegration(
    @Arg('name', () => ID, { description: NAME }) name: string,
    @Ctx() { services }: GatewayContext,
  ): Promise<IntegrationTestReport> {
    await checkIntegrations(services, [name]);
    return runTest(services, name);
  }
}

function addressOf(region: Region | null, baseUrl: string | null): Address {
  return { region: region ?? undefined, baseUrl: baseUrl ?? undefined };
}

type Change = Parameters<typeof runAudited<void>>[1];

async function changed(
  services: RequestServices,
  name: string,
  action: Change['action'],
  work: Change['work'],
): Promise<IntegrationPayload> {
  await runAudited(services, { action, target: name, work });
  const integration = await readIntegration(services, name);
  if (!integration) throw new Error(`the integration ${name} is gone again`);
  return new IntegrationPayload(integration);
}

@ObjectType({ simpleResolvers: true, description: 'An integration as it stands after a change.' })
class IntegrationPayload {
  @ValueField(() => Integration, { description: 'The integration.' })
  readonly integration: Integration;

  constructor(integration: Integration) {
    this.integration = integration;
  }

  @Field(() => IntegrationTestReport, {
    nullable: true,
    description: 'Whether Abnormal lets it be read. Tested when asked for, at the cost of a few requests.',
  })
  test(@Ctx() context: GatewayContext): Promise<IntegrationTestReport> {
    return runTest(context.services, this.integration.name);
  }
}

@ObjectType({ simpleResolvers: true, description: 'An integration that is read no longer.' })
class RemovedIntegration {
  @ValueField(() => ID, { description: 'Its name.' })
  readonly name!: string;

  @ValueField(() => Integration, {
    nullable: true,
    description: 'The integration with its history, which stays; null where nothing was ever recorded of it.',
  })
  readonly integration!: Integration | null;
}
