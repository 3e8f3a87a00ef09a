import type { World } from './options.js';
import { employee, outsider, type Person } from './people.js';
import { Random } from './random.js';
import { ATTACKS, type Attack } from './words.js';

/** How often each attack of `ATTACKS` occurs. */
const ODDS = [30, 15, 12, 11, 8, 7, 4, 4, 4, 3, 2];
const ALL_ODDS = ODDS.reduce((sum, odds) => sum + odds, 0);

/** What all messages of a threat have in common, for good. */
export interface ThreatFacts {
  readonly attack: Attack;
  readonly sender: Person;
  readonly subject: string;
  readonly recipients: readonly [Person, Person, Person];
  /** Some messages are taken for another sort of attack. */
  readonly mixed: boolean;
  readonly arrayAddresses: boolean;
  readonly withoutIdText: boolean;
  /** A detail that gives no messages either leaves the list out or leaves it empty. */
  readonly withoutMessages: 'absent' | 'empty' | null;
  /** Written as accounts of years ago had them: no counts, no status word. */
  readonly old: boolean;
  readonly tenantId: number | null | undefined;
  /** Mailboxes counted beyond the messages that are given. */
  readonly uncounted: number;
}

export function threatFacts(world: World, index: number): ThreatFacts {
  const { shares, seed } = world;
  const random = new Random(seed, 41, index);
  const attack = drawAttack(random);
  const isInternal = attack.strategies[0].startsWith('Internal');
  return {
    attack,
    sender: isInternal ? employee(random) : outsider(random),
    subject: random.pick(attack.subjects),
    recipients: [employee(random), employee(random), employee(random)],
    mixed: random.chance(0.15),
    arrayAddresses: random.chance(shares.arrayAddresses),
    withoutIdText: random.chance(shares.withoutIdText),
    withoutMessages: random.chance(shares.withoutMessages) ? random.pick(['absent', 'empty']) : null,
    old: random.chance(shares.absentFields / 2),
    tenantId: random.chance(shares.absentFields) ? undefined : random.chance(shares.nulls) ? null : 4_417,
    uncounted: random.chance(0.1) ? random.between(1, 40) : 0,
  };
}

/** One sort of attack, the common ones more often. */
export function drawAttack(random: Random): Attack {
  let draw = random.below(ALL_ODDS);
  for (const [place, odds] of ODDS.entries()) {
    if (draw < odds) return ATTACKS[place] ?? ATTACKS[0];
    draw -= odds;
  }
  return ATTACKS[0];
}
