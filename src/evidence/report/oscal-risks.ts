import type { EvaluatedControl } from '../../controls/evaluate.js';
import { countText } from '../../controls/words.js';
import type { Waiver } from '../../policy/policy.js';
import { waiverSubject } from '../../policy/waivers.js';
import type { PeriodEvidence } from '../evaluate-period.js';
import { markdown, type Naming, propsOf } from './oscal-text.js';

export function waiverProps(waiver: Waiver | undefined) {
  if (!waiver) return {};
  const { owner, ticket, from, expires } = waiver;
  return {
    ...{ outcome: 'WAIVED', 'waiver-owner': owner, 'waiver-ticket': ticket },
    ...{ 'waiver-from': from, 'waiver-expires': expires },
  };
}

export function riskNames({ control, verdict, waivers }: EvaluatedControl): string[] {
  const waived = waivers.filter((use) => use.waived > 0);
  const failed = verdict === 'FAIL' ? [`risk ${control}`] : [];
  return [...failed, ...waived.map(({ waiver }) => `waiver ${control} ${waiver.number}`)];
}

/** A risk for each failed control, and one for each waiver that is in use: accepted until it expires. */
export function* risksOf({ results }: PeriodEvidence, uuid: Naming): Generator<object> {
  for (const result of results) {
    const { control, title, reason, verdict, exceptions, waivers, headline, owner } = result;
    const related = (isOwn: (waiver: number | null) => boolean) =>
      exceptions.flatMap(({ waiver }, i) =>
        isOwn(waiver?.number ?? null) ? [{ 'observation-uuid': uuid(`exception ${control} ${i}`) }] : [],
      );
    if (verdict === 'FAIL') {
      yield {
        uuid: uuid(`risk ${control}`),
        title: markdown(`${title}: not satisfied`),
        description: markdown(headline.text),
        statement: markdown(reason),
        props: propsOf(uuid, { control, owner, 'next-step': headline.next }),
        status: 'open',
        'related-observations': [
          { 'observation-uuid': uuid(`observation ${control}`) },
          ...related((waiver) => waiver === null),
        ],
      };
    }
    for (const { waiver, waived } of waivers.filter((use) => use.waived > 0)) {
      const own = related((number) => number === waiver.number);
      yield {
        uuid: uuid(`waiver ${control} ${waiver.number}`),
        title: markdown(`Waived: ${waiverSubject(waiver)}`),
        description: markdown(`${countText(waived, 'exception')} accepted.`),
        statement: markdown(waiver.reason),
        props: propsOf(uuid, { control, ...waiverProps(waiver) }),
        status: 'deviation-approved',
        deadline: waiver.expires,
        ...(own.length > 0 ? { 'related-observations': own } : {}),
      };
    }
  }
}
