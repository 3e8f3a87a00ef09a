import { once } from 'node:events';
import { open, rename, rm } from 'node:fs/promises';
import { Writable } from 'node:stream';
import { ConfigError } from '../config/reader.js';
import type { ControlVerdict } from '../controls/control.js';
import { instantText } from '../controls/words.js';
import type { PeriodEvidence } from '../evidence/evaluate-period.js';
import { PackError } from '../evidence/pack/pack-history.js';
import { writePack } from '../evidence/pack/write-pack.js';
import { criteriaOf } from '../evidence/report/json.js';
import type { ReportQuestion } from '../evidence/report/write-report.js';
import type { HistoryStore } from '../history/store.js';
import { partialNameOf } from '../history/temporary-files.js';
import { FRAMEWORKS, type FrameworkId } from '../policy/frameworks.js';
import { waiverState, waiverSubject } from '../policy/waivers.js';
import { type CommandContext, EXIT, EXIT_VERDICT, formatTable, type Output } from './command.js';
import type { ReportOptions } from './report-options.js';

export interface Sink {
  write(text: string): Promise<void>;
  /** Only now the file appears under its name. */
  close(): Promise<void>;
  /** Removes what was written. */
  discard(): Promise<void>;
}

/** A file that appears complete or not at all. */
export async function openReportFile(path: string): Promise<Sink> {
  const partial = partialNameOf(path, 'partial');
  const file = await open(partial, 'w');
  return {
    write: async (text) => void (await file.write(text)),
    close: async () => {
      await file.sync();
      await file.close();
      await rename(partial, path);
    },
    discard: async () => {
      await file.close();
      await rm(partial, { force: true });
    },
  };
}

export function openOutput(output: Output): Sink {
  return {
    write: async (text) => {
      if (output.write(text) === false && output instanceof Writable) await once(output, 'drain');
    },
    close: async () => undefined,
    discard: async () => undefined,
  };
}

/** Throws a `ConfigError` if the pack cannot be complete. */
export async function makePack(
  store: HistoryStore,
  question: ReportQuestion,
  { out, quiet }: Pick<ReportOptions, 'out' | 'quiet'>,
  { config, progress, stop }: CommandContext,
): Promise<PeriodEvidence> {
  try {
    return await writePack(store, question, out ?? '', {
      signer: config.proof.signer,
      signal: stop,
      onProgress: (words) => {
        if (!quiet) progress.show(`${question.period.text}: ${words}`);
      },
    });
  } catch (error) {
    if (error instanceof PackError) throw new ConfigError(error.message);
    if (isPathError(error)) throw new ConfigError(`--out: ${error.message}`);
    throw error;
  }
}

function isPathError(error: unknown): error is Error {
  const code = error instanceof Error && 'code' in error ? error.code : '';
  return ['ENOENT', 'EACCES', 'ENOTDIR', 'EISDIR', 'EROFS'].includes(String(code));
}

export function reportExitCode({ results }: Pick<PeriodEvidence, 'results'>): number {
  const has = (wanted: ControlVerdict) => results.some(({ verdict }) => verdict === wanted);
  if (has('FAIL')) return EXIT_VERDICT.failed;
  return has('INSUFFICIENT_DATA') ? EXIT_VERDICT.undecided : EXIT.ok;
}

export function jsonSummary(
  evidence: PeriodEvidence,
  { out, job }: Pick<ReportOptions, 'out' | 'job'>,
): string {
  const { period, pin, integrations, results, rules } = evidence;
  const controls = results.map((result) => {
    const { control, verdict, reason, outcomes, headline } = result;
    const measured = headline.measure ?? result.measures[0] ?? null;
    const counts = { exceptions: outcomes.EXCEPTION, waived: outcomes.WAIVED };
    return { control, verdict, reason, measured, headline, ...counts };
  });
  const { text, from, to } = period;
  const summary = {
    period: { text, from, to },
    ...{ asOf: pin.at, seq: pin.seq, integrations },
    policy: rules.policy.file?.digest ?? null,
    exitCode: reportExitCode(evidence),
    ...{ controls, out, job },
  };
  return `${JSON.stringify(summary, null, 2)}\n`;
}

export function emptySummary(job: string): string {
  const nothing = { period: null, asOf: null, seq: null, integrations: [] };
  return `${JSON.stringify({ ...nothing, exitCode: EXIT.ok, controls: [], out: null, job }, null, 2)}\n`;
}

function criteriaRows(results: PeriodEvidence['results'], framework: FrameworkId): string[] {
  const { criteria } = criteriaOf({ results }, framework);
  const rows = criteria.flatMap(({ criterion, title, controls }) =>
    controls.map(({ control, verdict }, i) => [
      i === 0 ? criterion : '',
      i === 0 ? title : '',
      control,
      verdict,
    ]),
  );
  return formatTable([
    [FRAMEWORKS[framework].title.toUpperCase(), 'REQUIREMENT', 'CONTROL', 'VERDICT'],
    ...rows,
  ]);
}

export function textReport(evidence: PeriodEvidence): string {
  const { period, pin, integrations, results, rules, framework } = evidence;
  const { file } = rules.policy;
  const replaced = Object.keys(rules.overrides);
  const rows = results.map((result) => {
    const { control, verdict, outcomes, headline } = result;
    return [control, verdict, String(outcomes.EXCEPTION), headline.text];
  });
  const lines = [
    `Period    ${period.text}: ${instantText(period.from)} to ${instantText(period.to)} (UTC)`,
    `As of     ${instantText(pin.at)}, snapshot ${pin.seq}`,
    `Accounts  ${integrations.join(', ') || 'none was read'}`,
    ...(file ? [`Policy    SHA-256 ${file.digest}`] : []),
    ...(replaced.length > 0 ? [`Given     ${replaced.join(', ')} (--threshold)`] : []),
    '',
    ...formatTable([['CONTROL', 'VERDICT', 'EXCEPTIONS', 'DECIDED BY'], ...rows]),
    ...(framework === null ? [] : ['', ...criteriaRows(results, framework)]),
    '',
    ...results
      .filter(({ verdict }) => verdict !== 'PASS')
      .map(({ control, reason }) => `${control}: ${reason}`),
    ...results.flatMap(({ control, waivers }) =>
      waivers
        .filter(({ problem }) => problem !== null)
        .map((use) => `${control}: waiver of ${waiverSubject(use.waiver)}: ${waiverState(use)}.`),
    ),
  ];
  return `${lines.join('\n').trimEnd()}\n`;
}
