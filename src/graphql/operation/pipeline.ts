import { type ExecutionResult, getOperationAST } from 'graphql';
import type { Log } from '../../log.js';
import { queryError } from '../base/errors.js';
import type { Access } from './analyse-operation.js';
import { givenCost } from './cost-estimate.js';
import { CALL_PRICE } from './cost-table.js';
import type { Execute, Execution } from './execute.js';
import type { ResponseCache } from './response-cache.js';

/** Why a request’s signal fires: nobody waits for its answer any more. */
export class RequestEnded extends Error {
  override readonly name: string = 'RequestEnded';
}

/** It has taken as long as it may. */
export class RequestTimeout extends RequestEnded {
  override readonly name = 'RequestTimeout';

  constructor(ms: number) {
    super(`The request exceeded the time limit of ${ms / 1000} s. Request less data at once.`);
  }
}

/** `run`, but answered with what happened as soon as the request has taken too long. */
export function withTimeout(run: Execute): Execute {
  return (execution) => {
    const { signal } = execution.context;
    const answer = run(execution);
    if (!signal || !(answer instanceof Promise)) return answer;
    return orTimeout(answer, signal);
  };
}

function orTimeout(answer: Promise<ExecutionResult>, signal: AbortSignal): Promise<ExecutionResult> {
  return new Promise((resolve, reject) => {
    const onAbort = () => {
      // whoever has gone away wants no answer: the one on its way will do
      if (signal.reason instanceof RequestTimeout) {
        resolve({ data: null, errors: [queryError('TIMEOUT', signal.reason.message)] });
      }
    };
    if (signal.aborted) onAbort();
    signal.addEventListener('abort', onAbort, { once: true });
    const stopListening = () => signal.removeEventListener('abort', onAbort);
    answer.then(
      (result) => {
        stopListening();
        resolve(result);
      },
      (error) => {
        stopListening();
        reject(error);
      },
    );
  });
}

/** `run`, with what it cost in the answer’s `extensions`, where it was admitted at a price. */
export function withCostExtension(run: Execute): Execute {
  return (execution) => {
    const result = run(execution);
    if (!execution.context.admission) return result;
    return result instanceof Promise
      ? result.then((each) => withCost(each, execution))
      : withCost(result, execution);
  };
}

function withCost(result: ExecutionResult, { context }: Execution): ExecutionResult {
  const { admission, trackedServices } = context;
  // what was wrong before anything was run cost nothing
  if (!admission || result.data === undefined) return result;
  const { requested, limit, measured } = admission;
  const actual = givenCost(measured.fields, result.data) + trackedServices.liveReads * CALL_PRICE;
  return { ...result, extensions: { cost: { requested, actual, limit } } };
}

/** Runs what readers ask on the schema that is theirs. Answers are kept by role, so none is given to another. */
export function byRole(run: Execute, forReaders: Execute | undefined): Execute {
  if (!forReaders) return run;
  return (execution) => (execution.context.role === 'reader' ? forReaders(execution) : run(execution));
}

/** `run`, but not for callers whose role does not go as far. */
export function guarding(access: Access, log: Log, run: Execute): Execute {
  return (execution) => {
    const { document, operationName, context } = execution;
    const errors = access.refusal(document, operationName, context.role);
    if (!errors) return run(execution);
    const { kind, id, role } = context.caller;
    const asked = errors.map(({ message }) => message);
    log.warn(
      { caller: { kind, id, role }, asked },
      'a caller requested something that its role does not allow',
    );
    return { errors };
  };
}

/** `run`, but for questions whose answer still stands; what changes something is done each time it is asked for. */
export function answering(run: Execute, answers: ResponseCache): Execute {
  return async (execution) => {
    const { document, queryHash, operationName, variables, context } = execution;
    if (getOperationAST(document, operationName)?.operation !== 'query') return run(execution);
    const key = answers.keyOf(context.role, queryHash, operationName, variables);
    const known = await answers.find(key, context.trackedServices);
    if (known) return known;
    const result = await run(execution);
    answers.keep(key, result, context.reads);
    return result;
  };
}
