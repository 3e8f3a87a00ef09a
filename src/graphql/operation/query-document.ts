import {
  type FieldNode,
  type FragmentDefinitionNode,
  Kind,
  Lexer,
  type SelectionSetNode,
  Source,
  TokenKind,
} from 'graphql';
import type { QueryLimits } from '../../values/access.js';
import type { ErrorCode } from '../base/errors.js';

const OPENING: ReadonlySet<TokenKind> = new Set([TokenKind.BRACE_L, TokenKind.PAREN_L, TokenKind.BRACKET_L]);
const CLOSING: ReadonlySet<TokenKind> = new Set([TokenKind.BRACE_R, TokenKind.PAREN_R, TokenKind.BRACKET_R]);

/**
 * Whether a text is too much to be parsed. It is read word by word and no further than the first limit: the
 * parser calls itself for each bracket, so a million of them must never get to it.
 */
export function scan(text: string, limits: QueryLimits): LimitError | null {
  const lexer = new Lexer(new Source(text));
  let tokens = 0;
  let nesting = 0;
  let directives = 0;
  let aliases = 0;
  /** A colon outside of all parentheses stands after an alias. */
  let parentheses = 0;
  try {
    for (;;) {
      const { kind } = lexer.advance();
      if (kind === TokenKind.EOF) break;
      tokens += 1;
      if (OPENING.has(kind)) nesting += 1;
      else if (CLOSING.has(kind)) nesting -= 1;
      else if (kind === TokenKind.AT) directives += 1;
      if (kind === TokenKind.PAREN_L) parentheses += 1;
      else if (kind === TokenKind.PAREN_R) parentheses -= 1;
      else if (kind === TokenKind.COLON && parentheses === 0) aliases += 1;
      if (tokens > limits.tokens) return limitExceeded('tokens', tokens, limits.tokens, false);
      if (nesting > limits.nesting) return limitExceeded('nesting', nesting, limits.nesting, false);
    }
  } catch {
    // not GraphQL: whoever parses it says where
    return null;
  }
  if (directives > limits.directives) return limitExceeded('directives', directives, limits.directives);
  return aliases > limits.aliases ? limitExceeded('aliases', aliases, limits.aliases) : null;
}

/** Whether there are more values in `variables` than allowed, or deeper within one another. */
export function scanVariables(variables: object, limits: QueryLimits): LimitError | null {
  let level: unknown[] = Object.values(variables);
  let values = 0;
  // level by level and not by recursion: these may be nested as deep as a body is long
  for (let depth = 1; level.length > 0; depth += 1) {
    if (depth > limits.nesting) return limitExceeded('nesting', depth, limits.nesting, false);
    values += level.length;
    if (values > limits.variables) return limitExceeded('variables', values, limits.variables, false);
    level = level.flatMap((value) =>
      typeof value === 'object' && value !== null ? Object.values(value) : [],
    );
  }
  return null;
}

export interface LimitError {
  readonly code: ErrorCode;
  readonly message: string;
  /** What a program needs to know beside the code. */
  readonly details: Readonly<Record<string, unknown>>;
}

const WHAT: Readonly<Record<keyof QueryLimits, string>> = {
  tokens: 'tokens',
  nesting: 'nested brackets',
  depth: 'nested fields',
  fields: 'fields, including those of fragments',
  roots: 'root fields',
  aliases: 'aliases',
  directives: 'directives',
  fragments: 'fragments',
  variables: 'values in its variables',
};

/** An operation that is beyond one of the limits. Counting may have ended early: then there are more. */
export function limitExceeded(
  limit: keyof QueryLimits,
  asked: number,
  allowed: number,
  countedToTheEnd = true,
): LimitError {
  const count = countedToTheEnd ? `${asked}` : `${asked} or more`;
  return {
    code: 'LIMIT_EXCEEDED',
    message: `The operation has ${count} ${WHAT[limit]}; the limit is ${allowed}.`,
    details: { limit, asked, allowed },
  };
}

/** All that is asked for under one name in one place, which is answered as one field. */
export interface AskedField {
  readonly key: string;
  readonly name: string;
  /** The type that it is a field of, as far as the query says. */
  readonly type: string;
  readonly nodes: readonly FieldNode[];
  /** How often it is written, a fragment that is repeated in this place counted each time: `nodes` or more. */
  readonly written: number;
}

/** What a compiler must know of the selections that fields are collected from. */
interface SelectionObserver {
  onDirective(): void;
  /** A selection is repeated, by a fragment that was put in this place before; whether to count any more of them. */
  onRepeated(): boolean;
}

/** Puts fragments in place: the fields of selections on a type, those with one name together. */
export function selectedFields(
  selections: readonly SelectionSetNode[],
  type: string,
  fragments: ReadonlyMap<string, FragmentDefinitionNode>,
  observer: SelectionObserver,
): AskedField[] {
  const found = new Map<string, AskedField & { nodes: FieldNode[]; written: number }>();
  const put = new Set<string>();
  const take = (selectionSet: SelectionSetNode, on: string, isRepeated: boolean): void => {
    for (const selection of selectionSet.selections) {
      if (isRepeated && !observer.onRepeated()) return;
      if (selection.directives?.length) observer.onDirective();
      if (selection.kind === Kind.FIELD) add(selection, on, isRepeated);
      else if (selection.kind === Kind.INLINE_FRAGMENT) {
        take(selection.selectionSet, selection.typeCondition?.name.value ?? on, isRepeated);
      } else {
        const name = selection.name.value;
        const fragment = fragments.get(name);
        if (!fragment) continue;
        // once in a place is as good as twice, and a fragment may lead back to itself
        const isPut = put.has(name);
        put.add(name);
        take(fragment.selectionSet, fragment.typeCondition.name.value, isRepeated || isPut);
      }
    }
  };
  const add = (node: FieldNode, on: string, isRepeated: boolean): void => {
    const key = node.alias?.value ?? node.name.value;
    const place = `${on} ${key}`;
    const asked = found.get(place);
    if (!asked) found.set(place, { key, name: node.name.value, type: on, nodes: [node], written: 1 });
    else {
      asked.written += 1;
      if (!isRepeated) asked.nodes.push(node);
    }
  };
  for (const selectionSet of selections) take(selectionSet, type, false);
  return [...found.values()];
}
