import { type Document, isCollection, isMap, isScalar, LineCounter, parseDocument } from 'yaml';
import type { z } from 'zod';
import type { ListedKind } from '../resources/registry.js';
import { sha256 } from '../values/canonical-json.js';
import { type Policy, policySchema, toPolicy } from './policy.js';

/** Something that is wrong with a policy file, with its position from 1. */
interface PolicyProblem {
  readonly line: number;
  readonly column: number;
  readonly message: string;
}

export type PolicyResult =
  | { readonly ok: true; readonly policy: Policy }
  | { readonly ok: false; readonly problems: readonly PolicyProblem[] };

/** More than any policy has; the text is repeated in reports. */
const MOST_CHARACTERS = 256 * 1024;

/** What is wrong with a filter of a webhook, by the place in it. */
type FilterCheck = (
  kind: ListedKind,
  filter: unknown,
) => readonly { readonly path: readonly PropertyKey[]; readonly message: string }[];

/** Reads a policy file (YAML 1.2): the policy, or all of its problems. The graph knows which filters are valid. */
export function readPolicy(text: string, checkFilter: FilterCheck = () => []): PolicyResult {
  if (text.length > MOST_CHARACTERS) {
    return refused([
      { line: 1, column: 1, message: `The file has more than ${MOST_CHARACTERS} characters.` },
    ]);
  }
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, version: '1.2', prettyErrors: false });
  const positionAt = (offset: number) => {
    const { line, col } = lines.linePos(offset);
    return { line: Math.max(1, line), column: Math.max(1, col) };
  };
  const faults = [...document.errors, ...document.warnings];
  if (faults.length > 0) {
    return refused(
      faults.map(({ pos, message }) => ({ ...positionAt(pos[0]), message: `Not valid YAML: ${message}.` })),
    );
  }
  const parsed = policySchema.safeParse(plainValue(document));
  if (!parsed.success) {
    const problems = parsed.error.issues.flatMap(plainIssues);
    return refused(
      problems.map(({ path, message }) => ({ ...positionAt(offsetOf(document, path)), message })),
    );
  }
  const policy = toPolicy(parsed.data, { text, digest: sha256(text) });
  const wrong = filterIssues(policy, checkFilter);
  if (wrong.length === 0) return { ok: true, policy };
  return refused(wrong.map(({ path, message }) => ({ ...positionAt(offsetOf(document, path)), message })));
}

function filterIssues({ webhooks }: Policy, check: FilterCheck): PlainIssue[] {
  return Object.entries(webhooks).flatMap(([name, { filter = {} }]) =>
    Object.entries(filter).flatMap(([kind, value]) =>
      check(kind as ListedKind, value).map(({ path, message }) => {
        const place = ['webhooks', name, 'filter', kind, ...path];
        return { path: place, message: `${nameOf(place)}: ${message}` };
      }),
    ),
  );
}

/** The problems as text, one to a line, as compilers write them: `policy.yaml:3:5: …`. */
export function problemTexts(path: string, problems: readonly PolicyProblem[]): string[] {
  return problems.map(({ line, column, message }) => `${path}:${line}:${column}: ${message}`);
}

function refused(problems: readonly PolicyProblem[]): PolicyResult {
  const sorted = [...problems].sort((a, b) => a.line - b.line || a.column - b.column);
  return { ok: false, problems: sorted };
}

/** An alias may stand for itself many times over: without a limit a small file would fill the memory. */
function plainValue(document: Document.Parsed): unknown {
  try {
    return document.toJS({ maxAliasCount: 100 });
  } catch {
    return { aliases: 'too many' };
  }
}

interface PlainIssue {
  readonly path: readonly PropertyKey[];
  readonly message: string;
}

type Issue = z.core.$ZodIssue;

/** One problem for each unknown name; of a choice between several forms, the problems of the form that was meant. */
function plainIssues(issue: Issue): PlainIssue[] {
  const { path } = issue;
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => ({
      path: [...path, key],
      message: `${nameOf([...path, key])} is not a known name.`,
    }));
  }
  if (issue.code === 'invalid_union') {
    const meant = issue.errors.filter((issues) => !issues.some(isOtherForm));
    if (meant.length === 1) {
      return (meant[0] ?? []).flatMap((each) => plainIssues({ ...each, path: [...path, ...each.path] }));
    }
  }
  return [{ path, message: `${nameOf(path)} ${textOf(issue)}.` }];
}

/** The first field of a form tells it apart from the others. */
function isOtherForm(issue: Issue): boolean {
  const isFirst = ['record', 'message', 'query'].includes(String(issue.path[0]));
  return issue.path.length === 0 && issue.code === 'invalid_type' ? true : isFirst && isMissing(issue);
}

function isMissing({ code, message }: Issue): boolean {
  return code === 'invalid_type' && message.endsWith('undefined');
}

function nameOf(path: readonly PropertyKey[]): string {
  const parts = path.map((part, i) =>
    typeof part === 'number' ? `[${part}]` : `${i > 0 ? '.' : ''}${String(part)}`,
  );
  return parts.length === 0 ? 'The policy' : parts.join('');
}

function textOf(issue: Issue): string {
  if (issue.code === 'invalid_type') {
    if (isMissing(issue)) return 'is missing';
    return `must be ${TYPES[issue.expected] ?? issue.expected}`;
  }
  if (issue.code === 'invalid_value') return `must be one of ${issue.values.map(String).join(', ')}`;
  if (issue.code === 'too_big')
    return `must be at most ${issue.maximum}${issue.origin === 'string' ? ' characters' : ''}`;
  if (issue.code === 'too_small')
    return issue.origin === 'string' ? 'must not be empty' : `must be at least ${issue.minimum}`;
  return issue.message;
}

const TYPES: Readonly<Record<string, string>> = {
  string: 'text (put a number in quotes)',
  object: 'a mapping of names to values',
  record: 'a mapping of names to values',
  array: 'a list',
  int: 'a whole number',
};

/** Where a value, or its name if it is not known, is in the text; if it is missing, the value around it. */
function offsetOf(document: Document.Parsed, path: readonly PropertyKey[]): number {
  let node: unknown = document.contents;
  let offset = rangeOf(node) ?? 0;
  for (const part of path) {
    if (isMap(node)) {
      const pair = node.items.find(({ key }) => isScalar(key) && String(key.value) === String(part));
      if (!pair) return offset;
      offset = rangeOf(pair.key) ?? offset;
      node = pair.value;
    } else if (isCollection(node)) {
      node = node.items[Number(part)];
      offset = rangeOf(node) ?? offset;
    } else return offset;
  }
  return offset;
}

function rangeOf(node: unknown): number | null {
  const range = (node as { readonly range?: readonly number[] | null } | null)?.range;
  return range?.[0] ?? null;
}
