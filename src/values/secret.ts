import { inspect } from 'node:util';

/** A credential that does not print: only `reveal()` gives it, and only `integrations/` and the client's request may call that. */
export class Secret {
  readonly #value: string;

  constructor(value: string) {
    this.#value = value;
  }

  reveal(): string {
    return this.#value;
  }

  /** `text` with the credential blotted out: as it is, and as a URL or (nested) JSON would write it. */
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
  // a very short one would blot out half of the text and is no secret anyway
  if (secret.length < 4) return [];
  const once = jsonForm(secret);
  return [...new Set([jsonForm(once), once, secret, encodeURIComponent(secret)])];
}

function jsonForm(text: string): string {
  return JSON.stringify(text).slice(1, -1);
}
