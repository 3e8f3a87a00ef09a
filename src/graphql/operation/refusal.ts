import type { QueryLimits } from '../../values/request-limits.js';
import type { ErrorCode } from '../base/errors.js';

/** Why an operation is not run. */
export interface Refusal {
  readonly code: ErrorCode;
  readonly message: string;
  /** What a program needs to know beside the code. */
  readonly details: Readonly<Record<string, unknown>>;
}

const WHAT: Readonly<Record<keyof QueryLimits, string>> = {
  tokens: 'words and signs',
  nesting: 'brackets within one another',
  depth: 'fields under one another',
  fields: 'fields, with fragments put in place',
  roots: 'fields at its root',
  aliases: 'aliases',
  directives: 'directives',
  fragments: 'fragments',
  variables: 'values in its variables',
};

/** An operation that is beyond one of the limits. Counting may have ended early: then there are more. */
export function beyond(
  limit: keyof QueryLimits,
  asked: number,
  allowed: number,
  countedToTheEnd = true,
): Refusal {
  const count = countedToTheEnd ? `${asked}` : `${asked} or more`;
  return {
    code: 'LIMIT_EXCEEDED',
    message: `The operation has ${count} ${WHAT[limit]}; up to ${allowed} are allowed.`,
    details: { limit, asked, allowed },
  };
}
