import type { TokenState } from '../../integrations/token-state.js';
import { describedEnum } from '../base/described-enum.js';

export const TokenStateEnum = describedEnum<TokenState>(
  'TokenState',
  'How the token of an integration stands. Abnormal’s tokens are to be replaced every 90 days.',
  {
    OK: 'It serves, and will for a while.',
    EXPIRING: 'It ends within 14 days, or is over 76 days old: replace it soon.',
    ROTATION_DUE: 'It has ended, or is 90 days old: replace it now.',
    REJECTED:
      'Abnormal refused it when it was last used: it is mistyped, expired, revoked or of another region.',
    UNKNOWN: 'Neither its age nor its end is known.',
  },
);
