import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { frameworkPage } from '../../scripts/print-frameworks.js';
import { CONTROLS } from '../../src/controls/registry.js';
import { FRAMEWORK_IDS, FRAMEWORKS, listReferences, referencesText } from '../../src/policy/frameworks.js';

test('every requirement of a framework has a control, and every control refers to NIST and to SOC 2', () => {
  for (const framework of FRAMEWORK_IDS) {
    const used = Object.values(CONTROLS).flatMap(({ references }) =>
      listReferences(references, [framework]).map(({ criterion }) => criterion),
    );
    expect([...new Set(used)].sort(), framework).toEqual(Object.keys(FRAMEWORKS[framework].criteria).sort());
  }
  for (const { id, references, limits } of Object.values(CONTROLS)) {
    expect(
      [references['nist-800-53'].length, references.soc2.length].every((count) => count > 0),
      id,
    ).toBe(true);
    expect(limits, id).toMatch(/\bnot\b|\bnothing\b|\bno other\b/);
  }
});

test('a policy may show some frameworks only, in the order in which they are known', () => {
  const { references } = CONTROLS['attacks-remediated'];
  expect(referencesText(listReferences(references, ['soc2', 'nist-800-53']))).toBe(
    'NIST SP 800-53 Rev. 5 SI-3, SI-8, IR-4; SOC 2 trust services criteria CC6.8, CC7.4',
  );
});

test('docs/frameworks.md has the tables of the controls as they are', () => {
  const page = readFileSync('docs/frameworks.md', 'utf8');
  expect(page, 'run npm run frameworks:docs').toBe(frameworkPage(page));
});
