import { type Logger, pino } from 'pino';
import pretty from 'pino-pretty';
import type { Secret } from './values/secret.js';

/** Default level: no addresses, no subjects, never a token. */
export type Log = Logger;

export const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'silent'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

interface LogOptions {
  readonly level: LogLevel;
  /** For people at a terminal; otherwise one JSON object per line. */
  readonly pretty: boolean;
  /** Replaced in every field and message. */
  readonly secrets: readonly Secret[];
  readonly destination: { write(text: string): unknown };
}

// a field with one of these names is always a credential
const CREDENTIALS = ['token', 'authorization', 'Authorization', 'password', 'secret', 'cookie'];

/** Lines are written to `destination` at once, so none is lost in a crash. */
export function createLog(options: LogOptions): Log {
  const format = options.pretty ? (line: string) => toPretty(JSON.parse(line)) : (line: string) => line;
  const blot = (line: string) => options.secrets.reduce((rest, secret) => secret.redactFrom(rest), line);
  const paths = CREDENTIALS.flatMap((name) => [name, `*.${name}`, `*.*.${name}`]);
  return pino(
    {
      level: options.level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      redact: { paths, censor: '[redacted]' },
    },
    { write: (line) => void options.destination.write(format(blot(line))) },
  );
}

const toPretty = pretty.prettyFactory({ colorize: true, translateTime: 'HH:MM:ss', singleLine: true });
