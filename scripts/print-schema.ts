import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { lexicographicSortSchema, printSchema } from 'graphql';
import { buildGatewaySchema } from '../src/graphql/schema.js';

/*
 * Writes the schema to standard output; with --check compares it with schema.graphql instead and fails when
 * they differ. Sorted, so that moving a declaration is no change.
 */

const file = fileURLToPath(new URL('../schema.graphql', import.meta.url));
const printed = `${printSchema(lexicographicSortSchema(buildGatewaySchema()))}\n`;

if (!process.argv.includes('--check')) {
  process.stdout.write(printed);
} else if (readFileSync(file, 'utf8') !== printed) {
  process.stderr.write('schema.graphql is not what the code says: run `npm run schema` and commit it.\n');
  process.exitCode = 1;
}
