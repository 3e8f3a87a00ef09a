/*
 * What may import what, each rule with its reason. docs/architecture.md shows the modules.
 * Type-only imports count like any other import: a type couples two modules as a value does.
 */

/**
 * For each module, what it may import besides its own files, and why nothing else. The order is the order of the
 * layers: a module imports only from modules above it, so the table has no cycle.
 */
const STORE = 'history/(store|store-access|statistics|errors)';

export const MODULES = {
  values: [[], 'Plain values and pure helpers know nothing of the project.'],
  log: [['values'], 'Every module may write to the log, so the log depends on no other module.'],
  outgoing: [['values'], 'The one place that sends HTTP requests knows nothing of what is sent.'],
  tracing: [[], 'A span may be anywhere, so it depends on no other module.'],
  async: [['values'], 'Timers, signals and shared calls have no domain terms.'],
  resources: [['values'], 'A resource is defined once; every other module reads the definition.'],
  model: [['values', 'resources'], 'What a history contains: plain types and pure functions.'],
  policy: [
    ['values', 'resources', 'model'],
    'What an organisation declares about its controls; it knows nothing of how they are evaluated.',
  ],
  simulator: [
    ['values'],
    'The simulated tenant shares no code with the client: a mistake in shared code would hide itself.',
  ],
  abnormal: [
    ['values', 'async', 'log', 'tracing', 'outgoing', 'resources', 'model'],
    'The client knows the API and nothing of what is done with its responses.',
  ],
  history: [
    ['values', 'async', 'log', 'resources', 'model'],
    'A store keeps and returns records; it knows neither their origin nor the caller.',
  ],
  integrations: [
    ['values', 'log', 'resources', 'model', STORE, 'abnormal'],
    'An account is a client with a name; the modules that use accounts are below.',
  ],
  sync: [
    ['values', 'async', 'log', 'tracing', 'resources', 'model', STORE, 'abnormal', 'integrations'],
    'Sync reads through the client and writes through the port, whichever store is behind it.',
  ],
  controls: [
    ['values', 'resources', 'model', 'policy'],
    'A control evaluates what it is given: the same records and the same `now` give the same verdict, today and in an audit.',
  ],
  callers: [
    ['values', 'log', 'outgoing', 'model', STORE],
    'Who calls is decided from stored keys and from tokens; what a caller may do is decided where it is done.',
  ],
  'audit-trail': [
    ['values', 'log', 'model', STORE],
    'The audit trail is written to the history; it knows nothing of the actions it records.',
  ],
  evidence: [
    [
      'values',
      'async',
      'resources',
      'model',
      'policy',
      'controls',
      STORE,
      'history/(batch-plan|temporary-files)',
    ],
    'Evidence depends on the history and the verdicts alone, so that it can be checked without the gateway.',
  ],
  webhooks: [
    [
      'values',
      'async',
      'log',
      'outgoing',
      'resources',
      'model',
      'policy',
      STORE,
      'integrations/(token-history|webhook-secrets|vault)',
      'controls',
      'evidence',
    ],
    'Messages follow from the history and the policy; where they go and how filters are read is decided by the wiring.',
  ],
  pages: [
    ['values', 'async', 'log', 'model', STORE, 'integrations/accounts', 'controls', 'evidence'],
    'A page is HTML from answers of the graph, which it gets as text: what it shows, anyone can query.',
  ],
  graphql: [
    [
      'values',
      'async',
      'log',
      'tracing',
      'resources',
      'model',
      STORE,
      'abnormal/(errors|budget)',
      'integrations',
      'history/(items|watch-writes)',
      'policy',
      'controls',
      'evidence',
      'callers/api-keys',
      'audit-trail',
      'sync/sync',
    ],
    'The graph answers from loaders and the port; HTTP is not its concern.',
  ],
  metrics: [
    [
      'values',
      'log',
      'resources',
      'model',
      STORE,
      'abnormal',
      'integrations',
      'history/watch-writes',
      'sync/(sync|context)',
      'sync/window/missing-windows',
      'policy/policy',
      'controls/control',
      'webhooks/deliveries',
      'graphql/(base/errors|operation/apollo)',
    ],
    'The other modules report to observers; what is counted and how is decided here.',
  ],
  http: [
    [
      'values',
      'async',
      'log',
      'tracing',
      'model',
      STORE,
      'history/watch-writes',
      'callers',
      'graphql/(base/errors|request|operation)',
      'pages/frame',
      'evidence/report/html',
      'integrations/address',
    ],
    'The server carries the graph and reports health; the wiring hands it its parts.',
  ],
  config: [
    [
      'values',
      'log',
      'resources',
      'integrations/(address|encryption|webhook-secrets)',
      'model/token',
      'evidence/seal/signing-key',
    ],
    'The configuration is read before anything is created, so it depends on nothing that is created.',
  ],
  app: [['(?!cli/|main).*'], 'The wiring: it may use every module except the commands.'],
  cli: [
    [
      'app',
      'config',
      'values',
      'log',
      'resources',
      'model',
      STORE,
      'integrations',
      'policy',
      'controls',
      'evidence',
      'audit-trail',
      'webhooks',
      'sync/sync',
      'sync/window',
      'callers',
      'http/errors',
      'history/temporary-files',
    ],
    'A command opens what it needs through the wiring and prints it.',
  ],
  main: [['cli'], 'main.ts turns arguments, environment and signals into a command.'],
};

/** Inside `sync`, each step and the steps that it may use; a step is a folder or some files. */
const CONTEXT = 'sync/(sync|context)';
const SHARED = 'sync/(stream-states|run-recorder|drift-log)';
export const SYNC_STEPS = {
  context: [CONTEXT],
  shared: [SHARED, CONTEXT],
  records: ['sync/records', CONTEXT, SHARED],
  window: ['sync/window', CONTEXT, SHARED, 'sync/records'],
  pass: ['sync/pass', CONTEXT, SHARED, 'sync/records', 'sync/window'],
  reconcile: ['sync/reconcile', CONTEXT, SHARED, 'sync/records', 'sync/window'],
  live: ['sync/live', CONTEXT, SHARED, 'sync/records', 'sync/window', 'sync/pass/read-streams'],
  schedule: ['sync/schedule', 'sync/sync'],
};

function place(name) {
  return `^src/${name}(/|[.]ts$)`;
}

/** The files at `from` may import, of the files at `within`, only those at `may`. */
function layer(name, comment, from, within, may) {
  return {
    name,
    comment,
    severity: 'error',
    from: { path: place(from) },
    to: { path: within, pathNot: may.map(place) },
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

export default {
  forbidden: [
    ...Object.entries(MODULES).map(([name, [may, reason]]) =>
      layer(`module-${name}`, reason, name, '^src/', [name, ...may]),
    ),
    ...Object.entries(SYNC_STEPS).map(([name, places]) =>
      layer(
        `sync-${name}`,
        'Each step of a collection uses the steps before it: the path of a record reads in one direction.',
        places[0],
        place('sync'),
        places,
      ),
    ),
    {
      name: 'pure-modules',
      comment: 'These modules do no I/O: what reads or waits belongs in the module that does it.',
      severity: 'error',
      from: { path: '^src/(values|resources|model|policy|controls)/' },
      to: {
        pathNot: [
          '^src/',
          '^(node:)?(crypto|util)$',
          '^node_modules/(canonicalize|zod|lru-cache|nodemailer|yaml)/',
        ],
      },
    },
    {
      name: 'adapters-are-separate',
      comment:
        'What both stores must decide in the same way belongs in history/; an adapter never uses the other one.',
      severity: 'error',
      from: { path: '^src/history/(sqlite|mongo)/' },
      to: { path: '^src/history/(sqlite|mongo)/', pathNot: '^src/history/$1/' },
    },
    {
      name: 'simulator-on-demand',
      comment: 'A gateway with an account does not load the simulator; an image may leave it out.',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/simulator/' },
      to: { path: '^src/simulator/', dependencyTypesNot: ['dynamic-import', 'type-only'] },
    },
    {
      name: 'adapters-behind-open-store',
      comment: 'open-store.ts chooses the store; every other module knows the port only.',
      severity: 'error',
      from: { path: '^src/', pathNot: ['^src/history/(sqlite|mongo)/', '^src/history/open-store[.]ts$'] },
      to: { path: '^src/history/(sqlite|mongo)/' },
    },
    onlyIn(
      'sqlite-in-its-adapter',
      ['@photostructure/sqlite', 'libsql', '@libsql/.*', 'better-sqlite3'],
      ['^src/history/sqlite/driver[.]ts$'],
      'One file chooses the SQLite driver and hides how the two differ.',
    ),
    onlyIn(
      'mongodb-in-its-adapter',
      ['mongodb', 'bson'],
      ['^src/history/mongo/'],
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
        'A sender bounds the time and the response of each request. To Abnormal only request.ts sends: there the token is attached, the budget kept and the host checked.',
      severity: 'error',
      from: {
        path: '^src/',
        pathNot: [
          '^src/abnormal/request[.]ts$',
          '^src/callers/json-web-tokens[.]ts$',
          '^src/webhooks/send[.]ts$',
        ],
      },
      to: { path: '^src/outgoing[.]ts$' },
    },
    onlyIn(
      'caches-are-bounded',
      ['lru-cache'],
      ['^src/values/bounded-cache[.]ts$'],
      'A cache has a bound in bytes and is known by name, so that all of them can be looked at together.',
    ),
    onlyIn(
      'server-in-http',
      ['fastify', '@fastify/.*', '@as-integrations/.*', 'altair-static', 'cookie'],
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
      'traces-in-tracing',
      ['@opentelemetry/.*'],
      ['^src/tracing[.]ts$'],
      'What a trace may contain, and that none is made without an SDK, is decided in one place.',
    ),
    onlyIn(
      'tokens-in-callers',
      ['jose'],
      ['^src/callers/'],
      'Whether a token is valid is decided in one place.',
    ),
    onlyIn(
      'yaml-in-policy',
      ['yaml'],
      ['^src/policy/read-policy[.]ts$'],
      'The policy is the only YAML; one file reads it and says where a problem is.',
    ),
    onlyIn('arguments-in-cli', ['commander'], ['^src/cli/'], 'Command lines are parsed in one folder.'),
    {
      name: 'no-cycles',
      comment: 'Files that import each other, even for types only, cannot be understood one by one.',
      severity: 'error',
      from: { path: '^src/' },
      to: { circular: true },
    },
    {
      name: 'no-barrels',
      comment: 'An index file hides where a definition is and loads what is not needed.',
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
