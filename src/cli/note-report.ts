import { openHistory } from '../app/collector.js';
import { recordAudit } from '../record-audit.js';
import { commandCaller } from './command-caller.js';
import type { Invocation } from './invocation.js';
import type { RawReportOptions } from './report-options.js';

/**
 * Writes down that a report was made. A history that takes nothing, such as a copy put away to be only read, keeps no
 * trail of who read it: the report stands all the same.
 */
export async function noteReport(
  { config, log, clock }: Pick<Invocation, 'config' | 'log' | 'clock'>,
  { period, job, rows, format, out }: RawReportOptions,
): Promise<void> {
  try {
    const store = await openHistory(config, 'manage', { log, clock });
    const detail = [format ?? out?.split('.').at(-1) ?? 'text', out ? 'to a file' : 'to the standard output'];
    await recordAudit(
      { store, clock },
      {
        caller: commandCaller(),
        action: rows === 'revisions' ? 'EXPORT' : 'REPORT',
        target: period ?? `since the last of the job ${job ?? 'default'}`,
        ...{ outcome: 'SUCCEEDED', detail: detail.join(', ') },
      },
    ).finally(() => store.close());
  } catch (error) {
    log.warn({ err: error }, 'that a report was made could not be written down in the audit trail');
  }
}
