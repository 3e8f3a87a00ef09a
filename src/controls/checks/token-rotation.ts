import { permissionsToAct } from '../../model/token.js';
import { DAY, earliest, type Instant, shift, toMillis } from '../../values/instant.js';
import type {
  Assessment,
  ControlDefinition,
  ControlEvaluation,
  CredentialFact,
  Find,
  Outcome,
  Scope,
} from '../control.js';
import { atMost, measureOf, verdictOf } from '../verdict.js';
import { countText, durationText, instantText, listText } from '../words.js';

/** Evaluates `rule`. A token that was replaced since is evaluated for the time when it was in use. */
export const tokenRotation: ControlDefinition = {
  id: 'token-rotation',
  title: 'Tokens are rotated',
  rule: 'At the end of the period, the token of every integration was not older than `tokenAge` and had not expired. If Abnormal’s API does not say when a token was issued, its age counts from when it was stored in the gateway.',
  references: {
    'nist-800-53': ['IA-5'],
    'nist-csf': ['PR.AA-01'],
    'iso-27001': ['A.5.17'],
    soc2: ['CC6.1'],
    'cis-controls': [],
    'pci-dss': ['8.6.3'],
    nis2: ['21(2)(i)'],
    dora: ['9(4)'],
  },
  limits:
    'It shows the age of the tokens with which this gateway reads Abnormal. It covers no other credentials.',
  thresholds: ['tokenAge'],
  needs: [],
  takes: [],
  looksBack: false,
  population: {
    unit: 'integrations',
    words: 'Integrations, each with its current token.',
    isListed: false,
  },
  begin: assess,
};

function assess(scope: Scope, find: Find): Assessment {
  return {
    take() {},
    evaluate() {
      const rulings = rulingsOf(scope);
      for (const { integration, outcome, reason, at } of rulings) {
        if (outcome === null) continue;
        find({ outcome, subject: { type: 'INTEGRATION', integration }, label: null, at, reason });
      }
      return evaluateTokens(rulings, scope);
    },
  };
}

const NOTICE = 14 * DAY;

interface Ruling {
  readonly integration: string;
  readonly outcome: Outcome | null;
  readonly reason: string;
  readonly at: Instant | null;
  readonly ageMs: number | null;
  readonly isExpired?: boolean;
}

function rulingsOf({ integrations, credentials, period, now, thresholds }: Scope): Ruling[] {
  const end = earliest(period.to, now);
  return integrations.map((integration) => {
    const own = credentials.filter((credential) => credential.integration === integration);
    const fact = own.find((credential) => isInUse(credential, end)) ?? own[0];
    return { integration, ...ruleOn(fact, end, thresholds.tokenAge) };
  });
}

function isInUse({ issuedAt, storedAt = issuedAt, replacedAt = null }: CredentialFact, at: Instant): boolean {
  return (storedAt === null || storedAt <= at) && (replacedAt === null || replacedAt > at);
}

function ruleOn(fact: CredentialFact | undefined, end: Instant, most: number): Omit<Ruling, 'integration'> {
  const { kind = 'TOKEN', issuedAt = null, expiresAt = null } = fact ?? {};
  if (kind === 'NONE') return { outcome: null, reason: 'has no token', at: null, ageMs: null };
  const since = issuedAt ?? fact?.storedAt ?? null;
  const ageMs = since === null || since > end ? null : toMillis(end) - toMillis(since);
  const known = { at: since, ageMs };
  if (expiresAt !== null && expiresAt <= end) {
    return { ...known, isExpired: true, outcome: 'EXCEPTION', reason: `expired ${instantText(expiresAt)}` };
  }
  if (since === null)
    return { ...known, outcome: 'IN_DOUBT', reason: 'the time when it was issued is not known' };
  const came = issuedAt === null ? 'stored in the gateway' : 'issued';
  if (ageMs === null) {
    return {
      ...known,
      outcome: 'IN_DOUBT',
      reason: `${came} ${instantText(since)}, after the period: the previous token is not known`,
    };
  }
  const old = `${durationText(ageMs)} old on ${instantText(end)}`;
  const age = issuedAt === null ? `${old}, counted from when it was stored in the gateway` : old;
  if (ageMs > most) return { ...known, outcome: 'EXCEPTION', reason: age };
  const by = earliest(expiresAt ?? shift(since, most), shift(since, most));
  const isNear = toMillis(by) - toMillis(end) < NOTICE;
  const notes = [age, isNear ? `to be replaced by ${instantText(by)}` : null, excessOf(fact)];
  return { ...known, outcome: 'MET', reason: notes.filter((note) => note !== null).join(', ') };
}

/** Permissions beyond reading, which the gateway does not need: a note, not an exception. */
function excessOf(fact: CredentialFact | undefined): string | null {
  const acting = permissionsToAct(fact?.permissions);
  return acting.length === 0 ? null : `has write permissions (${countText(acting.length, 'permission')})`;
}

const ROTATE = 'Create a token in Abnormal’s portal, and store it with “integrations rotate”.';
const OLD = { measure: 'Oldest token', next: ROTATE };
const EXPIRED = { measure: 'Expired tokens', next: ROTATE };
const UNKNOWN = {
  measure: null,
  next: 'Rotate the token with “integrations rotate”: from then on its age is known.',
};

function evaluateTokens(rulings: readonly Ruling[], scope: Scope): ControlEvaluation {
  const { tokenAge } = scope.thresholds;
  const of = (outcome: Outcome) => rulings.filter((ruling) => ruling.outcome === outcome);
  const text = (some: readonly Ruling[]) =>
    listText(some.map((r) => `the token of ${r.integration}: ${r.reason}`));
  const [late, unknown, met] = [of('EXCEPTION'), of('IN_DOUBT'), of('MET')];
  const ages = rulings.flatMap(({ ageMs }) => ageMs ?? []);
  const expired = rulings.filter(({ isExpired }) => isExpired).length;
  return {
    ...verdictOf(
      scope,
      [],
      {
        failed: late.length > 0 ? `At most ${durationText(tokenAge)} are allowed; ${text(late)}.` : null,
        failedBy: expired > 0 ? EXPIRED : OLD,
        doubt: unknown.length > 0 ? `The age is not known; ${text(unknown)}.` : null,
        doubtBy: UNKNOWN,
        empty: met.length === 0 ? 'No integration has a token: the tenant is simulated.' : null,
        passed: `${countText(met.length, 'token')} within ${durationText(tokenAge)}; ${text(met)}.`,
      },
      [
        measureOf('ms', OLD.measure, ages.length === 0 ? null : Math.max(...ages), atMost(tokenAge)),
        ...(expired > 0 ? [measureOf('count', EXPIRED.measure, expired, atMost(0))] : []),
      ],
    ),
    count: rulings.filter(({ outcome }) => outcome !== null).length,
    distributions: [],
  };
}
