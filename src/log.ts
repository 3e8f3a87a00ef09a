import { type Logger, pino } from 'pino';
import pretty from 'pino-pretty';

/** What the parts log through. Default level: no addresses, no subjects, never a token. */
export type Log = Pick<Logger, 'trace' | 'debug' | 'info' | 'warn' | 'error'> & {
  child(bindings: Record<string, unknown>): Log;
};

export const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'silent'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

export interface LogOptions {
  readonly level: LogLevel;
  /** For people at a terminal; otherwise one JSON object a line. */
  readonly pretty: boolean;
  /** Texts that must never be written, whichever field or message they turn up in. */
  readonly secrets: readonly string[];
  readonly destination: { write(text: string): unknown };
}

// a field by one of these names is a credential wherever it came from
const CREDENTIALS = ['token', 'authorization', 'Authorization', 'password', 'secret', 'cookie'];
const REDACTED = '[redacted]';

/** The service's log. Lines go to `destination` as they are written, so none is lost in a crash. */
export function createLog(options: LogOptions): Log {
  const format = options.pretty ? prettyLine : (line: string) => line;
  const paths = CREDENTIALS.flatMap((name) => [name, `*.${name}`, `*.*.${name}`]);
  return pino(
    {
      level: options.level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      redact: { paths, censor: REDACTED },
    },
    { write: (line) => void options.destination.write(format(blot(line, options.secrets))) },
  );
}

const toPretty = pretty.prettyFactory({ colorize: true, translateTime: 'HH:MM:ss' });

function prettyLine(line: string): string {
  return toPretty(JSON.parse(line));
}

/** `text` with every occurrence of a secret replaced: as it is, and as a URL or (nested) JSON would write it. */
export function blot(text: string, secrets: readonly string[]): string {
  return secrets.flatMap(formsOf).reduce((rest, form) => rest.replaceAll(form, REDACTED), text);
}

function formsOf(secret: string): string[] {
  // a very short one would blot out half of the log and is no secret anyway
  if (secret.length < 4) return [];
  const once = jsonForm(secret);
  return [...new Set([jsonForm(once), once, secret, encodeURIComponent(secret)])];
}

function jsonForm(text: string): string {
  return JSON.stringify(text).slice(1, -1);
}
