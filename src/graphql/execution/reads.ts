import type { Means } from '../context.js';

/** A read whose answer is the same object as long as it stands. */
export interface NotedRead {
  /** Whether made now, with a later request's means, it would give that same object. May throw as the read may. */
  readonly stands: (means: Means) => Promise<boolean>;
}

/**
 * What one request's answer was made of. Where that is noted reads alone, and objects that do not change, the
 * answer to the same question is the same as long as those reads stand.
 */
export class Reads {
  readonly noted: NotedRead[] = [];
  private isReusable = true;

  note(read: NotedRead): void {
    this.noted.push(read);
  }

  /** Something was read that is not noted. */
  forbidReuse(): void {
    this.isReusable = false;
  }

  get allNoted(): boolean {
    return this.isReusable && this.noted.length > 0;
  }
}
