import { int64Text } from './ids.js';
import type { World } from './options.js';
import { hash32 } from './random.js';
import { SPREAD, type ThreatCourse, type Wave } from './threat-course.js';

/** One message of a threat, before its fields are made. */
export interface Slot {
  /** Its number within the threat: the oldest wave's first message is 0. */
  readonly number: number;
  readonly wave: Wave;
  /** Ms since the epoch, on a whole second. */
  readonly received: number;
  /** A signed 64-bit integer as text. */
  readonly id: string;
}

/** The id of a threat's message. */
export function messageId(world: World, index: number, number: number): string {
  return int64Text(hash32(world.seed, 51, index, number), hash32(world.seed, 52, index, number));
}

/** When message `number` of a wave was received: the first at the wave's start. */
export function receivedAt(world: World, index: number, wave: Wave, number: number): number {
  if (number === wave.first) return wave.at;
  const draw = hash32(world.seed, 53, index, number);
  // half of them in the same second as the first, as when one mail goes to several people
  return draw & 1 ? wave.at : wave.at + ((draw >>> 1) % (SPREAD / 1000)) * 1000;
}

/** The messages that a threat has at `at`, newest first, ties in no order that the ids would tell. */
export function slotsAt(world: World, course: ThreatCourse, at: number): Slot[] {
  const slots: Slot[] = [];
  for (const wave of course.waves) {
    if (wave.visibleAt > at) continue;
    for (let number = wave.first; number < wave.first + wave.count; number++) {
      const received = receivedAt(world, course.index, wave, number);
      slots.push({ number, wave, received, id: messageId(world, course.index, number) });
    }
  }
  return slots.sort((a, b) => b.received - a.received || b.number - a.number);
}

/** Whether a message of the threat, as it stands at `at`, was received in `[from, to)`. */
export function isReceivedWithin(
  world: World,
  course: ThreatCourse,
  from: number,
  to: number,
  at: number,
): boolean {
  return course.waves.some((wave) => {
    if (wave.visibleAt > at || wave.at >= to || wave.at + SPREAD < from) return false;
    if (wave.at >= from) return true;
    for (let number = wave.first; number < wave.first + wave.count; number++) {
      const received = receivedAt(world, course.index, wave, number);
      if (received >= from && received < to) return true;
    }
    return false;
  });
}
