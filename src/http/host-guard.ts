/**
 * Whether a request's `Host` names this machine. A page on the web can have its own name point at 127.0.0.1 and
 * so make the reader's browser ask a server that only listens there; such a request carries the page's name.
 */
export function isLocalHost(host: string | undefined): boolean {
  const name = (host ?? '').replace(/:\d+$/, '').toLowerCase();
  return name === 'localhost' || name === '[::1]' || /^127\.\d+\.\d+\.\d+$/.test(name);
}
