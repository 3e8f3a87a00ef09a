/*
 * TypeScript types of the schema and of operations, by the client preset of GraphQL Code Generator:
 *
 *     npx graphql-codegen --config codegen.ts
 *
 * Copy it into an application: `schema` is the gateway's schema.graphql, `documents` are the application's operations.
 */
const config = {
  schema: 'schema.graphql',
  documents: ['docs/clients/questions.graphql'],
  generates: {
    'generated/graphql/': {
      preset: 'client',
      presetConfig: { fragmentMasking: false },
      config: {
        /** Instants are text in UTC, durations ISO 8601 text. */
        scalars: {
          DateTime: 'string',
          ISO8601Duration: 'string',
          JSON: 'unknown',
          JSONObject: 'Record<string, unknown>',
          Token: 'string',
        },
        strictScalars: true,
        enumsAsTypes: true,
        useTypeImports: true,
      },
    },
  },
} as const;

export default config;
