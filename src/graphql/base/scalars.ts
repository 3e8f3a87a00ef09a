import { GraphQLError, GraphQLScalarType, Kind } from 'graphql';
import { type Instant, parseUpstreamTime } from '../../values/instant.js';
import { Secret } from '../../values/secret.js';

const ISO_8601 = /^(\d{4}-\d{2}-\d{2}T\d{2}:\d{2})(:\d{2}(?:\.\d+)?)?(Z|[+-]\d{2}:?\d{2})$/i;

/**
 * The history stores instants as fixed-width UTC text, so the text is the serialised value. The common DateTime
 * scalars check it and make a `Date` of every value first.
 */
export const DateTime = new GraphQLScalarType<Instant, Instant>({
  name: 'DateTime',
  description:
    'An instant in UTC, as ISO 8601 text with milliseconds: `2026-03-01T08:15:00.000Z`. Input may be any ISO 8601 date and time with a time zone (`2026-03-01T09:15+01:00`); digits after the milliseconds are dropped.',
  specifiedByURL: 'https://scalars.graphql.org/andimarek/date-time.html',
  serialize: (value) => value as Instant,
  parseValue: (value) => readInstant(value),
  parseLiteral: (node) => readInstant(node.kind === Kind.STRING ? node.value : undefined),
});

function readInstant(value: unknown): Instant {
  const parts = typeof value === 'string' ? ISO_8601.exec(value.trim()) : null;
  const [, minutes, seconds = ':00', zone] = parts ?? [];
  const instant = minutes && zone ? parseUpstreamTime(`${minutes}${seconds}${zone}`.toUpperCase()) : null;
  if (instant !== null) return instant;
  throw new GraphQLError(
    `DateTime cannot represent ${JSON.stringify(value)}. Pass a date and time with a time zone, such as 2026-03-01T08:15:00Z.`,
  );
}

/** Stands for a value that is not text; the check of tokens refuses it and says what a token looks like. */
const NO_TEXT = new Secret('(no text)');

/**
 * Accepts every value: a scalar that refuses a value repeats it in its error, and the value may contain the token,
 * for example if it was given within an object.
 */
export const Token = new GraphQLScalarType<Secret, string>({
  name: 'Token',
  description:
    'An API token of Abnormal, as text: only the token, as Abnormal displayed it. Write-only: it is stored encrypted and never returned.',
  parseValue: toSecret,
  parseLiteral: (node) => toSecret(node.kind === Kind.STRING ? node.value : null),
  serialize: () => '[secret]',
});

function toSecret(value: unknown): Secret {
  return typeof value === 'string' ? new Secret(value.trim()) : NO_TEXT;
}
