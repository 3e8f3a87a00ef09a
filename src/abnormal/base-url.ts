/**
 * Checks the address of the API and gives it without a trailing slash. Throws a TypeError for one that the
 * token must not go to: plain HTTP is for loopback only.
 */
export function checkBaseUrl(text: string): string {
  const url = parse(text);
  if (url.username || url.password) throw new TypeError('the base URL must not hold a user name or password');
  if (url.search || url.hash)
    throw new TypeError(`the base URL must end with its path: ${url.origin}${url.pathname}`);
  if (url.protocol !== 'https:' && !(url.protocol === 'http:' && isLoopback(url.hostname))) {
    throw new TypeError(`the base URL must begin with https:// (http:// is for loopback only): ${url.href}`);
  }
  return url.href.replace(/\/+$/, '');
}

function parse(text: string): URL {
  try {
    return new URL(text);
  } catch {
    throw new TypeError('the base URL is not a URL');
  }
}

/** Whether a host name, as `URL` writes it, is this machine by definition and not by what a name server says. */
export function isLoopback(hostname: string): boolean {
  return hostname === 'localhost' || hostname === '[::1]' || /^127\.\d+\.\d+\.\d+$/.test(hostname);
}
