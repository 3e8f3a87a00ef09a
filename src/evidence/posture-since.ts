import type { ControlVerdict } from '../controls/control.js';
import type { HistoryStore, Pin } from '../history/store.js';
import type { ControlId } from '../policy/policy.js';
import { DAY, type Instant, toInstant, toMillis } from '../values/instant.js';
import {
  type ControlState,
  evaluatePosture,
  type PostureRequest,
  type PostureWindow,
  WINDOWS,
} from './posture.js';

export interface Since {
  /** When the state began; if that is not known, the oldest view that was looked at and has it. */
  readonly at: Instant;
  /** The verdict until then; `null` if the beginning is not known. */
  readonly before: ControlVerdict | null;
}

/** Older views that are looked at: one a day, and for long windows the same number over the length of the window. */
const LOOKED_AT = 7;
/** The most views that are evaluated for one window. */
const MOST_EVALUATED = 32;

/**
 * Since when controls have been in their states: by the rules of now, the state of each recording is evaluated as the
 * state of now is. Views of the last days are looked at first, and where the verdict is another one, the recordings in
 * between are halved until two neighbours differ. What changed and changed back between two looked-at views is not seen.
 */
export async function sinceOf(
  store: HistoryStore,
  request: PostureRequest,
  states: readonly ControlState[],
): Promise<readonly Since[]> {
  const lookBacks = new Map(
    request.windows.map((window) => [window, new LookBack(store, request, window)] as const),
  );
  const found: Since[] = [];
  for (const state of states) {
    const since = await lookBacks.get(state.window)?.sinceOf(state);
    if (since) found.push(since);
  }
  return found;
}

type StateOf = ReadonlyMap<
  ControlId,
  Pick<ControlState, 'validUntil'> & { readonly verdict: ControlVerdict }
>;

class LookBack {
  readonly #evaluated = new Map<number, StateOf>();
  #older: Promise<readonly Pin[]> | null = null;

  constructor(
    private readonly store: HistoryStore,
    private readonly request: PostureRequest,
    private readonly window: PostureWindow,
  ) {}

  /** The newest view of each midnight, or of every few, newest first. */
  async #olderViews(): Promise<Pin[]> {
    const { pin } = this.request;
    const step = Math.max(DAY, Math.floor(WINDOWS[this.window].ms / LOOKED_AT / DAY) * DAY);
    const newest = Math.floor(toMillis(pin.at) / step) * step;
    const views: Pin[] = [];
    for (let i = 0; i < LOOKED_AT && newest - i * step > 0; i++) {
      const view = await this.store.pinAt(toInstant(newest - i * step));
      if (view.seq < (views.at(-1) ?? pin).seq) views.push(view);
    }
    return views;
  }

  async sinceOf({ result: { control, verdict }, validUntil }: ControlState): Promise<Since> {
    this.#older ??= this.#olderViews();
    let known = this.request.pin;
    // only if polls are late, the verdict of now may differ from that of the last recording
    const here = validUntil === null ? (await this.#at(known))?.get(control) : null;
    if (here && here.verdict !== verdict)
      return { at: here.validUntil ?? this.request.now, before: here.verdict };
    for (const view of await this.#older) {
      const before = (await this.#at(view))?.get(control)?.verdict;
      if (before === undefined) break;
      if (before !== verdict) return this.#between(control, verdict, view.seq, before, known);
      if (view.seq === 0) return this.#sinceFirst(control, verdict, known);
      known = view;
    }
    return { at: known.at, before: null };
  }

  /** If a state is that of no recording at all, it began with the first one, or with a later one that differs from it. */
  async #sinceFirst(control: ControlId, verdict: ControlVerdict, known: Pin): Promise<Since> {
    const first = await this.#view(1);
    const there = first && (await this.#at(first))?.get(control)?.verdict;
    if (!first || !there) return { at: known.at, before: null };
    if (there === verdict) return { at: first.at, before: null };
    return this.#between(control, verdict, first.seq, there, known);
  }

  /** Between a recording with another verdict and one with this. */
  async #between(
    control: ControlId,
    verdict: ControlVerdict,
    other: number,
    otherVerdict: ControlVerdict,
    known: Pin,
  ): Promise<Since> {
    let [low, before, high] = [other, otherVerdict, known];
    while (high.seq - low > 1) {
      const middle = await this.#view(low + ((high.seq - low) >> 1));
      const there = middle && (await this.#at(middle))?.get(control)?.verdict;
      if (!middle || !there) return { at: high.at, before: null };
      if (there === verdict) high = middle;
      else [low, before] = [middle.seq, there];
    }
    return { at: high.at, before };
  }

  async #view(seq: number): Promise<Pin | null> {
    const [batch] = await this.store.batches({ afterSeq: seq - 1, toSeq: seq, limit: 1 });
    return batch ? { seq: batch.seq, at: batch.at } : null;
  }

  /** Of all controls, because the walk is the same for all; `null` when enough were evaluated. */
  async #at(pin: Pin): Promise<StateOf | null> {
    const known = this.#evaluated.get(pin.seq);
    if (known) return known;
    if (this.#evaluated.size === MOST_EVALUATED) return null;
    const found = pin.seq === 0 ? this.#nothing() : await this.#evaluate(pin);
    this.#evaluated.set(pin.seq, found);
    return found;
  }

  async #evaluate(pin: Pin): Promise<StateOf> {
    const { states } = await evaluatePosture(this.store, {
      ...this.request,
      ...{ pin, now: pin.at, windows: [this.window] },
    });
    return new Map(
      states.map(({ result, validUntil }) => [result.control, { verdict: result.verdict, validUntil }]),
    );
  }

  /** Before the first recording. */
  #nothing(): StateOf {
    const state = { verdict: 'INSUFFICIENT_DATA', validUntil: null } as const;
    return new Map(this.request.controls.map(({ id }) => [id, state]));
  }
}
