import { GraphQLError, GraphQLScalarType, Kind } from 'graphql';
import { type Instant, parseUpstreamTime } from '../../values/instant.js';
import { Secret } from '../../values/secret.js';

const ISO_8601 = /^(\d{4}-\d{2}-\d{2}T\d{2}:\d{2})(:\d{2}(?:\.\d+)?)?(Z|[+-]\d{2}:?\d{2})$/i;

/**
 * An instant. The history keeps instants as fixed-width UTC text, so serialising is handing the text on; the
 * common DateTime scalars check it and make a `Date` of it first, once for every value of a page.
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

/** What is no text, and so no token; whoever takes it is told what a token looks like. */
const NO_TEXT = new Secret('(no text)');

/**
 * A token on its way in. It takes whatever it is given: the errors of a scalar that refuses a value repeat that
 * value, and a token given wrongly, as a number or within an object, would be in them.
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
