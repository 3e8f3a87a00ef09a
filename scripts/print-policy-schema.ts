import { writeFileSync } from 'node:fs';
import { policyJsonSchema } from '../src/policy/policy.js';

/* Writes docs/policy.schema.json from the definition of the policy; test/policy/policy.test.ts checks that it fits. */

writeFileSync('docs/policy.schema.json', `${JSON.stringify(policyJsonSchema(), null, 2)}\n`);
