import { Arg, Ctx, Field, ID, Mutation, Query, Resolver } from 'type-graphql';
import type { BudgetSnapshot } from '../../abnormal/budget.js';
import type { Region } from '../../integrations/address.js';
import type { IntegrationTest } from '../../integrations/connection-test.js';
import { readTokenSituations } from '../../integrations/token-history.js';
import { emptyAccounts } from '../../integrations/token-watch.js';
import type { Address } from '../../integrations/vault.js';
import { UNKNOWN_TOKEN } from '../../model/token.js';
import type { Secret } from '../../values/secret.js';
import { describedEnum, OutputType, outputType, showFields, Token, Value } from '../base/fields.js';
import { Guard } from '../operation/guard.js';
import type { IntegrationDetails } from '../request/operations.js';
import {
  checkIntegrations,
  chooseIntegration,
  type GatewayContext,
  integrationNames,
  type RequestServices,
  runAudited,
} from '../request/services.js';
import { Integration, IntegrationTestReport, runTest, UpstreamBudget } from './integration.type.js';

@Resolver(() => Integration)
export class IntegrationResolver {
  @Guard('reader')
  @Query(() => [Integration], {
    nullable: true,
    description:
      'The Abnormal accounts that the gateway reads or has read, with the states of their streams.',
  })
  integrations(@Ctx() context: GatewayContext): Promise<Integration[]> {
    return readIntegrations(context.services);
  }

  @Guard('reader')
  @Query(() => UpstreamBudget, {
    nullable: true,
    description: 'The current request budget of an integration; null if this process does not read it.',
  })
  async upstreamBudget(
    @Arg('integration', () => ID, {
      nullable: true,
      description: 'Name of the integration. Optional if there is only one.',
    })
    name: string | null,
    @Ctx() { services }: GatewayContext,
  ): Promise<BudgetSnapshot | null> {
    return services.budgets?.get(await chooseIntegration(services, name))?.snapshot() ?? null;
  }
}

export async function readIntegrations(services: RequestServices): Promise<Integration[]> {
  const [names, streams, details, tokens] = await Promise.all([
    integrationNames(services),
    services.loaders.current.streams(),
    services.operations?.details() ?? NO_DETAILS,
    readTokenSituations(services.store),
  ]);
  const empty = await emptyAccounts(services.store, streams);
  return names.map((name) => {
    const own = streams.filter(({ integration }) => integration === name);
    const account = services.accounts.get(name);
    const token = account?.origin === 'ABNORMAL' ? (tokens.get(name) ?? UNKNOWN_TOKEN) : null;
    const notes = { details: details.get(name) ?? null, empty: empty.get(name) ?? null };
    return new Integration(name, account, own, notes, token, services.now());
  });
}

async function readIntegration(services: RequestServices, name: string): Promise<Integration | null> {
  const all = await readIntegrations(services);
  return all.find((integration) => integration.name === name) ?? null;
}

const NO_DETAILS: ReadonlyMap<string, IntegrationDetails> = new Map();

const RegionEnum = describedEnum<Region>('Region', 'Region in which Abnormal serves an account.', {
  us: 'United States: `api.abnormalplatform.com`.',
  eu: 'Europe: `eu.rest.abnormalsecurity.com`.',
  gov: 'United States government: `rest.abnormalsecurity.us`.',
});

const NAME = 'Name of the integration, for every `integration` argument.';
const TOKEN =
  'Token of Abnormal’s REST API (Settings → Integrations → Abnormal REST API). It is stored encrypted and never returned.';
const REGION = {
  nullable: true,
  description: 'Region in which Abnormal serves the account. Default: the United States.',
};
const BASE_URL = {
  nullable: true,
  description:
    'Base URL including the version path, instead of a region: https, or http to the gateway’s own machine.',
};

/** The token is always an argument of its own: an error in an input object would repeat the whole object. */
@Resolver()
export class IntegrationMutations {
  @Guard('admin')
  @Mutation(() => IntegrationPayload, {
    nullable: true,
    description:
      'Connects an Abnormal account. The gateway polls it immediately. If the name was used before, its history continues. Select `test` to check the connection.',
  })
  connectIntegration(
    @Arg('name', () => ID, {
      description: 'Permanent name of the integration: 1 to 40 characters from a to z, 0 to 9 and "-".',
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
      'Changes the address of an integration. A token for the new address is required: the gateway sends a token only to the address that it was given for. The new address must serve the same account, because collected records are not read again. For another account, use another name.',
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
    description: 'Replaces the token of an integration. The next request uses the new token.',
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
    description: 'Deletes the token of an integration and stops reading it. Its history stays.',
  })
  async removeIntegration(
    @Arg('name', () => ID, { description: NAME }) name: string,
    @Ctx() { services }: GatewayContext,
  ): Promise<InstanceType<typeof RemovedIntegration>> {
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
      'Tests the connection of an integration with one request per resource, and describes the result in words.',
  })
  async testIntegration(
    @Arg('name', () => ID, { description: NAME }) name: string,
    @Ctx() { services }: GatewayContext,
  ): Promise<IntegrationTest> {
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
  if (!integration) throw new Error(`the integration ${name} was removed in the meantime`);
  return new IntegrationPayload(integration);
}

@OutputType('An integration after a change.')
class IntegrationPayload {
  constructor(readonly integration: Integration) {}

  @Field(() => IntegrationTestReport, {
    nullable: true,
    description:
      'Whether Abnormal allows the integration to be read. Tested only if selected; costs a few requests.',
  })
  test(@Ctx() context: GatewayContext): Promise<IntegrationTest> {
    return runTest(context.services, this.integration.name);
  }
}

showFields(IntegrationPayload, 'this', {
  integration: Value.object(() => Integration, 'The integration.'),
});

const RemovedIntegration = outputType('RemovedIntegration', 'An integration that is no longer read.', {
  name: Value.id('Name of the integration.'),
  integration: Value.objectOrNull(
    () => Integration,
    'The integration with its history, which stays; null if nothing was recorded.',
  ),
});
