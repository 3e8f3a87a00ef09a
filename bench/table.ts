/** One line of the table that `npm run bench` prints: a ratio of one run, and what it may be. */
export interface BenchRow {
  /** What is done, such as `list of 50`. */
  readonly work: string;
  /** What the figure is a ratio of, such as `CPU / mercurius`. */
  readonly measure: string;
  readonly value: number;
  readonly limit: { readonly atMost: number } | { readonly atLeast: number };
}

export function isWithin({ value, limit }: BenchRow): boolean {
  return 'atMost' in limit ? value <= limit.atMost : value >= limit.atLeast;
}

/** The rows as a table in Markdown. A row beyond its limit says so. */
export function tableOf(rows: readonly BenchRow[]): string {
  const cells = rows.map((row) => [
    row.work,
    row.measure,
    row.value.toFixed(2),
    'atMost' in row.limit ? `≤ ${row.limit.atMost}` : `≥ ${row.limit.atLeast}`,
    isWithin(row) ? 'yes' : 'NO',
  ]);
  const table = [['work', 'measure', 'value', 'limit', 'within'], ...cells];
  const widths = [0, 1, 2, 3, 4].map((n) => Math.max(...table.map((line) => (line[n] ?? '').length)));
  const lines = table.map((line) => `| ${line.map((cell, n) => cell.padEnd(widths[n] ?? 0)).join(' | ')} |`);
  const rule = `|${widths.map((width) => '-'.repeat(width + 2)).join('|')}|`;
  return [lines[0], rule, ...lines.slice(1)].join('\n');
}
