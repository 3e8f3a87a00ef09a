import {
  type Attributes,
  context,
  ProxyTracerProvider,
  propagation,
  ROOT_CONTEXT,
  type Span,
  SpanKind,
  SpanStatusCode,
  trace,
} from '@opentelemetry/api';

// Traces through the API of OpenTelemetry. It does nothing until the process has loaded an SDK (`node --import`). An
// attribute is a number, a value of a closed list, or a name that an operator or a developer gave: never the content
// of a record, a variable, an address or a message of an error.

export type { Attributes, Span };

const TRACER = 'abnormal-graphql-gateway';

/** What an API without an SDK delegates to. */
const NOTHING = new ProxyTracerProvider().getDelegate();

function isLoaded(): boolean {
  const provider = trace.getTracerProvider();
  return !(provider instanceof ProxyTracerProvider) || provider.getDelegate() !== NOTHING;
}

interface SpanOptions {
  readonly attributes: Attributes;
  readonly kind?: SpanKind;
}

export const ANSWERING = SpanKind.SERVER;
export const ASKING = SpanKind.CLIENT;

/** Runs `work` in a span, which ends when the work does; without an SDK there is no span. */
export function inSpan<T>(
  name: string,
  options: SpanOptions,
  work: (span: Span | null) => Promise<T>,
): Promise<T> {
  return isLoaded() ? run(name, options, work) : work(null);
}

/** The name of an error's class is its type; its message may contain what was requested. */
function run<T>(name: string, options: SpanOptions, work: (span: Span) => Promise<T>): Promise<T> {
  return trace.getTracer(TRACER).startActiveSpan(name, options, async (span) => {
    try {
      return await work(span);
    } catch (error) {
      span.setStatus({ code: SpanStatusCode.ERROR });
      span.setAttribute('error.type', error instanceof Error ? error.name : 'unknown');
      throw error;
    } finally {
      span.end();
    }
  });
}

/** Runs `work` with the span of a request’s `traceparent` as the parent. */
export function withParent<T>(headers: Readonly<Record<string, unknown>>, work: () => T): T {
  return isLoaded() ? context.with(propagation.extract(ROOT_CONTEXT, headers), work) : work();
}

/** `target`, with a span for each call of the methods in `names`; without an SDK, `target` itself. */
export function traced<T extends object>(
  target: T,
  prefix: string,
  names: readonly (keyof T & string)[],
  attributes: Attributes,
): T {
  if (!isLoaded()) return target;
  return new Proxy(target, {
    get(own, name) {
      const value = Reflect.get(own, name, own);
      if (typeof value !== 'function') return value;
      const call = value.bind(own);
      if (!names.some((known) => known === name)) return call;
      return (...given: unknown[]) => run(`${prefix}.${String(name)}`, { attributes }, () => call(...given));
    },
  });
}
