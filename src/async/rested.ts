/** The part of the time in which the work is done, however often it is asked for. */
const MOST_OF_THE_TIME = 1 / 20;

/** Work that takes long and whose last result is shown meanwhile: it is done once at a time, and then rests. */
export class Rested<T> {
  last: T | null = null;
  underway: Promise<T> | null = null;
  #restUntil = 0;

  constructor(
    private readonly clock: () => number,
    private readonly results: { isKept(result: T): boolean } = { isKept: () => true },
  ) {}

  /** Begins the work unless it is underway or rests; returns what is underway. */
  begin(work: () => Promise<T>): Promise<T> | null {
    if (this.underway === null && this.clock() >= this.#restUntil) {
      this.underway = this.#do(work);
      this.underway.catch(() => {});
    }
    return this.underway;
  }

  async #do(work: () => Promise<T>): Promise<T> {
    const begun = this.clock();
    try {
      const result = await work();
      if (this.results.isKept(result)) this.last = result;
      return result;
    } finally {
      this.#restUntil = this.clock() + (this.clock() - begun) / MOST_OF_THE_TIME;
      this.underway = null;
    }
  }
}
