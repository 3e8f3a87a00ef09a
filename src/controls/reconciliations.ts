import { earliest, type Instant, latest, toMillis } from '../values/instant.js';
import type { ReconciliationFact, Scope } from './control.js';
import type { Period } from './period.js';

export interface ReconciliationSummary {
  /** The share of the period that the newest reconciliations of all integrations found complete. */
  readonly share: number;
  readonly short: readonly ReconciliationFact[];
}

/** The newest reconciliation of each span decides. */
export function summariseReconciliations(scope: Scope): ReconciliationSummary {
  const { period, integrations } = scope;
  const all = [...scope.reconciliations].sort((a, b) => (a.endedAt < b.endedAt ? 1 : -1));
  const parts = integrations.map((name) =>
    spokenOf(
      all.filter((fact) => fact.integration === name),
      period,
    ),
  );
  const length = toMillis(period.to) - toMillis(period.from);
  const matched = parts.reduce((sum, part) => sum + part.matchedMs, 0);
  return {
    share: integrations.length === 0 ? 0 : matched / (length * integrations.length),
    short: parts.flatMap(({ short }) => short),
  };
}

type Span = { readonly from: Instant; readonly to: Instant };

function spokenOf(facts: readonly ReconciliationFact[], period: Period) {
  let open: Span[] = [{ from: period.from, to: period.to }];
  let matchedMs = 0;
  const short: ReconciliationFact[] = [];
  for (const fact of facts) {
    const { found } = fact;
    // an unreadable population leaves the older result valid
    if (found.verdict === 'UNVERIFIED') continue;
    const own = open.flatMap((span) => overlapOf(span, found) ?? []);
    if (own.length === 0) continue;
    open = open.flatMap((span) => without(span, found));
    if (isIncomplete(fact)) short.push(fact);
    else matchedMs += own.reduce((sum, { from, to }) => sum + toMillis(to) - toMillis(from), 0);
  }
  return { matchedMs, short };
}

export function isIncomplete({ stillMissing, stillMissingMore }: ReconciliationFact): boolean {
  return stillMissing.length + stillMissingMore > 0;
}

function overlapOf(a: Span, b: Span): Span | null {
  const span = { from: latest(a.from, b.from), to: earliest(a.to, b.to) };
  return span.from < span.to ? span : null;
}

function without(span: Span, taken: Span): Span[] {
  const rest = [
    { from: span.from, to: earliest(span.to, taken.from) },
    { from: latest(span.from, taken.to), to: span.to },
  ];
  return rest.filter(({ from, to }) => from < to);
}
