import 'reflect-metadata';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { runCommand } from '../src/cli/run-command.js';
import { ERROR_CODES } from '../src/graphql/base/errors.js';

/*
 * What users read is plain English in standard terms. A word that is listed here has a plainer one, which the message
 * of the failing test names.
 */

const PLAINER: readonly (readonly [RegExp, string])[] = [
  [/\bwhoever\b/gi, 'callers that …, anyone who …'],
  [/\b(some|any)body\b/gi, 'the person, a user, everyone'],
  [/\banew\b/gi, 'again'],
  [/\bbeside\b/gi, 'next to, together with, while … is running'],
  [/\b(to be had|is to be|are to be)\b/gi, 'available, must be'],
  [/\bstands\b/gi, 'is'],
  [/\btold\b/gi, 'reported, determined'],
  [/\bvouch(es|ed)?\b/gi, 'is complete, is signed'],
  [/\black(s|ed|ing)?\b/gi, 'does not have, is missing'],
  [/\b(hold|holds|held) (\w+ )?against\b/gi, 'check against'],
  [/\bguise\b/gi, 'as'],
  [/\bleave to\b/gi, 'permission, the rate budget'],
  [/\bcome again\b/gi, 'retry'],
  [/\bmade up for\b/gi, 'sent again, filled'],
  [/\bmend(s|ed)?\b/gi, 'correct, repair'],
  [/\bmerely\b/gi, 'only'],
  [/\bbothersome\b/gi, 'unwanted'],
  [/(, save (the|for|what|where)\b|\bsave for\b)/gi, 'except'],
  [/\bbut for\b/gi, 'except'],
  [/\bof (its|their|your) own\b/gi, 'separate, its'],
  [/\bwish(es)?\b/gi, 'request'],
  [/\bparted by\b/gi, 'comma-separated'],
  [/\bset aside\b/gi, 'quarantined'],
  [/\bblot(s|ted)?\b/gi, 'redacted'],
  [/\bdeeds?\b/gi, 'action'],
  [/\btallies\b/gi, 'counts'],
  [/\b(fortune|journey|strokes?|mixture)\b/gi, 'the term of house.md, section 6'],
];

/** Names in code quotes are names, not words. */
function prose(text: string): string {
  return text.replace(/```.*?```/gs, '').replace(/`[^`\n]*`/g, '');
}

/** The words of `text` that have a plainer one, each with its line. */
function oldWords(text: string): string[] {
  return prose(text)
    .split('\n')
    .flatMap((line) =>
      PLAINER.flatMap(([word, plainer]) =>
        [...line.matchAll(word)].map(([found]) => `"${found}" (${plainer}): ${line.trim().slice(0, 160)}`),
      ),
    );
}

function markdownIn(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.md'))
    .map((name) => join(folder, name));
}

test.each(['README.md', 'CHANGELOG.md', ...markdownIn('docs'), 'schema.graphql'])(
  '%s uses plain words',
  (file) => {
    expect(oldWords(readFileSync(file, 'utf8'))).toEqual([]);
  },
);

test('the explanations of error codes use plain words', () => {
  expect(oldWords(Object.values(ERROR_CODES).join('\n'))).toEqual([]);
});

const COMMANDS = [
  [],
  ...['serve', 'poll', 'backfill', 'status', 'reconcile', 'report', 'verify'].map((name) => [name]),
  ...['add', 'list', 'test', 'rotate', 'remove'].map((name) => ['integrations', name]),
  ...['list', 'test', 'replay', 'secret'].map((name) => ['webhooks', name]),
  ...['encryption', 'rotate', 'signing', 'api'].map((name) => ['keys', name]),
  ...['list', 'revoke'].map((name) => ['keys', 'api', name]),
];

test.each(COMMANDS.map((command) => [command.join(' ') || 'the program', command] as const))(
  'the help of %s uses plain words',
  async (_, command) => {
    const help: string[] = [];
    const output = { write: (text: string) => help.push(text) };
    await runCommand({
      arguments: [...command, '--help'],
      ...{ env: {}, terminal: { out: output, err: output } },
      ...{ stop: new AbortController().signal, clock: () => 0 },
    });
    expect(help.join('').length).toBeGreaterThan(0);
    expect(oldWords(help.join(''))).toEqual([]);
  },
);

test('an old word is found as a word, and not inside a name or another word', () => {
  expect(oldWords('Nothing vouches for it.')).toHaveLength(1);
  expect(oldWords('Set `beside` or besides; the toll; black; bookstands')).toEqual([]);
});
