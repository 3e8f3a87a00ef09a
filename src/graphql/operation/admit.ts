import { type DocumentNode, type GraphQLSchema, getOperationAST, parse } from 'graphql';
import type { Role } from '../../values/access.js';
import { BoundedCache, jsonBytes, textBytes } from '../../values/bounded-cache.js';
import type { CostLimits, QueryLimits } from '../../values/request-limits.js';
import { analyseOperation, measureDocument } from './analyse-operation.js';
import { type Admission, type AnalysedOperation, type CostNode, requestedCost } from './cost-estimate.js';
import { type LimitError, scan, scanVariables } from './query-document.js';

/** An operation as a request holds it. */
export interface AskedOperation {
  readonly query: string;
  readonly operationName: string | null;
  readonly variables: Readonly<Record<string, unknown>>;
}

/** What is said to an operation. */
export type AdmissionResult =
  | { readonly admitted: Admission }
  | { readonly refused: LimitError }
  /** It cannot be made out: whoever parses and validates it says why. */
  | { readonly unclear: true };

/** What is known of a text: why it is refused, or its operations as far as they were asked for. */
type AnalysedText = { readonly refused: LimitError } | { readonly unclear: true } | Operations;

interface Operations {
  readonly document: DocumentNode;
  readonly byName: Map<string | null, { readonly measured: AnalysedOperation } | AdmissionResult>;
}

/** What a parsed text takes for each byte of it, measured: from 28 to 50. */
const BYTES_A_BYTE = 50;
/** What one priced field of an operation takes, measured: about 1 KB. */
const FIELD_BYTES = 1_000;

/**
 * Judges operations before anything is done with them: against the limits of size, then by what they may cost.
 * What is found out of a text is kept, so that an operation that comes again is only reckoned anew.
 */
export class OperationLimiter {
  readonly #known = new BoundedCache<AnalysedText>('analysedQueries', bytesOf);

  constructor(
    private readonly schema: GraphQLSchema,
    private readonly limits: QueryLimits,
    private readonly costs: CostLimits,
  ) {}

  /** Whether a caller of a role may have an operation run. */
  judge({ query, operationName, variables }: AskedOperation, role: Role): AdmissionResult {
    const known = this.#knownOf(query);
    if (!('document' in known)) return known;
    const refused = scanVariables(variables, this.limits);
    if (refused) return { refused };
    const operation = this.#operation(known, operationName, query);
    return 'measured' in operation ? this.#admit(operation.measured, variables, role) : operation;
  }

  #admit(measured: AnalysedOperation, variables: AskedOperation['variables'], role: Role): AdmissionResult {
    const requested = requestedCost(measured.fields, variables);
    const limit = this.costs[role];
    if (requested <= limit) return { admitted: { requested, limit, measured } };
    const message = `The operation may cost ${requested}; the role ${role} is allowed ${limit}. Request smaller pages (first), fewer nested lists, or fewer fields that need requests to Abnormal.`;
    return { refused: { code: 'COST_EXCEEDED', message, details: { requested, limit } } };
  }

  #knownOf(query: string): AnalysedText {
    let known = this.#known.get(query);
    if (known === undefined) {
      known = this.#read(query);
      this.#known.set(query, known);
    }
    return known;
  }

  #read(query: string): AnalysedText {
    const tooMuch = scan(query, this.limits);
    if (tooMuch) return { refused: tooMuch };
    try {
      const document = parse(query, { noLocation: true });
      const refused = measureDocument(document, this.limits);
      return refused ? { refused } : { document, byName: new Map() };
    } catch {
      return { unclear: true };
    }
  }

  #operation(known: Operations, name: string | null, query: string) {
    const { document, byName } = known;
    const before = byName.get(name);
    if (before) return before;
    const operation = getOperationAST(document, name);
    if (!operation) return { unclear: true } as const;
    const measured = analyseOperation(this.schema, document, operation, this.limits);
    const found = 'fields' in measured ? { measured } : { refused: measured };
    byName.set(name, found);
    // it takes more now
    this.#known.set(query, known);
    return found;
  }
}

function bytesOf(known: AnalysedText, query: string): number {
  if (!('document' in known)) return 'refused' in known ? jsonBytes(known) : 0;
  const operations = [...known.byName.values()].map((found) =>
    'measured' in found ? FIELD_BYTES * (1 + countFields(found.measured.fields)) : FIELD_BYTES,
  );
  return BYTES_A_BYTE * textBytes(query) + operations.reduce((sum, bytes) => sum + bytes, 0);
}

function countFields(fields: readonly CostNode[]): number {
  return fields.reduce(
    (count, { children, nodes }) =>
      count + 1 + countFields(children) + nodes.reduce((sum, node) => sum + countFields(node.children), 0),
    0,
  );
}
