import { expect, test } from 'vitest';
import { excessNote, permissionsToAct } from '../../src/model/token.js';

test.each([
  ['soar_v1_read_threats', false],
  ['soar_v1_list_cases', false],
  ['threats:read', false],
  ['readThreats', false],
  ['GET /threats', false],
  ['soar_v1_manage_threat', true],
  ['soar_v1_manage_read_marks', true],
  ['threats:write', true],
  ['threats:readwrite', true],
  ['spread_everything', true],
  ['*', true],
  ['', true],
])('the permission %j allows more than reading: %s', (permission, mayAct) => {
  expect(permissionsToAct([permission])).toEqual(mayAct ? [permission] : []);
});

test('there is no note for a token with unknown or only read permissions', () => {
  for (const permissions of [null, undefined, [], ['soar_v1_read_threats']]) {
    expect(excessNote(permissions)).toBeNull();
  }
});

test('a note names five permissions and counts the others', () => {
  const many = Array.from({ length: 12 }, (_, index) => `manage_${index}`);
  expect(excessNote(many)).toContain('(manage_0, manage_1, manage_2, manage_3, manage_4 and 7 more)');
});
