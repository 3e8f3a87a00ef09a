import type { AbnormalClient } from '../abnormal/client.js';
import { UpstreamError } from '../abnormal/errors.js';

/** A client that can be let go of without losing what is under way. */
export interface DrainingClient extends AbnormalClient {
  /** Refuses whatever is asked from now on as `CANCELLED`, and closes once what was asked before has ended. */
  drain(): Promise<void>;
}

export function drainingClient(client: AbnormalClient): DrainingClient {
  const underway = new Set<Promise<unknown>>();
  let isDraining = false;

  function call<T>(begin: () => Promise<T>): Promise<T> {
    if (isDraining) return Promise.reject(new UpstreamError('CANCELLED', 'The account is no longer read.'));
    const result = begin();
    const settled = result.then(
      () => void underway.delete(settled),
      () => void underway.delete(settled),
    );
    underway.add(settled);
    return result;
  }

  return {
    list: (...args) => call(() => client.list(...args)),
    detail: (...args) => call(() => client.detail(...args)),
    caseAnalysis: (...args) => call(() => client.caseAnalysis(...args)),
    threatAttachments: (...args) => call(() => client.threatAttachments(...args)),
    threatLinks: (...args) => call(() => client.threatLinks(...args)),
    threatLog: (...args) => call(() => client.threatLog(...args)),
    tokens: (...args) => call(() => client.tokens(...args)),
    close: () => client.close(),
    async drain() {
      isDraining = true;
      await Promise.all(underway);
      client.close();
    },
  };
}
