import { existsSync, readFileSync } from 'node:fs';
import Ajv from 'ajv';
import addFormats from 'ajv-formats';
import { z } from 'zod';

/*
 * OSCAL assessment results, checked in two ways: by the official JSON schema where `OSCAL_SCHEMA` names a file with
 * it (it is not ours to copy), and always by what that schema asks of the parts that are written here.
 */

/** Whether the official schema is there to check by. */
export const OFFICIAL_SCHEMA = process.env.OSCAL_SCHEMA ?? '';
export const hasOfficialSchema = OFFICIAL_SCHEMA !== '' && existsSync(OFFICIAL_SCHEMA);

/** What the official schema finds wrong, a line each. */
export function officialFaults(document: unknown): string[] {
  const schema = JSON.parse(readFileSync(OFFICIAL_SCHEMA, 'utf8')) as Record<string, unknown>;
  const ajv = new Ajv.default({ strict: false, allErrors: true });
  addFormats.default(ajv);
  const validate = ajv.compile(schema);
  validate(document);
  return (validate.errors ?? []).map(({ instancePath, message }) => `${instancePath} ${message}`);
}

const uuid = z.string().regex(/^[0-9a-f]{8}-[0-9a-f]{4}-[45][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
const text = z.string().regex(/^\S(.*\S)?$/u);
const line = z.string().regex(/^[^\n]+$/);
const lines = z.string().min(1);
const token = z.string().regex(/^(\p{L}|_)(\p{L}|\p{N}|[.\-_])*$/u);
const time = z.string().regex(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
const some = <T extends z.ZodType>(item: T) => z.array(item).min(1);
const props = some(z.strictObject({ name: token, ns: z.url(), value: text })).optional();
const status = z.strictObject({ state: z.enum(['operational']) });
const component = z.strictObject({ uuid, type: text, title: line, description: lines, props, status });
const origins = some(
  z.strictObject({ actors: some(z.strictObject({ type: z.literal('tool'), 'actor-uuid': uuid })) }),
);

const observation = z.strictObject({
  uuid,
  title: line.optional(),
  description: lines,
  props,
  methods: some(z.enum(['EXAMINE', 'INTERVIEW', 'TEST', 'UNKNOWN'])),
  types: some(token),
  origins,
  subjects: some(z.strictObject({ 'subject-uuid': uuid, type: token })).optional(),
  'relevant-evidence': some(z.strictObject({ description: lines })).optional(),
  collected: time,
  expires: time.optional(),
  remarks: lines.optional(),
});

const finding = z.strictObject({
  uuid,
  title: line,
  description: lines,
  props,
  target: z.strictObject({
    type: z.enum(['statement-id', 'objective-id']),
    'target-id': token,
    description: lines,
    status: z.strictObject({ state: z.enum(['satisfied', 'not-satisfied']), reason: token }),
  }),
  'related-observations': some(z.strictObject({ 'observation-uuid': uuid })),
  'related-risks': some(z.strictObject({ 'risk-uuid': uuid })).optional(),
  remarks: lines,
});

const risk = z.strictObject({
  uuid,
  title: line,
  description: lines,
  statement: lines,
  props,
  status: z.enum(['open', 'deviation-approved']),
  deadline: time.optional(),
  'related-observations': some(z.strictObject({ 'observation-uuid': uuid })).optional(),
});

const result = z.strictObject({
  uuid,
  title: line,
  description: lines,
  start: time,
  end: time,
  'local-definitions': z.strictObject({
    components: some(component).optional(),
    'assessment-assets': z.strictObject({
      components: some(component),
      'assessment-platforms': some(
        z.strictObject({ uuid, 'uses-components': some(z.strictObject({ 'component-uuid': uuid })) }),
      ),
    }),
  }),
  'reviewed-controls': z.strictObject({
    description: lines,
    'control-selections': some(
      z.strictObject({ 'include-controls': some(z.strictObject({ 'control-id': token })) }),
    ),
  }),
  observations: some(observation),
  risks: some(risk).optional(),
  findings: some(finding).optional(),
});

/** Assessment results as far as this gateway writes them; what it does not write is not allowed. */
export const oscalDocument = z.strictObject({
  'assessment-results': z.strictObject({
    uuid,
    metadata: z.strictObject({
      title: line,
      'last-modified': time,
      version: text,
      'oscal-version': text,
      props,
      remarks: lines.optional(),
    }),
    'import-ap': z.strictObject({ href: z.string().startsWith('#') }),
    results: some(result),
    'back-matter': z.strictObject({
      resources: some(
        z.strictObject({
          ...{ uuid, title: line, description: lines, props },
          rlinks: some(z.strictObject({ href: text, 'media-type': text })).optional(),
          base64: z.strictObject({ filename: text, 'media-type': text, value: text }).optional(),
        }),
      ),
    }),
  }),
});
