import type { Policy } from '../../src/policy/policy.js';
import { problemTexts, readPolicy } from '../../src/policy/read-policy.js';

/** The policy of a file with this text, after its version. */
export function policyOf(text: string): Policy {
  const result = readPolicy(`version: 1\n${text}`);
  if (!result.ok) throw new Error(problemTexts('policy.yaml', result.problems).join('\n'));
  return result.policy;
}
