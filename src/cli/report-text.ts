import { shownMeasure } from '../controls/shares.js';
import { instantText } from '../controls/words.js';
import type { Evidence } from '../evidence/evaluate-period.js';
import { thresholdText, valueText } from '../evidence/report/html-words.js';
import { formatTable } from './table.js';

/** The verdicts as text for a terminal. */
export function textReport({ period, pin, integrations, results }: Evidence): string {
  const rows = results.map((result) => {
    const { control, verdict, outcomes } = result;
    const measure = shownMeasure(result);
    const measured = measure ? `${measure.name}: ${valueText(measure)}` : '';
    const threshold = measure ? thresholdText(measure) : '';
    return [control, verdict, measured, threshold, String(outcomes.EXCEPTION)];
  });
  const lines = [
    `Period    ${period.text}: ${instantText(period.from)} to ${instantText(period.to)} (UTC)`,
    `As of     ${instantText(pin.at)}, recording ${pin.seq}`,
    `Accounts  ${integrations.join(', ') || 'none was ever read'}`,
    '',
    ...formatTable([['CONTROL', 'VERDICT', 'MEASURED', 'WANTED', 'EXCEPTIONS'], ...rows]),
    '',
    ...results
      .filter(({ verdict }) => verdict !== 'PASS')
      .map(({ control, reason }) => `${control}: ${reason}`),
  ];
  return `${lines.join('\n').trimEnd()}\n`;
}
