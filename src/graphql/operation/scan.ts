import { Lexer, Source, TokenKind } from 'graphql';
import type { QueryLimits } from '../../values/request-limits.js';
import { beyond, type Refusal } from './refusal.js';

const OPENING: ReadonlySet<TokenKind> = new Set([TokenKind.BRACE_L, TokenKind.PAREN_L, TokenKind.BRACKET_L]);
const CLOSING: ReadonlySet<TokenKind> = new Set([TokenKind.BRACE_R, TokenKind.PAREN_R, TokenKind.BRACKET_R]);

/**
 * Whether a text is too much to be parsed. It is read word by word and no further than the first limit: the
 * parser calls itself for each bracket, so a million of them must never get to it.
 */
export function scan(text: string, limits: QueryLimits): Refusal | null {
  const lexer = new Lexer(new Source(text));
  let tokens = 0;
  let nesting = 0;
  let directives = 0;
  try {
    for (;;) {
      const { kind } = lexer.advance();
      if (kind === TokenKind.EOF) break;
      tokens += 1;
      if (OPENING.has(kind)) nesting += 1;
      else if (CLOSING.has(kind)) nesting -= 1;
      else if (kind === TokenKind.AT) directives += 1;
      if (tokens > limits.tokens) return beyond('tokens', tokens, limits.tokens, false);
      if (nesting > limits.nesting) return beyond('nesting', nesting, limits.nesting, false);
    }
  } catch {
    // not GraphQL: whoever parses it says where
    return null;
  }
  return directives > limits.directives ? beyond('directives', directives, limits.directives) : null;
}

/** Whether there are more values in `variables` than allowed, or deeper within one another. */
export function scanVariables(variables: object, limits: QueryLimits): Refusal | null {
  let level: unknown[] = Object.values(variables);
  let values = 0;
  // level by level and not by recursion: these may be nested as deep as a body is long
  for (let depth = 1; level.length > 0; depth += 1) {
    if (depth > limits.nesting) return beyond('nesting', depth, limits.nesting, false);
    values += level.length;
    if (values > limits.variables) return beyond('variables', values, limits.variables, false);
    level = level.flatMap((value) =>
      typeof value === 'object' && value !== null ? Object.values(value) : [],
    );
  }
  return null;
}
