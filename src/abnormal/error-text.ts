const LONGEST = 300;

/** What an error body says, for a person: `message`, `error` or `detail` of JSON, the title of HTML, else its text. */
export function errorText(body: string): string | null {
  const text = (fromJson(body) ?? fromHtml(body) ?? body).replace(/\s+/g, ' ').trim();
  if (text === '') return null;
  return text.length > LONGEST ? `${text.slice(0, LONGEST)}…` : text;
}

function fromJson(body: string): string | null {
  try {
    return said(JSON.parse(body));
  } catch {
    return null;
  }
}

function said(value: unknown, depth = 0): string | null {
  if (typeof value === 'string') return value;
  if (typeof value !== 'object' || value === null || depth > 3) return null;
  const { message, error, detail } = value as Record<string, unknown>;
  return said(message, depth + 1) ?? said(error, depth + 1) ?? said(detail, depth + 1);
}

function fromHtml(body: string): string | null {
  if (!/^\s*<(!doctype|html|head|body|\?xml)/i.test(body)) return null;
  const title = /<(title|h1)[^>]*>([^<]{1,300})/i.exec(body)?.[2];
  return title ? `an HTML page titled "${title.trim()}"` : 'an HTML page';
}
