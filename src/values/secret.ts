import { inspect } from 'node:util';

/** Does not print; only `integrations/` and the client's request may call `reveal()`. */
export class Secret {
  readonly #value: string;

  constructor(value: string) {
    this.#value = value;
  }

  reveal(): string {
    return this.#value;
  }

  /** Replaces the credential in `text`, in plain, URL and (nested) JSON encoding. */
  redactFrom(text: string): string {
    return formsOf(this.#value).reduce((rest, form) => rest.replaceAll(form, '[redacted]'), text);
  }

  toString(): string {
    return '[secret]';
  }

  toJSON(): string {
    return '[secret]';
  }

  [inspect.custom](): string {
    return '[secret]';
  }
}

function formsOf(secret: string): string[] {
  // replacing a very short one would damage the text, and it is no secret anyway
  if (secret.length < 4) return [];
  const once = jsonForm(secret);
  return [...new Set([jsonForm(once), once, secret, encodeURIComponent(secret)])];
}

function jsonForm(text: string): string {
  return JSON.stringify(text).slice(1, -1);
}
