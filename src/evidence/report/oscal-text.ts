/** The name space of the properties that are this gateway's own. */
const NAMESPACE = 'https://abnormal-gateway.invalid/ns/oscal';

type Value = string | number | boolean | null;

/** Properties in OSCAL; those that say nothing are left out, and a list of none is not given. */
export function propsOf(
  values: Readonly<Record<string, Value>>,
): { name: string; ns: string; value: string }[] {
  return Object.entries(values).flatMap(([name, value]) => {
    const text = value === null ? '' : plain(String(value));
    return text === '' ? [] : [{ name: token(name), ns: NAMESPACE, value: text }];
  });
}

/** Text that is one line without blanks at its ends, as OSCAL's strings are. */
function plain(text: string): string {
  return text.replace(/[\s\p{Cc}\p{Zl}\p{Zp}\ufeff]+/gu, ' ').trim();
}

/** A name as OSCAL has them: letters, digits, dots, dashes. */
function token(text: string): string {
  return text
    .trim()
    .toLowerCase()
    .replace(/[^\p{L}\p{N}._-]+/gu, '-');
}

/** Plain text as OSCAL's Markdown, in which nothing of it is a mark. */
export function markdown(text: string): string {
  const lines = text.split(/\n{2,}/).map((part) => plain(part).replace(/[\\`*_~^[\]{}<>$|]/g, '\\$&'));
  return lines.join('\n\n') || '-';
}
