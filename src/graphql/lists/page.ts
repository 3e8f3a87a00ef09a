import type { Means } from '../request/services.js';

/** What a reader found for one page of a list. */
export interface PageFacts<T> {
  readonly nodes: readonly T[];
  /** The cursor of the node at an index; asked for only where cursors are. */
  readonly cursorAt: (index: number) => string;
  readonly hasNextPage: boolean;
  readonly hasPreviousPage: boolean;
  /** Counts the whole list; called only when `totalCount` is asked for. */
  readonly count: (means: Means) => Promise<number>;
}

/** A node of a page, with its place. */
export class PageEdge<T> {
  private place: string | null = null;

  constructor(
    private readonly facts: PageFacts<T>,
    private readonly index: number,
    readonly node: T,
  ) {}

  get cursor(): string {
    this.place ??= this.facts.cursorAt(this.index);
    return this.place;
  }
}

/** One page of a list. */
export class Page<T> {
  private made: readonly PageEdge<T>[] | null = null;

  constructor(readonly facts: PageFacts<T>) {}

  get edges(): readonly PageEdge<T>[] {
    this.made ??= this.facts.nodes.map((node, index) => new PageEdge(this.facts, index, node));
    return this.made;
  }
}
