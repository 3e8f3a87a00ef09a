import 'reflect-metadata';
import { trace } from '@opentelemetry/api';
import {
  InMemorySpanExporter,
  NodeTracerProvider,
  type ReadableSpan,
  SimpleSpanProcessor,
} from '@opentelemetry/sdk-trace-node';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { RESOURCES } from '../src/resources/registry.js';
import { inSpan, traced, withParent } from '../src/tracing.js';
import { Playground } from './support/app.js';

const TRACE = '0af7651916cd43dd8448eb211c80319c';
const PARENT = 'b7ad6b7169203331';
const traceparent = `00-${TRACE}-${PARENT}-01`;

test('without an SDK there is no span, and a store is the store itself', async () => {
  const store = { read: async () => 1 };
  expect(traced(store, 'history', ['read'], {})).toBe(store);
  expect(await inSpan('work', { attributes: {} }, async (span) => span)).toBeNull();
  expect(withParent({ traceparent }, () => 2)).toBe(2);
});

describe('with an SDK, of a gateway that polls and is asked', () => {
  const exporter = new InMemorySpanExporter();
  const playground = new Playground();
  let spans: readonly ReadableSpan[];

  beforeAll(async () => {
    const spanProcessors = [new SimpleSpanProcessor(exporter)];
    new NodeTracerProvider({ spanProcessors }).register();
    const { url } = await playground.start({ RECONCILE_EVERY: 'off' });
    await playground.collected(url);
    const ask = (query: string, variables: object = {}) =>
      fetch(`${url}/graphql`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', traceparent },
        body: JSON.stringify({ query, variables }),
      }).then((answer) => answer.json());
    const first = (await ask('query First { cases(first: 1) { nodes { caseId } } }')) as {
      data: { cases: { nodes: [{ caseId: string }] } };
    };
    const [{ caseId }] = first.data.cases.nodes;
    await ask('query Fresh($id: ID!) { case(caseId: $id, maxAge: 0) { caseId } }', { id: caseId });
    await ask('query Sent($to: String!) { threats(filter: { fromAddresses: { eq: $to } }) { totalCount } }', {
      to: 'pat@customer.example',
    });
    await playground.clear();
    spans = exporter.getFinishedSpans();
  });
  afterAll(() => trace.disable());

  const named = (name: string) => spans.filter((span) => span.name === name);
  const childrenOf = (span: ReadableSpan) =>
    spans.filter(({ parentSpanContext }) => parentSpanContext?.spanId === span.spanContext().spanId);

  test('an operation is a span below that of the caller, with the calls of the history below it', () => {
    const [operation] = named('query First');
    expect(operation?.spanContext().traceId).toBe(TRACE);
    expect(operation?.parentSpanContext?.spanId).toBe(PARENT);
    expect(operation?.attributes).toMatchObject({ cache: 'MISS', cost: expect.any(Number), errors: 0 });
    const calls = childrenOf(operation as ReadableSpan).map(({ name }) => name);
    expect(calls).toContain('history.page');
  });

  test('a live read is a request to Abnormal in the trace of the caller, who waits for no batch if nothing is new', () => {
    const ofCaller = spans.filter((span) => span.spanContext().traceId === TRACE);
    const request = ofCaller.find(({ name }) => name === 'GET cases');
    expect(request?.attributes).toMatchObject({ 'http.response.status_code': 200, priority: 'interactive' });
    expect(ofCaller.map(({ name }) => name)).not.toContain('batch');
  });

  test('a poll is a span with its requests, its batches, and their writes to the history', () => {
    const [poll] = named('poll threats');
    const inPoll = spans.filter((span) => span.spanContext().traceId === poll?.spanContext().traceId);
    expect(poll?.parentSpanContext).toBeUndefined();
    expect(inPoll.map(({ name }) => name)).toEqual(expect.arrayContaining(['GET threats', 'batch']));
    const batch = inPoll.find(({ name, attributes }) => name === 'batch' && Number(attributes.added) > 0);
    expect(childrenOf(batch as ReadableSpan).map(({ name }) => name)).toEqual(['history.record']);
  });

  test('no attribute or name can contain personal data: keys are those of a list, and values are names', () => {
    const keys = new Set<string>();
    for (const { attributes, events, status } of spans) {
      expect([events, status.message]).toEqual([[], undefined]);
      for (const [key, value] of Object.entries(attributes)) {
        keys.add(key);
        expect(String(value), key).toMatch(/^[\w-]*$/);
      }
    }
    expect([...keys].sort()).toEqual([
      ...['added', 'attempt', 'cache', 'changed', 'cost', 'db.system.name', 'deleted', 'errors'],
      ...['graphql.operation.name', 'graphql.operation.type', 'http.response.status_code', 'integration'],
      ...['priority', 'resource', 'role', 'run', 'seq', 'trigger', 'unchanged'],
    ]);
    const resources = RESOURCES.join('|');
    const allowed = [`(poll|GET) (${resources})`, 'batch', 'history\\.\\w+', 'query( (First|Fresh|Sent))?'];
    const pattern = new RegExp(`^(${allowed.join('|')})$`);
    expect(spans.map(({ name }) => name).filter((name) => !pattern.test(name))).toEqual([]);
  });
});
