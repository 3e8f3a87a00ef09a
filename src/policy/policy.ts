import { z } from 'zod';
import { DAY, type Instant, parseInstant, toMillis } from '../values/instant.js';
import { FRAMEWORK_IDS } from './frameworks.js';
import {
  isInRange,
  parseThreshold,
  rangeOf,
  THRESHOLD_NAMES,
  THRESHOLDS,
  type ThresholdName,
  type Thresholds,
  toThresholds,
} from './thresholds.js';
import { type WebhookRules, webhooksSchema } from './webhooks.js';

export const CONTROL_IDS = [
  'detection-active',
  'attacks-captured',
  'attacks-remediated',
  'account-takeover-handled',
  'behavioural-ai-operating',
  'abuse-mailbox-operating',
  'collection-continuous',
  'token-rotation',
] as const;
export type ControlId = (typeof CONTROL_IDS)[number];

/** The controls with exceptions of records or messages. All other exceptions are gaps, which no waiver may hide. */
export const WAIVABLE_CONTROLS = [
  'attacks-captured',
  'attacks-remediated',
  'account-takeover-handled',
  'abuse-mailbox-operating',
] as const satisfies readonly ControlId[];

const line = (most: number, description: string) =>
  z
    .string()
    .trim()
    .min(1)
    .max(most)
    // a line break would let one field of a report look like another
    .regex(/^\P{Cc}*$/u, 'must be one line of text')
    .describe(description);

const day = (description: string) =>
  z
    .string()
    .refine((text) => parseInstant(text) !== null, {
      error: 'must be a day (2026-12-31, its midnight in UTC) or a time with a time zone',
    })
    .describe(description);

function thresholdSchema(name: ThresholdName) {
  const { type, description } = THRESHOLDS[name];
  const error = `must be ${rangeOf(name)}`;
  const isRight = (value: unknown) => {
    const number = parseThreshold(name, String(value));
    return number !== null && isInRange(name, number);
  };
  if (type === 'duration') return z.string().refine(isRight, { error }).describe(description);
  if (type === 'count') return z.int().refine(isRight, { error }).describe(description);
  return z.union([z.number(), z.string()], { error }).refine(isRight, { error }).describe(description);
}

const thresholds = z
  .strictObject(Object.fromEntries(THRESHOLD_NAMES.map((name) => [name, thresholdSchema(name).optional()])))
  .describe('Thresholds by name. Those that are missing keep their default or configured value.');

const controlRules = z.strictObject({
  owner: line(200, 'The person or team that owns the control.').optional(),
  notApplicable: line(
    1000,
    'The reason why the control does not apply. Its verdict is then NOT_APPLICABLE.',
  ).optional(),
});

const integration = line(100, 'Only records of this account. Default: all accounts.').optional();
const id = (what: string) => line(200, `Abnormal’s id of the ${what}, in quotes.`);

const subject = z
  .union(
    [
      z.strictObject({ record: id('threat, case or campaign; its messages are included'), integration }),
      z.strictObject({ message: id('message'), integration }),
      z.strictObject({
        query: line(100, 'A name for the query, shown in reports.'),
        limit: z.int().min(1).max(1000).describe('How many exceptions the query may waive in one period.'),
        label: line(
          200,
          'Text that the label of the exception contains: a subject and recipient, an employee. Case does not matter.',
        ),
        from: day('Only exceptions from this time on.').optional(),
        to: day('Only exceptions before this time.').optional(),
        integration,
      }),
    ],
    {
      error: 'must be {record: "<id>"}, {message: "<id>"} or {query: <name>, label: <text>, limit: <number>}',
    },
  )
  .describe('The exceptions that the waiver is about.');

const MOST_WAIVED = 366 * DAY;

const waiver = z
  .strictObject({
    control: z.enum(WAIVABLE_CONTROLS).describe('The control whose exceptions are waived.'),
    subject,
    reason: line(1000, 'Why the exception is accepted.'),
    owner: line(200, 'Who accepts it.'),
    ticket: line(200, 'Reference to the record of the decision.'),
    from: day('From when on the waiver is in force.'),
    expires: day('When the waiver ends: at most a year after `from`.'),
  })
  .refine(({ from, expires }) => (parseInstant(from) ?? '') < (parseInstant(expires) ?? '9'), {
    error: 'must be after `from`',
    path: ['expires'],
  })
  .refine(({ from, expires }) => lengthOf(from, expires) <= MOST_WAIVED, {
    error: 'must be at most a year after `from`',
    path: ['expires'],
  });

function lengthOf(from: string, to: string): number {
  const ends = [parseInstant(from), parseInstant(to)];
  return ends.includes(null) ? 0 : toMillis(ends[1] ?? '') - toMillis(ends[0] ?? '');
}

export const policySchema = z.strictObject({
  version: z.literal(1).describe('Version of the format.'),
  organisation: line(200, 'Name of the organisation, shown in reports.').optional(),
  title: line(200, 'Title of reports. Default: E-mail security controls.').optional(),
  documentation: z
    .url({ protocol: /^https?$/, error: 'must be an address that begins with https:// or http://' })
    .max(500)
    .describe(
      'Where the folder docs/ of the gateway is published. OSCAL refers to its page oscal.md as the namespace of properties. The gateway itself serves that page at /docs.',
    )
    .optional(),
  frameworks: z
    .array(z.enum(FRAMEWORK_IDS))
    .min(1)
    .describe('The frameworks whose references reports show. Default: all.')
    .optional(),
  thresholds: thresholds.optional(),
  integrations: z
    .record(z.string(), z.strictObject({ thresholds }))
    .describe('Thresholds of one account, by its name; they replace the general ones.')
    .optional(),
  controls: z
    .strictObject(Object.fromEntries(CONTROL_IDS.map((control) => [control, controlRules.optional()])))
    .describe('Owners, and controls that do not apply.')
    .optional(),
  waivers: z.array(waiver).max(1000).describe('Accepted exceptions.').optional(),
  webhooks: webhooksSchema.optional(),
});
type PolicyFile = z.infer<typeof policySchema>;

export function policyJsonSchema(): object {
  return {
    title: 'Policy of the Abnormal GraphQL gateway',
    ...z.toJSONSchema(policySchema, { io: 'input' }),
  };
}

export interface Waiver {
  /** Position in the file, from 1. */
  readonly number: number;
  readonly control: ControlId;
  readonly subject: z.infer<typeof subject>;
  readonly reason: string;
  readonly owner: string;
  readonly ticket: string;
  readonly from: Instant;
  readonly expires: Instant;
}

export interface Policy {
  /** The text of the file and its SHA-256 in hex; `null` if no policy is configured. */
  readonly file: { readonly text: string; readonly digest: string } | null;
  readonly organisation: string | null;
  readonly title: string;
  readonly documentation: string | null;
  /** `null`: all. */
  readonly frameworks: readonly (typeof FRAMEWORK_IDS)[number][] | null;
  readonly thresholds: Partial<Thresholds>;
  readonly integrations: Readonly<Record<string, Partial<Thresholds>>>;
  readonly controls: Partial<Record<ControlId, { readonly owner?: string; readonly notApplicable?: string }>>;
  readonly waivers: readonly Waiver[];
  readonly webhooks: Readonly<Record<string, WebhookRules>>;
}

/** What applies without a policy file. */
export const NO_POLICY: Policy = toPolicy({ version: 1 }, null);

export function toPolicy(file: PolicyFile, source: Policy['file']): Policy {
  const { organisation = null, documentation = null, frameworks = null } = file;
  const { title = 'E-mail security controls' } = file;
  return {
    ...{ file: source, organisation, title, documentation, frameworks },
    thresholds: numbersOf(file.thresholds),
    integrations: Object.fromEntries(
      Object.entries(file.integrations ?? {}).map(([name, own]) => [name, numbersOf(own.thresholds)]),
    ),
    controls: (file.controls ?? {}) as Policy['controls'],
    waivers: (file.waivers ?? []).map((each, i) => ({
      ...{ ...each, number: i + 1 },
      from: parseInstant(each.from) ?? each.from,
      expires: parseInstant(each.expires) ?? each.expires,
    })),
    webhooks: file.webhooks ?? {},
  };
}

function numbersOf(texts: PolicyFile['thresholds'] = {}): Partial<Thresholds> {
  const numbers = Object.entries(texts).flatMap(([name, value]) => {
    const number = value === undefined ? null : parseThreshold(name as ThresholdName, String(value));
    return number === null ? [] : [[name, number] as const];
  });
  return Object.fromEntries(numbers);
}

/** What verdicts depend on besides the records: the policy and the thresholds that follow from it. */
export interface Rules {
  readonly policy: Policy;
  readonly thresholds: Thresholds;
  /** The thresholds of accounts with values of their own. */
  readonly own: Readonly<Record<string, Thresholds>>;
  /** Thresholds that were given for one evaluation (`--threshold`); they replace those of the policy. */
  readonly overrides: Partial<Thresholds>;
}

/**
 * The thresholds in effect: defaults, then the gateway's `configured` intervals, then the policy, then `overrides`.
 * Throws a RangeError for a value out of range.
 */
export function applyPolicy(
  policy: Policy,
  configured: Partial<Thresholds> = {},
  overrides: Partial<Thresholds> = {},
): Rules {
  const general = { ...configured, ...policy.thresholds };
  const own = Object.entries(policy.integrations).map(([name, values]) => [
    name,
    toThresholds({ ...general, ...values, ...overrides }),
  ]);
  const thresholds = toThresholds({ ...general, ...overrides });
  return { policy, thresholds, own: Object.fromEntries(own), overrides };
}

export function thresholdsFor({ thresholds, own }: Rules, integration: string): Thresholds {
  return own[integration] ?? thresholds;
}

/** The same rules have the same text; the policy's own text is replaced by its digest. */
export function rulesKey({ policy, ...rest }: Rules): string {
  return JSON.stringify([policy.file?.digest ?? null, rest]);
}
