/** One HTTP answer, before it is sent. */
export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

export function json(status: number, body: string, headers: Record<string, string> = {}): Answer {
  return { status, headers: { 'content-type': 'application/json', ...headers }, body };
}

/** An error as the core endpoints word it: `{"message": …}`. */
export function failure(status: number, message: string, headers: Record<string, string> = {}): Answer {
  return json(status, JSON.stringify({ message }), headers);
}

export function html(status: number, text: string): Answer {
  const body = `<html>\r\n<head><title>${text}</title></head>\r\n<body><h1>${text}</h1></body>\r\n</html>\r\n`;
  return { status, headers: { 'content-type': 'text/html' }, body };
}

export const NOT_AUTHORIZED =
  'The server could not verify that you are authorized to access the URL requested. You either supplied the wrong credentials or your token is no longer valid.';
export const TOO_MANY = 'Request count exceeds allowed number of concurrent requests for this resource type';
