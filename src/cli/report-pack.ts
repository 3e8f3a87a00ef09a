import { askReport } from '../app/ask-report.js';
import type { AskedReport } from '../app/report-question.js';
import { ConfigError } from '../config/config-error.js';
import type { Evidence } from '../evidence/evaluate-period.js';
import { PackError } from '../evidence/pack/pack-history.js';
import { writePack } from '../evidence/pack/write-pack.js';
import type { HistoryStore } from '../history/store.js';
import type { Invocation } from './invocation.js';
import { optionName } from './report-options.js';

/** Writes the pack of a period to a file. A pack that cannot be complete is a `ConfigError` that says why. */
export async function makePack(
  store: HistoryStore,
  asked: AskedReport,
  { out, quiet }: { readonly out: string; readonly quiet: boolean },
  { config, clock, progress, stop }: Invocation,
): Promise<Evidence> {
  const question = await askReport({ store, config, clock }, asked, 'html', optionName);
  try {
    return await writePack(store, question, out, {
      signer: config.proof.signer,
      isPinGiven: asked.asOf !== null,
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
