import { type UpstreamCode, type UpstreamError, upstreamFailure } from './errors.js';
import type { UpstreamResponse } from './request.js';

export type EndpointRole = 'list' | 'detail';

const LICENCE = /licen[cs]e|licensing|subscription|not subscribed/i;
const RETENTION = /retention/i;

/** What a status other than 200 means; `null` for a 200. `what` names the request in the message. */
export function classify(answer: UpstreamResponse, role: EndpointRole, what: string): UpstreamError | null {
  if (answer.status === 200) return null;
  const body = answer.evidence();
  const code = codeOf(answer.status, body, role);
  const said = errorText(body);
  const happened = `Abnormal answered ${answer.status} to ${what}${said === null ? '' : `, saying: ${quote(said)}`}.`;
  return upstreamFailure(code, happened, { status: answer.status, body });
}

function codeOf(status: number, body: string, role: EndpointRole): UpstreamCode {
  switch (status) {
    case 400:
    case 422:
      return RETENTION.test(body) ? 'OUT_OF_RETENTION' : 'BAD_REQUEST';
    case 401:
      return 'TOKEN_REJECTED';
    case 402:
      return 'NOT_LICENSED';
    case 403:
      return LICENCE.test(body) ? 'NOT_LICENSED' : 'FORBIDDEN';
    // provisional for a list: a second request separates a bad filter from a missing endpoint
    case 404:
    case 410:
      return role === 'detail' ? 'NOT_FOUND' : 'BAD_FILTER';
    case 408:
      return 'TIMEOUT';
    case 429:
      return 'RATE_LIMITED';
    default:
      return codeOfClass(status);
  }
}

function codeOfClass(status: number): UpstreamCode {
  if (status >= 500) return 'SERVER_ERROR';
  if (status >= 400) return 'BAD_REQUEST';
  // a 2xx other than 200 has no data, and a 3xx without a target cannot be followed
  return status >= 300 ? 'REDIRECTED' : 'BAD_BODY';
}

function quote(text: string): string {
  return `"${text.replace(/[."]+$/, '')}"`;
}

const LONGEST = 300;

function errorText(body: string): string | null {
  const text = (fromJson(body) ?? fromHtml(body) ?? body).replace(/\s+/g, ' ').trim();
  if (text === '') return null;
  return text.length > LONGEST ? `${text.slice(0, LONGEST)}…` : text;
}

function fromJson(body: string): string | null {
  try {
    return messageIn(JSON.parse(body));
  } catch {
    return null;
  }
}

function messageIn(value: unknown, depth = 0): string | null {
  if (typeof value === 'string') return value;
  if (typeof value !== 'object' || value === null || depth > 3) return null;
  const { message, error, detail } = value as Record<string, unknown>;
  return messageIn(message, depth + 1) ?? messageIn(error, depth + 1) ?? messageIn(detail, depth + 1);
}

function fromHtml(body: string): string | null {
  if (!/^\s*<(!doctype|html|head|body|\?xml)/i.test(body)) return null;
  const title = /<(title|h1)[^>]*>([^<]{1,300})/i.exec(body)?.[2];
  return title ? `an HTML page titled "${title.trim()}"` : 'an HTML page';
}
