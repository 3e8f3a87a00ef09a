import { ApolloServer, type ApolloServerPlugin } from '@apollo/server';
import {
  ApolloServerPluginCacheControlDisabled,
  ApolloServerPluginInlineTraceDisabled,
  ApolloServerPluginSchemaReportingDisabled,
  ApolloServerPluginUsageReportingDisabled,
} from '@apollo/server/plugin/disabled';
import { ApolloServerPluginLandingPageLocalDefault } from '@apollo/server/plugin/landingPage/default';
import type { GraphQLSchema } from 'graphql';
import type { Log } from '../log.js';
import type { GatewayContext } from './context.js';
import { createErrorFormatter } from './format-error.js';

export interface ApolloOptions {
  /** One that no other server has. */
  readonly schema: GraphQLSchema;
  readonly log: Log;
}

/**
 * The GraphQL server. Parse, validation and coercion errors are answered with 400, as GraphQL over HTTP asks;
 * a form or an image tag cannot make it run a query; a browser's GET shows Apollo Sandbox. Nothing is
 * reported to anywhere, whatever the environment says.
 */
export function createApollo({ schema, log }: ApolloOptions): ApolloServer<GatewayContext> {
  return new ApolloServer<GatewayContext>({
    schema,
    introspection: true,
    csrfPrevention: true,
    nodeEnv: 'production',
    includeStacktraceInErrorResponses: false,
    stopOnTerminationSignals: false,
    logger: toApolloLogger(log),
    formatError: createErrorFormatter(log),
    plugins: [
      neverCached,
      // the library's own policy wraps every resolver to find out what `neverCached` says in one line
      ApolloServerPluginCacheControlDisabled(),
      ApolloServerPluginUsageReportingDisabled(),
      ApolloServerPluginSchemaReportingDisabled(),
      ApolloServerPluginInlineTraceDisabled(),
      ApolloServerPluginLandingPageLocalDefault({ embed: true, footer: false }),
    ],
  });
}

/** Answers are about attacks on the organisation and change with each poll: nobody between may keep them. */
const neverCached: ApolloServerPlugin = {
  async requestDidStart({ response }) {
    response.http.headers.set('cache-control', 'no-store');
  },
};

function toApolloLogger(log: Log) {
  const at = (level: 'debug' | 'info' | 'warn' | 'error') => (message?: unknown) =>
    log[level](String(message));
  return { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') };
}
