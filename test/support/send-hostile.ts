import { type Agent, request } from 'node:http';
import type { HostileRequest } from './hostile-requests.js';

/** What came of one request. */
export interface Outcome {
  readonly kind: string;
  readonly outcome: 'ANSWERED' | 'REFUSED' | 'CUT' | 'NO_ANSWER';
  readonly status: number;
  /** The codes of its errors. */
  readonly codes: readonly string[];
  readonly ms: number;
}

/**
 * Sends one and says what came of it. `CUT`: the server closed the connection, as it may on what is not HTTP or is
 * too long; `NO_ANSWER`: nothing came within `patienceMs`.
 */
export function sendHostile(
  url: string,
  hostile: HostileRequest,
  headers: Readonly<Record<string, string>>,
  agent: Agent,
  patienceMs: number,
): Promise<Outcome> {
  const began = performance.now();
  const { kind, method, search, body } = hostile;
  return new Promise((resolve) => {
    const end = (outcome: Outcome['outcome'], status = 0, codes: readonly string[] = []) =>
      resolve({ kind, outcome, status, codes, ms: performance.now() - began });
    const length = body === null ? {} : { 'content-length': String(Buffer.byteLength(body)) };
    const sent = request(`${url}/graphql${search}`, {
      ...{ method, agent, timeout: patienceMs },
      headers: { ...hostile.headers, ...length, ...headers },
    });
    sent.on('timeout', () => {
      end('NO_ANSWER');
      sent.destroy();
    });
    sent.on('error', (error) => {
      // a kept connection may be closed in the moment that it is used again: that is between client and server
      if (sent.reusedSocket) resolve(sendHostile(url, hostile, headers, agent, patienceMs));
      else end('CUT', 0, [String(error)]);
    });
    sent.on('response', (response) => {
      const parts: Buffer[] = [];
      response.on('data', (part: Buffer) => parts.push(part));
      response.on('error', () => end('CUT'));
      response.on('end', () => {
        const codes = codesIn(Buffer.concat(parts).toString());
        const status = response.statusCode ?? 0;
        end(status === 200 && codes.length === 0 ? 'ANSWERED' : 'REFUSED', status, codes);
      });
    });
    sent.end(body ?? undefined);
  });
}

function codesIn(text: string): string[] {
  try {
    const { errors = [] } = JSON.parse(text) as { errors?: { extensions?: { code?: string } }[] };
    return [...new Set(errors.map(({ extensions }) => extensions?.code ?? 'NONE'))];
  } catch {
    return ['NOT_JSON'];
  }
}

/** Sends them all, so many at once. */
export async function sendAll(
  requests: readonly HostileRequest[],
  atOnce: number,
  send: (hostile: HostileRequest) => Promise<Outcome>,
): Promise<Outcome[]> {
  const outcomes: Outcome[] = [];
  const left = requests.values();
  const work = async () => {
    for (const hostile of left) outcomes.push(await send(hostile));
  };
  await Promise.all(Array.from({ length: atOnce }, work));
  return outcomes;
}
