import { type Instant, parseInstant } from '../values/instant.js';
import type { Waiver } from './policy.js';

/** A member of a population, as a waiver may name it. */
interface Waivable {
  readonly integration: string;
  readonly recordId: string;
  readonly messageId: string | null;
  readonly label: string | null;
  readonly at: Instant | null;
}

/**
 * `OVER_LIMIT`: the query matches more exceptions than its limit; the rest count. `NOT_NEEDED`: what it matches is no
 * exception, or is waived by an earlier waiver. `MATCHES_NOTHING`: no member of the population.
 */
export type WaiverProblem = 'EXPIRED' | 'NOT_STARTED' | 'OVER_LIMIT' | 'NOT_NEEDED' | 'MATCHES_NOTHING';

export interface UsedWaiver {
  readonly waiver: Waiver;
  readonly waived: number;
  /** Exceptions that it matches and that count: it is not in force, or over its limit. */
  readonly notWaived: number;
  readonly problem: WaiverProblem | null;
}

interface Count {
  waived: number;
  notWaived: number;
  others: number;
}

/** Applies the waivers of one control at one instant, and counts what each of them matches. */
export class WaiverBook {
  readonly #counts: ReadonlyMap<Waiver, Count>;
  /** Waivers by the id that they name; queries under no id. */
  readonly #byId = new Map<string, Waiver[]>();

  constructor(
    waivers: readonly Waiver[],
    private readonly now: Instant,
  ) {
    this.#counts = new Map(waivers.map((waiver) => [waiver, { waived: 0, notWaived: 0, others: 0 }]));
    for (const waiver of waivers) {
      const key = keyOf(waiver);
      this.#byId.set(key, [...(this.#byId.get(key) ?? []), waiver]);
    }
  }

  /** The waiver by which an exception does not count, if there is one. Call it once for each member. */
  consider(member: Waivable, isException: boolean): Waiver | null {
    if (this.#counts.size === 0) return null;
    const keys = [`record ${member.recordId}`, `message ${member.messageId}`, ''];
    const named = keys.flatMap((key) => this.#byId.get(key) ?? []);
    let applied: Waiver | null = null;
    for (const waiver of named.sort((a, b) => a.number - b.number)) {
      const count = this.#counts.get(waiver);
      if (!count || !isMatch(waiver, member)) continue;
      if (!isException || applied !== null) count.others += 1;
      else if (this.#isInForce(waiver) && count.waived < limitOf(waiver)) {
        count.waived += 1;
        applied = waiver;
      } else count.notWaived += 1;
    }
    return applied;
  }

  uses(): UsedWaiver[] {
    return [...this.#counts].map(([waiver, count]) => {
      const { waived, notWaived } = count;
      return { waiver, waived, notWaived, problem: this.#problemOf(waiver, count) };
    });
  }

  #isInForce({ from, expires }: Waiver): boolean {
    return from <= this.now && this.now < expires;
  }

  #problemOf(waiver: Waiver, { waived, notWaived, others }: Count): WaiverProblem | null {
    if (waiver.expires <= this.now) return 'EXPIRED';
    if (waiver.from > this.now) return 'NOT_STARTED';
    if (notWaived > 0) return 'OVER_LIMIT';
    if (waived > 0) return null;
    return others > 0 ? 'NOT_NEEDED' : 'MATCHES_NOTHING';
  }
}

function keyOf({ subject }: Waiver): string {
  if ('record' in subject) return `record ${subject.record}`;
  return 'message' in subject ? `message ${subject.message}` : '';
}

function limitOf({ subject }: Waiver): number {
  return 'query' in subject ? subject.limit : Number.POSITIVE_INFINITY;
}

function isMatch({ subject }: Waiver, { integration, label, at }: Waivable): boolean {
  if (subject.integration !== undefined && subject.integration !== integration) return false;
  if (!('query' in subject)) return true;
  const from = subject.from === undefined ? null : parseInstant(subject.from);
  const to = subject.to === undefined ? null : parseInstant(subject.to);
  if (from !== null && (at === null || at < from)) return false;
  if (to !== null && (at === null || at >= to)) return false;
  return (label ?? '').toLowerCase().includes(subject.label.toLowerCase());
}

export function waiverSubject({ subject }: Pick<Waiver, 'subject'>): string {
  const where = subject.integration === undefined ? '' : ` of ${subject.integration}`;
  if ('record' in subject) return `record ${subject.record}${where}`;
  if ('message' in subject) return `message ${subject.message}${where}`;
  return `query “${subject.query}”: label contains “${subject.label}”${where}, at most ${subject.limit}`;
}

const PROBLEMS: Record<WaiverProblem, string> = {
  EXPIRED: 'expired',
  NOT_STARTED: 'not in force yet',
  OVER_LIMIT: 'matches more exceptions than its limit; the others count',
  NOT_NEEDED: 'not needed: what it matches is no exception, or is waived by an earlier waiver',
  MATCHES_NOTHING: 'matches no member of the population of this period',
};

export function waiverState({ problem, waived, notWaived }: UsedWaiver): string {
  if (problem === null) return `${waived} waived`;
  return notWaived === 0 ? PROBLEMS[problem] : `${PROBLEMS[problem]} (${waived} waived, ${notWaived} not)`;
}
