import type { ApolloServerPlugin } from '@apollo/server';
import type { GraphQLFormattedError } from 'graphql';
import type { GatewayContext } from '../request/services.js';

/**
 * How a request was answered. `PARTIAL`: with data, and errors for some fields of it. `REFUSED`: the request was
 * at fault. `FAILED`: Abnormal, the history or the gateway was.
 */
export type GraphOutcome = 'OK' | 'PARTIAL' | 'REFUSED' | 'FAILED';

/** Told of every GraphQL request, to count it; must not throw. */
export interface GraphObserver {
  /** A request has come; what it gives is to be called with the outcome and the codes of its errors. */
  began(): (outcome: GraphOutcome, codes: readonly string[]) => void;
}

/** Tells the observer how each request was answered. */
export function observeRequests(observer: GraphObserver): ApolloServerPlugin<GatewayContext> {
  return {
    async requestDidStart() {
      const ended = observer.began();
      return {
        async willSendResponse({ response }) {
          if (response.body.kind !== 'single') return;
          const { data, errors = [] } = response.body.singleResult;
          ended(outcomeOf(data, errors), errors.map(codeOf));
        },
      };
    },
  };
}

function outcomeOf(
  data: Readonly<Record<string, unknown>> | null | undefined,
  errors: readonly GraphQLFormattedError[],
): GraphOutcome {
  if (errors.length === 0) return 'OK';
  if (data && Object.values(data).some((value) => value !== null)) return 'PARTIAL';
  return errors.some((error) => isOurs(codeOf(error))) ? 'FAILED' : 'REFUSED';
}

function codeOf({ extensions }: GraphQLFormattedError): string {
  return typeof extensions?.code === 'string' ? extensions.code : 'NONE';
}

function isOurs(code: string): boolean {
  return code.startsWith('UPSTREAM_') || code === 'HISTORY_UNAVAILABLE' || code === 'INTERNAL_SERVER_ERROR';
}
