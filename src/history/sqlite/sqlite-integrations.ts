import type { Connection } from './sqlite-connection.js';

/** The names of integrations and the small numbers that stand for them in tables and indexes. */
export class Integrations {
  readonly #numbers = new Map<string, number>();
  readonly #names = new Map<number, string>();

  constructor(private readonly connection: Connection) {}

  /** The number of an integration, given to it now if it has none: for the writer, in its transaction. */
  numberOf(name: string): number {
    const known = this.find(name);
    if (known !== undefined) return known;
    this.connection.run('INSERT INTO integrations (name) VALUES (?)', [name]);
    this.reload();
    return this.find(name) ?? Number.NaN;
  }

  find(name: string): number | undefined {
    return this.#numbers.get(name);
  }

  /** The name behind a number that stands in a row. */
  nameOf(n: number): string {
    if (!this.#names.has(n)) this.reload();
    return this.#names.get(n) ?? '';
  }

  /** The names asked for that are known, or all, in byte order of nothing in particular. */
  select(names: readonly string[] | null): { readonly n: number; readonly name: string }[] {
    const chosen = names === null ? [...this.#numbers.keys()] : [...new Set(names)];
    return chosen.flatMap((name) => {
      const n = this.#numbers.get(name);
      return n === undefined ? [] : [{ n, name }];
    });
  }

  /** Reads the table anew: after a rollback, and where another process writes. */
  reload(): void {
    this.#numbers.clear();
    this.#names.clear();
    for (const [n, name] of this.connection.all('SELECT n, name FROM integrations')) {
      this.#numbers.set(String(name), Number(n));
      this.#names.set(Number(n), String(name));
    }
  }
}
