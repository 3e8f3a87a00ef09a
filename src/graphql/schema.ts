import 'reflect-metadata';
import type { GraphQLSchema } from 'graphql';
import { buildSchemaSync } from 'type-graphql';
import { CampaignResolver } from './campaign.resolver.js';
import { CaseResolver } from './case.resolver.js';
import { CoverageResolver } from './coverage.resolver.js';
import { installDirectResolvers } from './direct.js';
import { EvidenceResolver } from './evidence.resolver.js';
import { IntegrationResolver } from './integration.resolver.js';
import { NodeResolver } from './node.resolver.js';
import { RecordResolver, RevisionResolver } from './revision.resolver.js';
import { RunResolver } from './run.resolver.js';
import { ThreatResolver } from './threat.resolver.js';

/** The gateway's schema. A fresh one for each server: Apollo changes the one it is given. */
export function buildGatewaySchema(): GraphQLSchema {
  const schema = buildSchemaSync({
    resolvers: [
      NodeResolver,
      RecordResolver,
      CaseResolver,
      ThreatResolver,
      CampaignResolver,
      RevisionResolver,
      CoverageResolver,
      RunResolver,
      IntegrationResolver,
      EvidenceResolver,
    ],
    validate: false,
  });
  installDirectResolvers(schema);
  return schema;
}
