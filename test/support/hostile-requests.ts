/*
 * Requests that nobody means well with, made from a seed: the same seed gives the same requests.
 */

export interface HostileRequest {
  readonly kind: string;
  readonly method: 'GET' | 'POST';
  /** After `/graphql`. */
  readonly search: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | Buffer | null;
}

export type Random = () => number;

/** A generator of numbers from 0 to 1 (mulberry32). */
export function randomOf(seed: number): Random {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}

const upTo = (random: Random, most: number) => 1 + Math.floor(random() * most);
const times = (count: number, of: (index: number) => string, glue = ' ') =>
  Array.from({ length: count }, (_, index) => of(index)).join(glue);

function post(body: string | Buffer, headers: Record<string, string> = {}): Omit<HostileRequest, 'kind'> {
  return { method: 'POST', search: '', headers: { 'content-type': 'application/json', ...headers }, body };
}

const ask = (query: string, variables: unknown = {}) => post(JSON.stringify({ query, variables }));

function within(levels: number, inner: string): string {
  const open = times(levels, (n) => (n % 2 === 0 ? 'cases { nodes {' : 'threats { nodes {'));
  return `${open} ${inner} ${'} }'.repeat(levels)}`;
}

/** Every kind, and how one is made. */
const KINDS: Readonly<Record<string, (random: Random) => Omit<HostileRequest, 'kind'>>> = {
  deep: (r) => ask(`{ ${within(upTo(r, 2_000), 'id')} }`),
  'deep, just within': (r) => ask(`{ ${within(6, 'id')} a${upTo(r, 1e6)}: __typename }`),
  wide: (r) => ask(`{ cases { nodes { ${times(upTo(r, 30_000), () => 'caseId')} } } }`),
  aliased: (r) => ask(`{ ${times(upTo(r, 5_000), (n) => `a${n}: cases(first: 100) { totalCount }`)} }`),
  'aliased, just within': (r) =>
    ask(
      `{ ${times(20, (n) => `a${n}: threats(first: 100, filter: { subject: { contains: "${r()}" } }) { totalCount nodes { subject } }`)} }`,
    ),
  circular: (r) => {
    const length = upTo(r, 40);
    return ask(
      `{ cases { nodes { ...F0 } } } ${times(length, (n) => `fragment F${n} on Case { id threats { nodes { cases { nodes { ...F${(n + 1) % length} } } } } }`)}`,
    );
  },
  'circular at once': (r) =>
    ask(
      `{ cases { nodes { ...A } } } fragment A on Case { id ...B } fragment B on Case { caseId ...A ${times(upTo(r, 40), () => '...B')} }`,
    ),
  doubling: (r) => {
    const length = upTo(r, 45);
    const spread = (n: number) => `a${n}: threats { nodes { cases { nodes { ...F${n} } } } }`;
    return ask(
      `{ cases { nodes { ...F0 } } } ${times(length, (n) => `fragment F${n} on Case { ${spread(n + 1)} b${spread(n + 1)} }`)} fragment F${length} on Case { id }`,
    );
  },
  'many fragments in one place': (r) =>
    ask(
      `{ cases { nodes { ${times(50, (n) => `...F${n}`)} } } } ${times(upTo(r, 50), (n) => `fragment F${n} on Case { ${times(60, (m) => (m % 2 ? 'caseId' : 'status'))} }`)}`,
    ),
  'round the schema': (r) =>
    ask(
      `{ __schema { types { ${'fields { type { '.repeat(upTo(r, 12))} name ${'} }'.repeat(12)} } } }`.slice(
        0,
        -upTo(r, 2),
      ),
    ),
  'the schema, many times': (r) =>
    ask(
      `{ ${times(upTo(r, 60), (n) => `a${n}: __schema { types { name description fields { name description args { name } } } }`)} }`,
    ),
  'huge variables': (r) =>
    ask('query ($filter: CaseFilter) { cases(filter: $filter) { totalCount } }', {
      filter: { caseId: { in: Array.from({ length: upTo(r, 80_000) }, (_, n) => n) } },
    }),
  'variables of another type': (r) =>
    ask('query ($filter: CaseFilter, $first: Int) { cases(filter: $filter, first: $first) { totalCount } }', {
      first: '1'.repeat(upTo(r, 5_000)),
      filter: Array.from({ length: upTo(r, 4_000) }, () => ({ nonsense: [[[]]] })),
    }),
  'deep variables': (r) => {
    const depth = upTo(r, 100_000);
    const filter = `${'{"not":'.repeat(depth)}{}${'}'.repeat(depth)}`;
    const query = 'query ($filter: CaseFilter) { cases(filter: $filter) { totalCount } }';
    return post(`{"query":${JSON.stringify(query)},"variables":{"filter":${filter}}}`);
  },
  'deep JSON': (r) => {
    const depth = upTo(r, 500_000);
    return post(`${'['.repeat(depth)}${']'.repeat(depth)}`);
  },
  'a deep filter': (r) => {
    const depth = upTo(r, 3_000);
    return ask(`{ cases(filter: ${'{ not: '.repeat(depth)}{}${'}'.repeat(depth)}) { totalCount } }`);
  },
  'a filter of many parts': (r) =>
    ask('query ($filter: ThreatFilter) { threats(filter: $filter, first: 100) { totalCount } }', {
      filter: {
        or: Array.from({ length: upTo(r, 99) }, () => ({ subject: { contains: `%${r()}_` } })),
      },
    }),
  malformed: (r) => {
    const text = JSON.stringify({ query: '{ cases { nodes { caseId } } }' });
    const at = upTo(r, text.length);
    return post(`${text.slice(0, at)}${String.fromCharCode(upTo(r, 0xfff))}${text.slice(at + upTo(r, 5))}`);
  },
  'no text at all': (r) =>
    post(Buffer.from(Array.from({ length: upTo(r, 2_000) }, () => Math.floor(r() * 256)))),
  'half a query': (r) => {
    const query =
      'query A($a: Int) { cases(first: $a, filter: { caseId: { eq: "\\u0041" } }) { nodes { id } } }';
    return ask(query.slice(0, upTo(r, query.length)));
  },
  'not a query': (r) =>
    post(JSON.stringify([null, 1, '', true, {}, { query: 1 }, { query: {} }][Math.floor(r() * 7)])),
  'another media type': (r) =>
    post('query=%7B__typename%7D', {
      'content-type': [
        'text/plain',
        'application/x-www-form-urlencoded',
        'multipart/form-data; boundary=x',
        '',
      ][Math.floor(r() * 4)] as string,
    }),
  batch: (r) =>
    post(JSON.stringify(Array.from({ length: upTo(r, 2_000) }, () => ({ query: '{ __typename }' })))),
  'long strings': (r) =>
    ask(
      `{ cases(filter: { description: { contains: ${JSON.stringify('x'.repeat(upTo(r, 900_000)))} } }) { totalCount } }`,
    ),
  'long names': (r) => ask(`{ ${'a'.repeat(upTo(r, 500_000))} ${'cases'.repeat(upTo(r, 2_000))} }`),
  'names that nearly are': (r) => ask(`{ cases { nodes { ${times(upTo(r, 900), (n) => `caseIdd${n}`)} } } }`),
  'many directives': (r) =>
    ask(`{ cases ${times(upTo(r, 3_000), () => '@include(if: true)')} { totalCount } }`),
  'huge numbers': (r) => {
    const number = '9'.repeat(upTo(r, 100_000));
    return r() < 0.5
      ? ask(`{ cases(first: ${number}) { totalCount } }`)
      : ask('query ($first: Int, $maxAge: Int) { cases(first: $first, maxAge: $maxAge) { totalCount } }', {
          ...{ first: -1 / 3, maxAge: 2 ** 53 * r() },
        });
  },
  'null bytes': (r) =>
    ask(
      `{ cases(filter: { description: { contains: "\\u0000${r()}" }, caseId: { eq: "\\u0000" } }) { totalCount } node(id: "\\u0000") { id } threat(threatId: "\\u0000") { id } }`,
    ),
  'half characters': (r) =>
    ask('query ($id: ID!) { case(caseId: $id) { id } node(id: $id) { id } }', {
      id: `\ud800${r()}\udfff../..%2e%2e`,
    }),
  'keys of objects': () =>
    post(
      '{"query":"query ($filter: CaseFilter) { cases(filter: $filter) { totalCount } }","variables":{"__proto__":{"first":1},"filter":{"constructor":{"prototype":{}},"__proto__":null}},"constructor":{"prototype":{"x":1}}}',
    ),
  'ids of nothing': (r) =>
    ask('query ($ids: [ID!]!) { nodes(ids: $ids) { id } }', {
      ids: Array.from({ length: upTo(r, 300) }, () =>
        Buffer.from(`Threat simulated ${r()}`).toString('base64url'),
      ),
    }),
  'cursors of nothing': (r) =>
    ask('query ($after: String) { threats(after: $after) { nodes { id } } }', {
      after: Buffer.from(JSON.stringify([['threats', {}, [1e9, 'x'], [r()]]])).toString('base64url'),
    }),
  dear: (r) =>
    ask(
      `{ threats(first: 100) { nodes { messages(first: ${upTo(r, 100)}) { nodes { subject cases: urls } } } } }`,
    ),
  'dear, just within': (r) =>
    ask(
      `{ threats(first: 100, after: null) { nodes { subject messages(first: 90) { nodes { subject toAddresses urls } } revisions(first: 5) { nodes { fieldChanges { field } } } } } a${upTo(r, 1e6)}: __typename }`,
    ),
  evidence: (r) =>
    ask(
      `{ ${times(upTo(r, 12), (n) => `e${n}: evidence(period: "2026-Q${1 + (n % 4)}", trend: WEEK) { results { verdict } }`)} }`,
    ),
  'in an address': (r) => ({
    method: 'GET',
    search: `?query=${encodeURIComponent(`{ ${'a '.repeat(upTo(r, 5_000))} }`)}&variables=${'%7B'.repeat(upTo(r, 500))}#&query=x`,
    headers: { 'apollo-require-preflight': '1' },
    body: null,
  }),
  // on a connection of its own: it is closed under whoever goes on sending
  'a large body': (r) => post(' '.repeat(1024 * 1024 + upTo(r, 1_000_000)), { connection: 'close' }),
  'kept under a hash': (r) =>
    post(
      JSON.stringify({
        extensions: { persistedQuery: { version: 1, sha256Hash: 'f'.repeat(upTo(r, 9_000)) } },
      }),
    ),
};

/** So many requests, of every kind in turn. */
export function hostileRequests(count: number, seed: number): HostileRequest[] {
  const random = randomOf(seed);
  const kinds = Object.entries(KINDS);
  return Array.from({ length: count }, (_, n) => {
    const [kind, make] = kinds[n % kinds.length] as (typeof kinds)[number];
    return { kind, ...make(random) };
  });
}

export const HOSTILE_KINDS = Object.keys(KINDS);
