import { GraphQLScalarType, Kind } from 'graphql';
import { Secret } from '../../values/secret.js';

/** What is no text, and so no token; whoever takes it is told what a token looks like. */
const NO_TEXT = new Secret('(no text)');

/**
 * A token on its way in. It takes whatever it is given: the errors of a scalar that refuses a value repeat that
 * value, and a token given wrongly, as a number or within an object, would be in them.
 */
export const Token = new GraphQLScalarType<Secret, string>({
  name: 'Token',
  description:
    'A token of Abnormal’s API, as text: the token alone, as Abnormal showed it once. Write-only: it is kept encrypted, and nothing gives it back.',
  parseValue: toSecret,
  parseLiteral: (node) => toSecret(node.kind === Kind.STRING ? node.value : null),
  serialize: () => '[secret]',
});

function toSecret(value: unknown): Secret {
  return typeof value === 'string' ? new Secret(value.trim()) : NO_TEXT;
}
