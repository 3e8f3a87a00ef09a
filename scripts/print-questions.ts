import { createHash } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { QUESTIONS, QUESTIONS_DOCUMENT } from '../src/graphql/operation/questions.js';

/* Writes the questions as a collection for any IDE, and as a manifest for PERSISTED_OPERATIONS. */

const operations = QUESTIONS.map(({ name, query: body }) => ({
  ...{ id: createHash('sha256').update(body).digest('hex'), name, type: 'query', body },
}));
const manifest = { format: 'apollo-persisted-query-manifest', version: 1, operations };

writeFileSync('docs/clients/questions.graphql', QUESTIONS_DOCUMENT);
writeFileSync('docs/clients/questions.manifest.json', `${JSON.stringify(manifest, null, 2)}\n`);
