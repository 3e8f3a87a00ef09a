import 'reflect-metadata';
import type { GraphQLField, GraphQLInputField } from 'graphql';
import { expect, test } from 'vitest';
import { runCommand } from '../../src/cli/run-command.js';
import { buildGatewaySchema } from '../../src/graphql/schema.js';
import { PROJECTION_KEY } from '../../src/history/mongo/schema.js';

/* What users and programs depend on by name: commands with their options, and the names of the schema. */

const COMMANDS = [
  [],
  ...['serve', 'poll', 'backfill', 'status', 'reconcile', 'report', 'posture', 'verify'].map((name) => [
    name,
  ]),
  ...['', 'add', 'list', 'test', 'rotate', 'remove'].map((name) => ['integrations', name]),
  ...['', 'check', 'show', 'init'].map((name) => ['policy', name]),
  ...['', 'list', 'test', 'replay', 'secret'].map((name) => ['webhooks', name]),
  ...['', 'encryption', 'rotate', 'signing', 'api'].map((name) => ['keys', name]),
  ...['list', 'revoke'].map((name) => ['keys', 'api', name]),
];

/** The usage and the first column of the help: commands, arguments and options without their texts. */
async function namesIn(command: readonly string[]): Promise<string> {
  const help: string[] = [];
  const output = { write: (text: string) => help.push(text) };
  await runCommand({
    arguments: [...command.filter((name) => name !== ''), '--help'],
    ...{ env: {}, terminal: { out: output, err: output } },
    ...{ stop: new AbortController().signal, clock: () => 0 },
  });
  const names = help
    .join('')
    .split('\n')
    .flatMap((line) => {
      const name = /^Usage: .*|^ {2}(?:-|[a-z]+(?: [<[].*?)?(?= {2})).*?(?= {2}|$)/.exec(line)?.[0];
      return name ? [name.trim()] : [];
    });
  return names.join('\n');
}

test('every command keeps its arguments and options', async () => {
  const names: string[] = [];
  for (const command of COMMANDS) names.push(await namesIn(command));
  await expect(`${names.join('\n\n')}\n`).toMatchFileSnapshot('./commands.txt');
});

function argumentsOf(field: GraphQLField<unknown, unknown> | GraphQLInputField): string[] {
  return 'args' in field ? field.args.map(({ name, type }) => `${name}: ${type}`).sort() : [];
}

test('the schema keeps its types, fields and arguments', async () => {
  const lines = Object.values(buildGatewaySchema().getTypeMap())
    .filter(({ name }) => !name.startsWith('__'))
    .map((type) => {
      if ('getValues' in type)
        return `${type.name}: ${type
          .getValues()
          .map(({ name }) => name)
          .join(' ')}`;
      if (!('getFields' in type)) return type.name;
      const fields = Object.values(type.getFields()).map((field) => {
        const args = argumentsOf(field);
        return `  ${field.name}${args.length > 0 ? `(${args.join(', ')})` : ''}: ${field.type}`;
      });
      return [type.name, ...fields.sort()].join('\n');
    });
  await expect(`${lines.sort().join('\n')}\n`).toMatchFileSnapshot('./schema-names.txt');
});

test('the stores keep the projection of records by which every existing history was written', () => {
  expect(PROJECTION_KEY).toBe('827410b378f4dde67ad72edc73b486dbdd3c16bb58c925487168d1c845135c96');
});
