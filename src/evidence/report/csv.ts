/*
 * CSV as RFC 4180 has it, safe to open in a spreadsheet: senders choose subjects and names, and a cell that
 * begins like a formula would be run as one.
 */

/** One line with its end. */
export function csvLine(cells: readonly (string | number | null)[]): string {
  return `${cells.map(cell).join(',')}\r\n`;
}

const FORMULA = /^[\t\r\n]|^[\s\p{Cc}\p{Cf}]*[=+\-@\uff1d\uff0b\uff0d\uff20]/u;

function cell(value: string | number | null): string {
  if (value === null) return '';
  if (typeof value === 'number') return String(value);
  // NUL ends the file for some readers
  const text = defuse(value.replaceAll('\u0000', '\ufffd'));
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** Text that a spreadsheet takes as text: with an apostrophe before what could be a formula. */
export function defuse(text: string): string {
  return FORMULA.test(text) ? `'${text}` : text;
}
