import type { IntegrationTest } from '../integrations/test-integration.js';
import { formatTable } from './table.js';
import { print, type Terminal } from './terminal.js';

/** Prints what a connection test found, a line for each thing that was asked. */
export function printTest(terminal: Terminal, name: string, { works, parts }: IntegrationTest): void {
  print(terminal, `${name} ${works ? 'works' : 'does not work'}`);
  const rows = parts.map(({ part, outcome, message }) => [`  ${part}`, outcome, message]);
  for (const line of formatTable(rows)) print(terminal, line);
}

/** What a test comes to, for the audit trail. */
export function testDetail({ works, parts }: IntegrationTest): string {
  const outcomes = parts.map(({ part, outcome }) => `${part} ${outcome}`).join(', ');
  return `${works ? 'works' : 'does not work'}: ${outcomes}`;
}
