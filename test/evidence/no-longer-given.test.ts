import { afterEach, describe, expect, test } from 'vitest';
import type { EvaluatedControl } from '../../src/controls/evaluate.js';
import { htmlReport } from '../../src/evidence/report/html-report.js';
import { jsonReport } from '../../src/evidence/report/json.js';
import { oscalReport } from '../../src/evidence/report/oscal.js';
import { csvRow } from '../../src/evidence/report/rows.js';
import type { ListedKind } from '../../src/resources/registry.js';
import type { FaultRule } from '../../src/simulator/faults.js';
import { DAY, HOUR, type Instant, shift } from '../../src/values/instant.js';
import { ask } from '../support/evidence-history.js';
import { createTenantWorld, INTEGRATION, type World } from '../sync/harness.js';

/*
 * What Abnormal returned once and returns no more, over HTTP and through the sync: no failed control may pass by it.
 */

const NOW = '2026-03-31T12:00:00.000Z';
const AT = shift(NOW, -5 * DAY);
const PERIOD = `${AT}/${shift(AT, 1000)}`;

let world: World;
afterEach(() => world.close());

/** Starts with one record of a kind whose detail is `changed` from the tenant's own. */
async function start(
  kind: ListedKind,
  changed: (payload: Record<string, unknown>, id: string) => unknown,
): Promise<{ id: string; answer: (rule: FaultRule['fault']) => void }> {
  world = await createTenantWorld({
    now: NOW,
    tenant: {
      ...{ seed: 'gone', from: '2026-02-15T00:00:00.000Z', to: '2026-04-30T00:00:00.000Z' },
      ...{ threats: 100, cases: 20, campaigns: 20 },
      shares: { missingThreats: 0, deletedThreats: 0, hugeThreats: 0, numericCaseIds: 0 },
    },
  });
  const found = [...world.tenant.truth(shift(NOW, -4 * DAY), shift(NOW, -20 * DAY))].findLast(
    (record) => record.kind === kind,
  );
  if (!found) throw new Error(`the tenant has no ${kind}`);
  const { id, payload } = found;
  const answer = (fault: FaultRule['fault']) => {
    world.simulator.setFaults({
      rules: [{ fault, match: (path) => new RegExp(`/${id}(\\?|$)`).test(path) }],
    });
  };
  answer(ok(changed(payload as Record<string, unknown>, id)));
  await world.poll();
  return { id, answer };
}

function ok(body: unknown): FaultRule['fault'] {
  return { kind: 'status', status: 200, body: JSON.stringify(body) };
}

async function pollOften(): Promise<void> {
  for (let poll = 0; poll < 3; poll += 1) {
    world.clock.advance(25 * HOUR);
    await world.poll();
  }
}

async function judge(asOf: Instant | null = null): Promise<Record<string, EvaluatedControl>> {
  const pin = await (asOf === null ? world.store.head() : world.store.pinAt(asOf));
  const { results } = await ask(world.store, { period: PERIOD, pin });
  return Object.fromEntries(results.map((result) => [result.control, result]));
}

/** Every report names the messages that are no longer given, and since when. */
async function expectNamed(messageIds: readonly string[]): Promise<void> {
  const rows: string[] = [];
  const evidence = await ask(
    world.store,
    { period: PERIOD, controls: ['attacks-remediated'] },
    { onFinding: (control, finding) => rows.push(csvRow(control, finding, { rows: 'population' })) },
  );
  const since = evidence.results[0]?.noLongerGiven.since ?? '';
  const [result] = JSON.parse([...jsonReport(evidence)].join('')).results;
  const named = { count: messageIds.length, since, allGiven: true };
  expect(result.noLongerGiven).toMatchObject(named);
  expect(result.noLongerGiven.items).toMatchObject(messageIds.map((messageId) => ({ messageId, since })));
  expect(rows.map((row) => row.includes(`,${since},`))).toEqual(messageIds.map(() => true));
  const page = htmlReport(evidence, { simulated: [] });
  expect(page).toContain(`No longer returned by Abnormal: ${messageIds.length}`);
  const oscal = [...oscalReport(evidence, { simulated: [] })].join('');
  const { observations } = JSON.parse(oscal)['assessment-results'].results[0];
  const historic = observations.filter(({ types }: { types: string[] }) => types.includes('historic'));
  expect(
    historic.map(({ props }: { props: { name: string; value: string }[] }) => propsNamed(props)),
  ).toEqual(messageIds.map((messageId) => [messageId, since]));
  expect(propsNamed(observations[0].props, ['no-longer-given'])).toEqual([String(messageIds.length)]);
}

function propsNamed(
  props: readonly { readonly name: string; readonly value: string }[],
  names = ['message-id', 'no-longer-given-since'],
): (string | undefined)[] {
  return names.map((name) => props.find((prop) => prop.name === name)?.value);
}

const brief = ({ verdict, population, outcomes, noLongerGiven }: EvaluatedControl) => ({
  ...{ verdict, count: population.count, exceptions: outcomes.EXCEPTION, gone: noLongerGiven.count },
});

describe('a threat with a message left in its mailbox', () => {
  const detail = (payload: Record<string, unknown>, id: string, of: readonly string[]) => {
    const [template] = payload.messages as Record<string, unknown>[];
    const message = (messageId: string, isLeft: boolean) => ({
      ...template,
      ...{ abxMessageId: messageId, abxMessageIdStr: messageId, abxPortalUrl: null, receivedTime: AT },
      ...{ source: 'Attack', attackType: 'Malware', customerOverride: null },
      remediationStatus: isLeft ? 'Not remediated' : 'Auto-remediated',
      remediationTimestamp: isLeft ? null : shift(AT, 5000),
      ...{ autoRemediated: !isLeft, postRemediated: false },
    });
    const messages = of.map((messageId) => message(messageId, messageId === '11'));
    return { threatId: id, recipientCount: 2, messages };
  };

  async function begin() {
    let template: Record<string, unknown> = {};
    const begun = await start('threat', (payload, id) => {
      template = payload;
      return detail(payload, id, ['11', '22']);
    });
    const before = await judge();
    expect(brief(before['attacks-remediated'] as EvaluatedControl)).toEqual({
      ...{ verdict: 'FAIL', count: 2, exceptions: 1, gone: 0 },
    });
    const { at } = await world.store.head();
    return { ...begun, template, before, at };
  }

  test.each([
    ['comes back with an empty list of messages', { recipientCount: 2, messages: [] }, 2],
    ['comes back with null for its messages', { recipientCount: null, messages: null }, 2],
    ['comes back without its messages', {}, 2],
    ['comes back with the other message only', ['22'], 1],
  ])('still fails its control when it %s', async (_, next, gone) => {
    const { id, answer, template, before, at } = await begin();
    answer(ok(Array.isArray(next) ? detail(template, id, next) : { threatId: id, ...next }));
    await pollOften();
    const after = await judge();
    const remediated = after['attacks-remediated'] as EvaluatedControl;
    expect(brief(remediated)).toEqual({ verdict: 'FAIL', count: 2, exceptions: 1, gone });
    expect(remediated.reason).toContain(`Abnormal no longer returns ${gone} of the 2 messages`);
    expect(remediated.exceptions.map(({ subject }) => subject)).toEqual([
      { type: 'RECORD', key: { integration: INTEGRATION, kind: 'threat', id }, messageId: '11' },
    ]);
    const { members, since } = remediated.noLongerGiven;
    expect(members.map(({ subject: { messageId } }) => messageId).sort()).toEqual(
      ['11', '22'].slice(0, gone),
    );
    expect(since !== null && since > at).toBe(true);
    // the threat is held with what Abnormal gave, so nothing says that it came without any message
    const captured = after['attacks-captured'] as EvaluatedControl;
    expect(captured.exceptions.filter(({ subject }) => subject.type === 'RECORD')).toEqual([]);
    expect(captured.population.count).toBe(1);
    expect(captured.noLongerGiven.count).toBe(gone === 2 ? 1 : 0);
    expect((after['detection-active'] as EvaluatedControl).population.count).toBe(1);
    expect(await judge(at)).toEqual(before);
  });

  test('still fails its control when it answers 404 twice, and is counted as no longer returned', async () => {
    const { answer, before, at } = await begin();
    answer({ kind: 'notFound' });
    await pollOften();
    const after = await judge();
    expect(brief(after['attacks-remediated'] as EvaluatedControl)).toEqual({
      ...{ verdict: 'FAIL', count: 2, exceptions: 1, gone: 2 },
    });
    for (const control of ['attacks-captured', 'detection-active']) {
      const { population, noLongerGiven } = after[control] as EvaluatedControl;
      expect([control, population.count, noLongerGiven.count]).toEqual([control, 1, 1]);
    }
    await expectNamed(['11', '22']);
    expect(await judge(at)).toEqual(before);
  });

  test('has no exception once Abnormal reports the message as remediated, even after it was missing', async () => {
    const { id, answer, template } = await begin();
    answer(ok(detail(template, id, ['22'])));
    await pollOften();
    const late = detail(template, id, ['11', '22']);
    const messages = late.messages.map((message) => ({ ...message, remediationStatus: 'Post-remediated' }));
    answer(ok({ ...late, messages }));
    await pollOften();
    const { 'attacks-remediated': remediated } = await judge();
    expect(brief(remediated as EvaluatedControl)).toMatchObject({ count: 2, exceptions: 0, gone: 0 });
  });
});

test('an unacknowledged case still fails its control when it answers 404 twice', async () => {
  const { id, answer } = await start('case', (payload, caseId) => ({
    ...((payload.detail ?? payload) as object),
    ...{ caseId, case_status: 'Action Required', customerVisibleTime: AT },
  }));
  const before = await judge();
  expect(brief(before['account-takeover-handled'] as EvaluatedControl)).toEqual({
    ...{ verdict: 'FAIL', count: 1, exceptions: 1, gone: 0 },
  });
  const { at } = await world.store.head();
  answer({ kind: 'notFound' });
  await pollOften();
  const after = (await judge())['account-takeover-handled'] as EvaluatedControl;
  expect(brief(after)).toEqual({ verdict: 'FAIL', count: 1, exceptions: 1, gone: 1 });
  expect(after.noLongerGiven.members[0]?.subject.key.id).toBe(id);
  expect(await judge(at)).toEqual(before);
});

test('a campaign without a judgement still fails its control when it answers 404 twice', async () => {
  const { answer } = await start('campaign', (payload, campaignId) => ({
    ...payload,
    ...{ campaignId, firstReported: AT, judgementStatus: 'Scanning' },
  }));
  await pollOften();
  const before = await judge();
  expect(brief(before['abuse-mailbox-operating'] as EvaluatedControl)).toEqual({
    ...{ verdict: 'FAIL', count: 1, exceptions: 1, gone: 0 },
  });
  const { at } = await world.store.head();
  answer({ kind: 'notFound' });
  await pollOften();
  const after = await judge();
  expect(brief(after['abuse-mailbox-operating'] as EvaluatedControl)).toEqual({
    ...{ verdict: 'FAIL', count: 1, exceptions: 1, gone: 1 },
  });
  expect(await judge(at)).toEqual(before);
});
