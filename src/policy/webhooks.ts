import { z } from 'zod';
import { LISTED_KINDS, type ListedKind } from '../resources/registry.js';

export const RECORD_CHANGES = ['added', 'changed', 'deleted'] as const;
export type RecordChange = (typeof RECORD_CHANGES)[number];

export function recordEvent(kind: ListedKind, change: RecordChange): string {
  return `${kind}.${change}`;
}

export const GATEWAY_EVENTS = [
  'seal.created',
  'collection.stale',
  'collection.recovered',
  'token.due',
  'waiver.expiring',
  'control.verdict_changed',
  'control.exception_opened',
  'control.exception_closed',
] as const;
export type GatewayEvent = (typeof GATEWAY_EVENTS)[number];

const EVENT_TYPES = [
  ...LISTED_KINDS.flatMap((kind) => RECORD_CHANGES.map((change) => recordEvent(kind, change))),
  ...GATEWAY_EVENTS,
];

const NAME = /^[a-z\d-]{1,40}$/;
const name = (what: string) =>
  z.string().regex(NAME, `must be ${what}: 1 to 40 characters from a to z, 0 to 9 and "-"`);

/** The file is part of every report, and the signature says who sends. */
const address = (description: string) =>
  z
    .string()
    .max(2000)
    .refine((text) => wrongWithAddress(text) === null, {
      error: ({ input }) => `must be an address that messages may be sent to: it ${wrongWithAddress(input)}`,
    })
    .describe(description);

function wrongWithAddress(input: unknown): string | null {
  const url = typeof input === 'string' && URL.canParse(input) ? new URL(input) : null;
  if (url === null) return 'is not a URL';
  if (url.username !== '' || url.password !== '' || url.search !== '')
    return 'contains a credential or a query, which every report would show';
  if (url.protocol === 'https:') return null;
  const isLocal = /^(localhost|127\.\d+\.\d+\.\d+|\[::1\])$/.test(url.hostname);
  return url.protocol === 'http:' && isLocal ? null : 'is not https (plain http is allowed to this machine)';
}

const webhook = z.strictObject({
  url: address('Where messages are sent: https, or http to this machine; without a credential.'),
  events: z
    .array(z.enum(EVENT_TYPES as [string, ...string[]]))
    .min(1)
    .describe('The types of messages that are sent.'),
  secrets: z
    .array(name('the name of a secret'))
    .min(1)
    .max(5)
    .describe(
      'Names of the secrets that sign messages, from WEBHOOK_SECRETS or “webhooks secret”; several while one replaces another.',
    ),
  integrations: z.array(z.string().min(1)).min(1).describe('Only these accounts. Default: all.').optional(),
  filter: z
    .partialRecord(z.enum(LISTED_KINDS as [ListedKind, ...ListedKind[]]), z.record(z.string(), z.unknown()))
    .describe(
      'By kind of record: only changes to records that match; as the argument `filter` of its list in the graph.',
    )
    .optional(),
  links: address(
    'Address of this gateway, for links in messages. Default: messages have no link.',
  ).optional(),
});

const MOST_WEBHOOKS = 20;

export const webhooksSchema = z
  .record(name('the name of a webhook'), webhook)
  .refine((all) => Object.keys(all).length <= MOST_WEBHOOKS, {
    error: `must have at most ${MOST_WEBHOOKS} webhooks`,
  })
  .describe('Where messages about events are sent, by name.');

export type WebhookRules = Readonly<z.infer<typeof webhook>>;
