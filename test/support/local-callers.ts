import type { Callers } from '../../src/callers/callers.js';
import { LOCAL_CALLER } from '../../src/values/access.js';

/** Authentication off, all callers on this machine. */
export const LOCAL_CALLERS: Callers = {
  areAsked: async () => false,
  identify: async () => ({ outcome: 'KNOWN', caller: LOCAL_CALLER }),
  startSession: async () => null,
  close: async () => {},
};
