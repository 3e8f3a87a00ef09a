import { DEFAULT_ORDER } from '../../resources/definition.js';
import { KIND_OF, type ListedKind } from '../../resources/kind.js';
import type { Filter } from '../../values/filter.js';
import type { Instant } from '../../values/instant.js';
import { badInput } from '../base/errors.js';
import { headView, pastView, toWish } from '../lists/view.js';
import { checkIntegrations, integrationNames } from '../request/choose-integrations.js';
import type { Means } from '../request/services.js';
import type { CoverageArgs } from './coverage.args.js';
import { reportCoverage, withUndecided } from './coverage.js';
import type { CoverageReport } from './coverage.type.js';

/** The coverage that a caller asks for; a window that ends before it begins is the caller's error. */
export async function readCoverage(means: Means, args: CoverageArgs): Promise<CoverageReport> {
  const { from = null, to = null, resource } = args;
  if (from !== null && to !== null && to < from)
    throw badInput(`to (${to}) must not be before from (${from}).`);
  const wish = toWish(means, { asOf: args.asOf ?? null });
  const { asOf } = wish;
  const view =
    asOf === null
      ? headView(means, wish, null, await means.store.head())
      : await pastView(means, { ...wish, asOf });
  const integrations = await checkIntegrations(means, args.integrations);
  const names = integrations ?? (await integrationNames(means));
  const report = await reportCoverage(means, view, resource, names, { from, to });
  const kind = KIND_OF[resource];
  return withUndecided(means, report, {
    kind,
    filter: windowFilter(kind, from, to),
    integrations,
    seq: view.seq,
  });
}

/** The window as a filter on the time that the resource is collected by; `null` without bounds. */
function windowFilter(kind: ListedKind, from: Instant | null, to: Instant | null): Filter | null {
  const field = DEFAULT_ORDER[kind];
  const parts = [
    ...(from === null ? [] : [{ field, gte: from }]),
    ...(to === null ? [] : [{ field, lte: to }]),
  ];
  return parts.length === 0 ? null : { and: parts };
}
