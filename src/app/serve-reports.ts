import { recordAudit } from '../audit/record-audit.js';
import {
  REPORT_FORMATS,
  type ReportFormat,
  type ReportQuestion,
  writeReport,
} from '../evidence/write-report.js';
import type { AskedReport, OpenReport, Reports } from '../http/reports.js';
import type { Log } from '../log.js';
import { type AskMeans, askReport } from './ask-report.js';
import { oneOf, ReportQuestionError, readReportQuestion } from './report-question.js';

const CONTENT_TYPES: Record<ReportFormat, string> = {
  html: 'text/html; charset=utf-8',
  json: 'application/json; charset=utf-8',
  ndjson: 'application/x-ndjson; charset=utf-8',
  csv: 'text/csv; charset=utf-8; header=present',
  oscal: 'application/json; charset=utf-8',
};

const PARAMETERS = ['format', 'controls', 'integration', 'asOf', 'trend', 'rows', 'threshold'] as const;
type Parameter = (typeof PARAMETERS)[number];

/** Reports of a history, for whoever asks over HTTP; each is written into the audit trail with what came of it. */
export function createReports(means: AskMeans & { readonly log: Log }): Reports {
  return {
    async open(asked) {
      try {
        const question = await questionOf(means, asked);
        return reportOf(means, question, asked);
      } catch (error) {
        if (error instanceof ReportQuestionError) return { refusal: error.message };
        throw error;
      }
    },
  };
}

async function questionOf(means: AskMeans, { period, parameters }: AskedReport): Promise<ReportQuestion> {
  const unknown = [...parameters.keys()].find((name) => !PARAMETERS.some((known) => known === name));
  if (unknown !== undefined) {
    const right = PARAMETERS.join(', ');
    throw new ReportQuestionError(`There is no parameter ${JSON.stringify(unknown)}: there are ${right}.`);
  }
  const several = (name: Parameter) => parameters.get(name);
  const one = (name: Parameter) => {
    const [value, ...more] = several(name) ?? [];
    if (more.length > 0) throw new ReportQuestionError(`${name} is given more than once.`);
    return value;
  };
  const raw = {
    ...{ period, controls: several('controls'), integration: several('integration') },
    ...{ asOf: one('asOf'), trend: one('trend'), rows: one('rows'), threshold: several('threshold') },
  };
  const asked = readReportQuestion(raw, nameOf);
  return askReport(means, asked, oneOf('format', one('format') ?? 'json', REPORT_FORMATS), nameOf);
}

const nameOf = (name: string) => name;

function reportOf(
  means: AskMeans & { readonly log: Log },
  question: ReportQuestion,
  { caller }: AskedReport,
): OpenReport {
  const { format, period, rows } = question;
  const name = `evidence-${period.text.replace(/[^\w-]+/g, '_')}`;
  return {
    contentType: CONTENT_TYPES[format],
    fileName: format === 'oscal' ? `${name}.oscal.json` : `${name}.${format}`,
    isPage: format === 'html',
    async write(write, signal) {
      const audit = (outcome: 'SUCCEEDED' | 'FAILED', detail: string) =>
        recordAudit(means, {
          ...{ caller, outcome, detail, target: period.text },
          action: rows === 'revisions' ? 'EXPORT' : 'REPORT',
        });
      const what = `${format}, as of ${question.pin.at}`;
      try {
        await writeReport(means.store, question, write, { signal });
      } catch (error) {
        const isGone = signal.aborted;
        const message = error instanceof Error ? error.message : String(error);
        if (!isGone)
          means.log.error({ err: error, period: period.text, format }, 'a report could not be made');
        await audit('FAILED', `${what}: ${isGone ? 'the caller did not wait for the end' : message}`);
        throw error;
      }
      await audit('SUCCEEDED', what);
    },
  };
}
