import type { judgement } from '../../resources/vocabularies.js';
import { describedEnum } from '../base/described-enum.js';

export type Judgement = NonNullable<ReturnType<typeof judgement>>;
export const Judgement = describedEnum<Judgement>('Judgement', 'What Abnormal made of a reported e-mail.', {
  MALICIOUS: 'An attack.',
  SPAM: 'Unwanted, not dangerous.',
  SAFE: 'Harmless.',
  SCANNING: 'Not decided yet; it is read again until it is.',
  NOT_AVAILABLE: 'Abnormal gives no judgement (`N/A`).',
  OTHER: 'A value that this version of the gateway does not know; the `…Raw` field has it.',
});
