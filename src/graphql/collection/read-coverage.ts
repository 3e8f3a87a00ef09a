import type { Means } from '../context.js';
import { badInput } from '../errors.js';
import { checkIntegrations, integrationNames } from '../integration/integrations.js';
import { headView, pastView, toWish } from '../lists/view.js';
import type { CoverageArgs } from './coverage.args.js';
import { reportCoverage } from './coverage.js';
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
  const names = (await checkIntegrations(means, args.integrations)) ?? (await integrationNames(means));
  return reportCoverage(means, view, resource, names, { from, to });
}
