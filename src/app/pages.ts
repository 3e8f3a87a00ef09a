import type { ApolloServer } from '@apollo/server';
import type { Config } from '../config/config.js';
import { newestSeal } from '../evidence/seal/make-seals.js';
import { graphName } from '../graphql/base/fields.js';
import type { GatewayContext, RequestInfo } from '../graphql/request/services.js';
import type { HistoryStore } from '../history/store.js';
import type { Pages } from '../http/page-route.js';
import type { Log } from '../log.js';
import { propertiesPage, propertiesText } from '../pages/frame.js';
import { type OverviewServices, readOverview } from '../pages/overview.js';
import type { Answer } from '../pages/overview-query.js';
import { listReports, reportsPage } from '../pages/reports.js';
import type { Policy } from '../policy/policy.js';
import { CORE_RESOURCES, RESOURCES } from '../resources/registry.js';

interface PageServices {
  readonly apollo: ApolloServer<GatewayContext>;
  readonly context: (request: RequestInfo) => GatewayContext;
  readonly store: HistoryStore;
  readonly config: Config;
  readonly policy: () => Policy;
  readonly clock: () => number;
  readonly log: Log;
}

/** The pages for browsers, which read through the graph as their caller. */
export function createPages({ apollo, context, store, config, policy, clock, log }: PageServices): Pages {
  const { collect, every } = config.poll;
  const shown = RESOURCES.filter(
    (each) => collect.includes(each) || CORE_RESOURCES.some((core) => core === each),
  );
  const services: OverviewServices = {
    async ask<T>(query: string, variables: object, request: RequestInfo) {
      const operation = { query, variables: { ...variables } };
      const { body } = await apollo.executeOperation(operation, { contextValue: context(request) });
      if (body.kind !== 'single') throw new Error('a page asked for an operation in parts');
      const { data, errors = [] } = body.singleResult;
      const causes = errors.map(({ message, path = [], extensions }) => ({
        ...{ message, path, code: String(extensions?.code) },
      }));
      return { data: (data ?? null) as Answer<T>['data'], errors: causes };
    },
    head: () => store.head(),
    newestSeal: (pin) => newestSeal(store, pin),
    collectedFrom: async () =>
      (await store.streams()).map(({ collectFrom }) => collectFrom).sort()[0] ?? null,
    pollEvery: Object.fromEntries(
      shown.map((resource) => [graphName(resource), every[resource]]),
    ) as OverviewServices['pollEvery'],
    title: () => policy().organisation ?? 'Abnormal GraphQL gateway',
    hasIde: config.http.ide,
    background: new Map(),
    ...{ clock, log },
  };
  return {
    overview: (request, window) => readOverview(services, request, window),
    properties: (isPage) => (isPage ? propertiesPage() : propertiesText()),
    async reports(request, isPage) {
      const listed = await listReports(services, request, isPage);
      return isPage ? reportsPage(listed, request, services.title()) : listed;
    },
  };
}
