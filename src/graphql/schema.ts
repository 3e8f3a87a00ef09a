import 'reflect-metadata';
import type { GraphQLSchema } from 'graphql';
import { buildSchemaSync } from 'type-graphql';
import { ApiKeyResolver } from './api-key.resolver.js';
import { AuditResolver } from './audit.resolver.js';
import { CampaignResolver } from './campaign.resolver.js';
import { CaseResolver } from './case.resolver.js';
import { CollectingMutations } from './collecting.mutations.js';
import { CoverageResolver } from './coverage.resolver.js';
import { installDirectResolvers } from './direct.js';
import { DriftResolver } from './drift.resolver.js';
import { EvidenceResolver } from './evidence.resolver.js';
import { assertGuarded, describeGuards } from './guard.js';
import { IntegrationMutations } from './integration.mutations.js';
import { IntegrationResolver } from './integration.resolver.js';
import { NodeResolver } from './node.resolver.js';
import { QuarantineResolver } from './quarantine.resolver.js';
import { ReconciliationResolver } from './reconciliation.resolver.js';
import { RecordResolver, RevisionResolver } from './revision.resolver.js';
import { RunResolver } from './run.resolver.js';
import { ThreatResolver } from './threat.resolver.js';

/** The gateway's schema. A fresh one for each server: Apollo changes the one it is given. Throws where a root has no guard. */
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
      ReconciliationResolver,
      QuarantineResolver,
      DriftResolver,
      IntegrationResolver,
      IntegrationMutations,
      CollectingMutations,
      ApiKeyResolver,
      AuditResolver,
      EvidenceResolver,
    ],
    validate: false,
  });
  installDirectResolvers(schema);
  assertGuarded(schema);
  describeGuards(schema);
  describeRoot(schema);
  return schema;
}

/** The library makes the root types itself, without a word. */
function describeRoot(schema: GraphQLSchema): void {
  const mutation = schema.getMutationType();
  if (mutation) {
    mutation.description =
      'What callers may do to the gateway, one after the other; each goes into the audit trail. One that fails is null with an error. Nothing here changes anything at Abnormal.';
  }
  const root = schema.getQueryType();
  if (root) {
    root.description =
      'What Abnormal has shown of an organisation’s e-mail attacks, now (`maxAge`) or as recorded at any instant (`asOf`). A root that fails is null with an error; the others stay.';
  }
}
