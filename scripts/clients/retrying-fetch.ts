import { setTimeout as delay } from 'node:timers/promises';

/** The same request can succeed later. Other errors need another request, another credential, or an operator. */
const RETRIED = new Set([
  'RATE_LIMITED',
  'TOO_MANY_FAILURES',
  'SHUTTING_DOWN',
  'AUTHENTICATION_UNAVAILABLE',
  'HISTORY_UNAVAILABLE',
  'UPSTREAM_UNAVAILABLE',
  'UPSTREAM_BUDGET_EXHAUSTED',
  'TIMEOUT',
]);

const MOST_ATTEMPTS = 5;

interface Errors {
  readonly errors?: readonly { readonly extensions?: { readonly code?: string } }[];
}

/** `fetch` for any client: sends a request again after the time in `Retry-After`, or after 2, 4, 8 … seconds. */
export const retryingFetch: typeof fetch = async (input, init) => {
  for (let attempt = 1; ; attempt += 1) {
    const response = await fetch(input, init);
    const { errors = [] } = (await response.clone().json()) as Errors;
    const isRetried = errors.some(({ extensions }) => RETRIED.has(extensions?.code ?? ''));
    if (!isRetried || attempt === MOST_ATTEMPTS) return response;
    await delay(1000 * Number(response.headers.get('retry-after') ?? 2 ** attempt));
  }
};
