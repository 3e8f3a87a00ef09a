/*
 * What may import what, each rule with its reason. The picture is in docs/architecture.md.
 * Type-only imports count as imports unless a rule says otherwise: a type ties parts together as a value does.
 */

/** `folder` may import from itself, from `model/`, the log's type, and from what is named; nothing else of `src`. */
function layer(folder, allowed, comment) {
  const may = [`^src/${folder}/`, '^src/model/', '^src/(log|bounded-cache)[.]ts$', ...allowed];
  return {
    name: `layer-${folder}`,
    comment,
    severity: 'error',
    from: { path: `^src/${folder}/` },
    to: { path: '^src/', pathNot: may },
  };
}

/** `packages` may be imported by the files that match `homes` only. */
function onlyIn(name, packages, homes, comment) {
  return {
    name,
    comment,
    severity: 'error',
    from: { path: '^src/', pathNot: homes },
    to: { path: packages.map((each) => `^(node_modules/)?${each}(/|$)`) },
  };
}

const ADAPTER = '^src/history/(sqlite|mongo)';

export default {
  forbidden: [
    {
      name: 'model-is-pure',
      comment:
        'The model is plain types and pure functions: no I/O, no service parts. Whatever reads or waits belongs in the layer that does it.',
      severity: 'error',
      from: { path: '^src/model/' },
      to: { pathNot: ['^src/model/', '^(node:)?crypto$', '^node_modules/canonicalize/'] },
    },
    {
      name: 'controls-are-pure',
      comment:
        'A control judges what it is given and nothing else: the same records and the same `now` give the same verdict, today and in an audit.',
      severity: 'error',
      from: { path: '^src/controls/' },
      to: { pathNot: ['^src/controls/', '^src/model/'] },
    },
    layer(
      'evidence',
      ['^src/controls/', '^src/history/(store|errors|watch-writes|temporary-files|batch-statement)[.]ts$'],
      'Evidence is made from the history and the verdicts alone, so that it can be checked away from the gateway.',
    ),
    layer(
      'abnormal',
      ['^src/integrations/secret[.]ts$', '^src/outgoing[.]ts$'],
      'The client knows the API and nothing of what is done with its answers.',
    ),
    layer(
      'simulator',
      [],
      'The simulated tenant stands in for Abnormal: were it to share code with the client, a mistake in one would hide itself in the other.',
    ),
    layer(
      'history',
      [],
      'A store keeps and gives back; it knows neither where records come from nor who asks.',
    ),
    layer(
      'audit',
      ['^src/history/(store|errors|watch-writes|temporary-files)[.]ts$'],
      'The audit trail is written to the history by whoever does something: it knows nothing of what was done.',
    ),
    layer(
      'integrations',
      ['^src/abnormal/', '^src/simulator/', '^src/history/(store|errors|watch-writes|temporary-files)[.]ts$'],
      'An account is a client with a name; whatever uses accounts comes above.',
    ),
    layer(
      'sync',
      [
        '^src/abnormal/',
        '^src/history/(store|errors|watch-writes|temporary-files)[.]ts$',
        '^src/integrations/',
      ],
      'Sync reads through the client and writes through the port, whichever store is behind it and whoever asks.',
    ),
    layer(
      'loaders',
      [
        '^src/abnormal/',
        '^src/history/(store|errors|watch-writes|temporary-files)[.]ts$',
        '^src/integrations/',
        '^src/sync/',
      ],
      'Loaders fetch for the graph and know nothing of GraphQL types.',
    ),
    layer(
      'graphql',
      [
        '^src/audit/',
        '^src/callers/api-keys[.]ts$',
        '^src/controls/',
        '^src/evidence/',
        '^src/loaders/',
        '^src/abnormal/',
        '^src/history/(store|errors|watch-writes|temporary-files)[.]ts$',
        '^src/integrations/',
        '^src/sync/',
      ],
      'The graph answers from loaders and the port; HTTP is not its concern.',
    ),
    layer(
      'metrics',
      [
        '^src/graphql/',
        '^src/abnormal/',
        '^src/history/(store|errors|watch-writes|temporary-files)[.]ts$',
        '^src/integrations/',
        '^src/sync/',
      ],
      'What the parts tell their observers is counted in one place; none of them knows how.',
    ),
    layer(
      'callers',
      ['^src/history/(store|errors|watch-writes|temporary-files)[.]ts$', '^src/outgoing[.]ts$'],
      'Who asks is told from the history’s keys and from tokens; what a caller may do is said where it is done.',
    ),
    layer(
      'http',
      [
        '^src/callers/',
        '^src/audit/',
        '^src/graphql/',
        '^src/loaders/',
        '^src/history/(store|errors|watch-writes|temporary-files)[.]ts$',
        '^src/integrations/',
        '^src/sync/',
      ],
      'The server carries the graph and reports health; parts are handed to it by app.ts.',
    ),
    {
      name: 'config-stands-alone',
      comment: 'The configuration is read before anything is made, so it depends on nothing that is made.',
      severity: 'error',
      from: { path: '^src/config(/|[.]ts$)' },
      to: {
        path: '^src/',
        pathNot: [
          '^src/(controls|evidence)/',
          '^src/(controls|evidence)/',
          '^src/config(/|[.]ts$)',
          '^src/model/',
          '^src/log[.]ts$',
          '^src/integrations/(secret|address|token-text|encryption-key)[.]ts$',
        ],
      },
    },
    {
      name: 'wiring-in-app',
      comment:
        'app.ts is the only place where the parts are put together; commands and main use what it gives.',
      severity: 'error',
      from: { path: '^src/', pathNot: ['^src/(app|main)[.]ts$', '^src/(app|cli)/'] },
      to: { path: ['^src/(app|main)[.]ts$', '^src/(app|cli)/'] },
    },
    {
      name: 'main-is-thin',
      comment:
        'main.ts turns arguments and signals into a command; whatever it needs of the parts goes through cli/ and app.ts.',
      severity: 'error',
      from: { path: '^src/main[.]ts$' },
      to: {
        path: '^src/',
        pathNot: ['^src/cli/', '^src/app[.]ts$', '^src/config(/|[.]ts$)', '^src/log[.]ts$'],
      },
    },
    {
      name: 'adapters-behind-open-store',
      comment:
        'Nobody may depend on which store it is: open-store.ts chooses, everybody else knows the port.',
      severity: 'error',
      from: { path: '^src/', pathNot: [ADAPTER, '^src/history/open-store[.]ts$'] },
      to: { path: ADAPTER },
    },
    onlyIn(
      'sqlite-in-its-adapter',
      ['@photostructure/sqlite', 'libsql', '@libsql/.*', 'better-sqlite3'],
      ['^src/history/sqlite-driver[.]ts$'],
      'One file chooses the SQLite driver and hides how the two differ.',
    ),
    onlyIn(
      'mongodb-in-its-adapter',
      ['mongodb', 'bson'],
      ['^src/history/mongo'],
      'The MongoDB driver is one adapter’s business.',
    ),
    onlyIn(
      'type-graphql-in-graphql',
      ['type-graphql', 'graphql-scalars'],
      ['^src/graphql/'],
      'The schema is declared in one folder; a decorator elsewhere would tie a part to GraphQL.',
    ),
    onlyIn(
      'one-upstream-door',
      ['node-fetch'],
      ['^src/outgoing[.]ts$'],
      'One place sends HTTP requests: none follows a redirect, and no message repeats an address that may hold a credential.',
    ),
    {
      name: 'known-senders',
      comment:
        'Whoever sends a request bounds its time and its response. To Abnormal only request.ts sends: there the token is attached, the budget kept and the host checked.',
      severity: 'error',
      from: {
        path: '^src/',
        pathNot: [
          '^src/abnormal/request[.]ts$',
          '^src/callers/json-web-tokens[.]ts$',
          '^src/app/seal-hook[.]ts$',
        ],
      },
      to: { path: '^src/outgoing[.]ts$' },
    },
    onlyIn(
      'caches-are-bounded',
      ['lru-cache'],
      ['^src/bounded-cache[.]ts$'],
      'A cache has a bound in bytes and is known by name, so that all of them can be looked at together.',
    ),
    onlyIn(
      'server-in-http',
      ['fastify', '@fastify/.*', '@as-integrations/.*', 'altair-static'],
      ['^src/http/'],
      'HTTP serving is one folder’s business.',
    ),
    onlyIn(
      'log-in-log',
      ['pino', 'pino-pretty'],
      ['^src/log[.]ts$'],
      'What may be logged, and how, is decided in one place.',
    ),
    onlyIn(
      'prometheus-in-metrics',
      ['prom-client'],
      ['^src/metrics/'],
      'How measures are kept and written is one folder’s business.',
    ),
    onlyIn(
      'tokens-in-callers',
      ['jose'],
      ['^src/callers/'],
      'Whether a token is valid is decided in one place.',
    ),
    onlyIn('arguments-in-cli', ['commander'], ['^src/cli/'], 'Command lines are parsed in one folder.'),
    {
      name: 'no-cycles',
      comment:
        'Parts that import each other at run time cannot be understood or loaded one by one. The graph’s types do refer to each other, through functions, so they are let be.',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/graphql/' },
      to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } },
    },
    {
      name: 'no-barrels',
      comment: 'An index file hides where a thing comes from and loads what nobody asked for.',
      severity: 'error',
      from: { path: '^src/' },
      to: { path: '/index[.]ts$', pathNot: '^node_modules/' },
    },
    {
      name: 'no-orphans',
      comment: 'A module that nothing uses is forgotten code.',
      severity: 'error',
      from: { orphan: true, path: '^src/', pathNot: ['[.]d[.]ts$'] },
      to: {},
    },
    {
      name: 'no-dev-packages',
      comment: 'What the service imports must be installed with it.',
      severity: 'error',
      from: { path: '^src/' },
      to: {
        dependencyTypes: ['npm-dev'],
        dependencyTypesNot: ['type-only'],
        pathNot: '^node_modules/@types/',
      },
    },
    {
      name: 'no-undeclared-packages',
      comment: 'A package that is there by chance is gone with the next install.',
      severity: 'error',
      from: { path: '^src/' },
      to: { dependencyTypes: ['npm-no-pkg', 'npm-unknown'] },
    },
    {
      name: 'no-unresolvable',
      comment: 'An import that leads nowhere fails when it is reached.',
      severity: 'error',
      from: { path: '^src/' },
      to: { couldNotResolve: true },
    },
    {
      name: 'no-test-code',
      comment: 'The service does not run on its tests.',
      severity: 'error',
      from: { path: '^src/' },
      to: { path: '^(test|scripts|bench)/' },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'node', 'default', 'types'],
    },
  },
};
