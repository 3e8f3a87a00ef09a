import { ArgsType, Field, ID } from 'type-graphql';
import type { ControlDefinition, ControlFinding, CredentialFact, Member } from '../../controls/control.js';
import { type Keep, listedExceptions } from '../../controls/evaluate.js';
import { type Period, PeriodError, parsePeriod, partsOf, relativePeriod } from '../../controls/period.js';
import { CONTROLS, controlsOf } from '../../controls/registry.js';
import { evaluateOnce } from '../../evidence/evaluate-once.js';
import {
  type PeriodEvidence as EvidenceFacts,
  type EvidenceRequest,
  evaluatePeriod,
  type ViewRequest,
} from '../../evidence/evaluate-period.js';
import { gatherCredentials } from '../../evidence/gather-facts.js';
import { windowEnds } from '../../evidence/posture.js';
import type { Pin } from '../../history/store.js';
import { SIMULATED_ACCOUNT } from '../../integrations/accounts.js';
import { readTokenHistories } from '../../integrations/token-history.js';
import { rulesKey } from '../../policy/policy.js';
import type { Instant } from '../../values/instant.js';
import { badInput } from '../base/errors.js';
import { DateTime } from '../base/fields.js';
import { ForwardArgs } from '../lists/page.js';
import { toReadOptions } from '../lists/view.js';
import { checkIntegrations, type RequestServices } from '../request/services.js';
import { Trend } from './control.type.js';
import { type ControlResult, Evidence } from './evidence.type.js';

/** The exceptions that are kept with the verdicts; for later pages the period is evaluated again. */
const KEPT: Keep = { skip: 0, limit: 1000 };

export async function readEvidence(services: RequestServices, args: EvidenceArgs): Promise<Evidence> {
  const request = { ...(await requestOf(services, args)), keep: KEPT };
  return new Evidence({ request, evidence: await evaluateShared(services, request) });
}

async function requestOf(
  services: RequestServices,
  args: EvidenceArgs,
  controls = controlsAsked(args),
): Promise<Omit<EvidenceRequest, 'keep'>> {
  const trend = args.trend ?? null;
  const view = await viewOf(services, args);
  const relative = relativePeriod(args.period);
  const now = args.asOf ?? services.now();
  const end = relative && (await windowEnds(services.store, { ...view, now }))(controls);
  const period = asInput('period', () =>
    relative && end ? relative(end.to) : parsePeriod(args.period, services.now()),
  );
  if (trend !== null) asInput('trend', () => partsOf(period, trend));
  return { ...view, period, controls, trend };
}

export function controlsAsked({ controls = null }: Pick<EvidenceArgs, 'controls'>): ControlDefinition[] {
  return asInput('controls', () => controlsOf(controls));
}

export async function viewOf(
  services: RequestServices,
  args: Pick<EvidenceArgs, 'asOf' | 'integrations'>,
): Promise<ViewRequest> {
  const { asOf } = toReadOptions(services, { asOf: args.asOf ?? null });
  return {
    integrations: await checkIntegrations(services, args.integrations),
    pin: asOf === null ? await services.loaders.current.head() : await services.store.pinAt(asOf),
    rules: services.rules,
    credentials: await credentialsOf(services),
  };
}

/** Not every control has members that can be listed. */
export async function populationRequest(
  services: RequestServices,
  args: Pick<EvidenceArgs, 'period' | 'asOf' | 'integrations'> & { readonly control: string },
): Promise<Omit<EvidenceRequest, 'keep'>> {
  const controls = asInput('control', () => controlsOf([args.control]));
  const request = await requestOf(services, args, controls);
  const listed = Object.values(CONTROLS).filter((each) => each.population.isListed);
  if (request.controls.some((control) => listed.includes(control))) return request;
  throw badInput(
    `The members of ${args.control} are neither records nor messages. Pass one of ${listed.map(({ id }) => id).join(', ')}.`,
    'control',
  );
}

/** One evaluation reads the whole period, so it serves several pages. */
const MEMBERS_AT_ONCE = 1000;

export async function findMembers(
  services: RequestServices,
  request: Omit<EvidenceRequest, 'keep'>,
  { skip, limit }: Keep,
): Promise<{ readonly members: readonly Member[]; readonly count: number }> {
  const start = skip - (skip % MEMBERS_AT_ONCE);
  // a page may reach into the next block
  const size = skip + limit > start + MEMBERS_AT_ONCE ? 2 * MEMBERS_AT_ONCE : MEMBERS_AT_ONCE;
  const keep = { skip: 0, limit: 0, members: { skip: start, limit: size } };
  const [result] = (await evaluateShared(services, { ...request, keep })).results;
  const members = result?.members.slice(skip - start, skip - start + limit) ?? [];
  return { members, count: result?.population.count ?? 0 };
}

export async function findExceptions(
  services: RequestServices,
  { facts, asked }: ControlResult,
  pin: Pin,
  { skip, limit }: Keep,
): Promise<{ readonly exceptions: readonly ControlFinding[]; readonly count: number }> {
  const request = { ...asked.request, pin, trend: null, controls: [CONTROLS[facts.control]] };
  const isSameView = pin.seq === asked.evidence.pin.seq;
  const known = isSameView ? facts : (await evaluateShared(services, request)).results[0];
  const count = known ? listedExceptions(known) : 0;
  if (Math.min(skip + limit, count) <= KEPT.limit) {
    return { exceptions: known?.exceptions.slice(skip, skip + limit) ?? [], count };
  }
  const further = await evaluateShared(services, { ...request, keep: { skip, limit } });
  return { exceptions: further.results[0]?.exceptions ?? [], count };
}

async function credentialsOf({ store }: RequestServices): Promise<CredentialFact[]> {
  return gatherCredentials(await readTokenHistories(store), [SIMULATED_ACCOUNT]);
}

function asInput<T>(argument: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (error instanceof PeriodError || error instanceof RangeError) throw badInput(error.message, argument);
    throw error;
  }
}

/** The same request for the same view has one answer. */
function evaluateShared({ store }: RequestServices, request: EvidenceRequest): Promise<EvidenceFacts> {
  return evaluateOnce(store, keyOf(request), () => evaluatePeriod(store, request));
}

function keyOf({ controls, period, rules, ...rest }: EvidenceRequest): string {
  const { from, to, unit }: Period = period;
  return JSON.stringify([controls.map(({ id }) => id), from, to, unit, rulesKey(rules), rest]);
}

@ArgsType()
export class EvidenceArgs {
  @Field(() => String, {
    description:
      'The period, in UTC: a quarter (`2026-Q3`), a month (`2026-09`), an ISO week (`2026-W37`), a day (`2026-09-14`), or `FROM/TO`, each a day or a time with a time zone; TO is exclusive. Between the year 2000 and one year from now. `last-30d`, `P90D` and `month-to-date` end where the collection for the controls is complete; `period` of the result has the instants.',
  })
  period!: string;

  @Field(() => [ID], { nullable: true, description: 'Only these controls, by id. Default: all.' })
  controls?: string[] | null;

  @Field(() => DateTime, {
    nullable: true,
    description:
      'Evaluate what was recorded up to this instant of the gateway’s clock (UTC). Must not be in the future. Default: the newest recording. The same period and instant always give the same evidence.',
  })
  asOf?: Instant | null;

  @Field(() => [ID], {
    nullable: true,
    description:
      'Only these integrations, by name, evaluated together. Default: all that were read up to the instant.',
  })
  integrations?: string[] | null;

  @Field(() => Trend, { nullable: true, description: 'Also evaluate the parts of the period, for a trend.' })
  trend?: Trend | null;
}

@ArgsType()
export class PopulationArgs extends ForwardArgs {
  @Field(() => ID, { description: 'Id of a control whose members are records or messages.' })
  control!: string;

  @Field(() => String, { description: 'The period, in UTC, as for `evidence`.' })
  period!: string;

  @Field(() => DateTime, {
    nullable: true,
    description:
      'Read what was recorded up to this instant of the gateway’s clock (UTC). Must not be in the future. Default: the newest recording.',
  })
  asOf?: Instant | null;

  @Field(() => [ID], {
    nullable: true,
    description: 'Only these integrations, by name. Default: all that were read up to the instant.',
  })
  integrations?: string[] | null;
}
