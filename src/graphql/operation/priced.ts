import type { ExecutionResult } from 'graphql';
import { givenCost } from './cost-plan.js';
import { CALL_PRICE } from './cost-table.js';
import type { Execute, Execution } from './executor.js';

/** `run`, with what it cost in the answer’s `extensions`, where it was admitted at a price. */
export function priced(run: Execute): Execute {
  return (execution) => {
    const result = run(execution);
    if (!execution.context.admission) return result;
    return result instanceof Promise
      ? result.then((each) => withCost(each, execution))
      : withCost(result, execution);
  };
}

function withCost(result: ExecutionResult, { context }: Execution): ExecutionResult {
  const { admission, meansOfNotedRead } = context;
  // what was wrong before anything was run cost nothing
  if (!admission || result.data === undefined) return result;
  const { requested, limit, measured } = admission;
  const actual = givenCost(measured.fields, result.data) + meansOfNotedRead.liveReads * CALL_PRICE;
  return { ...result, extensions: { cost: { requested, actual, limit } } };
}
