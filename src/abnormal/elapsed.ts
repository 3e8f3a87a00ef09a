/**
 * Milliseconds passed since the start. A wall clock that is set back must not hold everything up until it has
 * caught up; a timer that has run is proof that its time has passed, whatever the clock says.
 */
export class Elapsed {
  private passed = 0;
  private last: number;

  constructor(private readonly clock: () => number) {
    this.last = clock();
  }

  /** Read from the clock. */
  now(): number {
    const now = this.clock();
    this.passed += Math.max(0, now - this.last);
    this.last = now;
    return this.passed;
  }

  /** At least `at` have passed. */
  reach(at: number): void {
    this.passed = Math.max(this.now(), at);
  }
}
