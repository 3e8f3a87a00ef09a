import { describe, expect, test } from 'vitest';
import { runChaos } from '../support/chaos/run.js';

/** More of them run by `scripts/proof/chaos.ts`. */
const SEEDS = Number(process.env.CHAOS_SEEDS ?? 3);
const FIRST = 1001;

describe('a gateway with every possible failure', () => {
  test.each(Array.from({ length: SEEDS }, (_, i) => FIRST + i))(
    'is never silently incomplete, and complete two polls after the failures end: seed %i',
    async (seed) => {
      const report = await runChaos({ seed });
      expect(report.problems, report.events.join('\n')).toEqual([]);
      expect(report.revisions).toBeGreaterThan(0);
      const faults = Object.values(report.faults).reduce((sum, count) => sum + count, 0);
      expect(faults).toBeGreaterThan(0);
    },
  );
});
