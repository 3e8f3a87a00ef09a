import type { HistoryStore } from '../../history/store.js';
import type { PeriodEvidence } from '../evaluate-period.js';
import { PLAN_FILE } from '../report/oscal-text.js';
import { type ReportQuestion, writeReport } from '../report/write-report.js';
import type { Signer } from '../seal/signing-key.js';
import { PackError, PackedHistory } from './pack-history.js';
import { type PackPart, writePackFile } from './tar.js';

interface PackOptions {
  /** `null`: the manifest is not signed. */
  readonly signer: Signer | null;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((words: string) => void) | undefined;
}

const REPORTS = [
  { name: 'report.html', format: 'html', rows: 'exceptions' },
  { name: 'report.json', format: 'json', rows: 'exceptions' },
  { name: 'report.oscal.json', format: 'oscal', rows: 'exceptions' },
  { name: PLAN_FILE, format: 'oscal-plan', rows: 'exceptions' },
  { name: 'component-definition.oscal.json', format: 'oscal-component', rows: 'exceptions' },
  { name: 'exceptions.csv', format: 'csv', rows: 'exceptions' },
  { name: 'results.csv', format: 'csv', rows: 'results' },
  { name: 'population.ndjson', format: 'ndjson', rows: 'population' },
] as const;

/**
 * Writes one file at `path`, which appears only when it is complete: the reports, the recorded data, the
 * seals, the keys, and a manifest with the hash of each file. Throws a `PackError` if it cannot be complete.
 */
export async function writePack(
  store: HistoryStore,
  question: ReportQuestion,
  path: string,
  { signer, signal, onProgress }: PackOptions,
): Promise<PeriodEvidence> {
  const { pin } = question;
  const span = { from: question.period.from, pin, integrations: question.integrations };
  const history = await PackedHistory.open(store, span, {
    signal,
    onProgress: (revisions) => onProgress?.(`${revisions} versions packed`),
  });
  let evidence: PeriodEvidence | null = null;
  const reports = REPORTS.map(
    ({ name, format, rows }): PackPart => ({
      name,
      async write(write) {
        const trend = format === 'html' || format === 'json' ? question.trend : null;
        const told = (read: number) => onProgress?.(`${name}: ${read} records read`);
        const options = { signal, onProgress: told };
        const judged = await writeReport(store, { ...question, format, rows, trend }, write, options);
        evidence ??= judged;
      },
    }),
  );
  const readme: PackPart = { name: 'README.txt', write: (write) => write(README) };
  const { file } = question.rules.policy;
  const policy: PackPart[] = file ? [{ name: 'policy.yaml', write: (write) => write(file.text) }] : [];
  const parts = [readme, ...policy, ...reports, ...history.parts(), history.pemPart()];
  const { text, from, to } = question.period;
  const facts = () => {
    if (signer === null && history.isSigned) throw new PackError(NOT_SIGNED);
    return factsOf();
  };
  const factsOf = () => ({
    period: { text, from, to },
    ...{ asOf: pin.at, seq: pin.seq, integrations: question.integrations },
    ...history.facts,
  });
  await writePackFile(path, parts, facts, signer);
  if (evidence === null) throw new Error('a pack was written without a verdict');
  return evidence;
}

const NOT_SIGNED =
  'The seals are signed, but SIGNING_KEY is not set: a manifest without a signature would look like one whose signature was removed. Set SIGNING_KEY.';

const README = `A pack of evidence by the Abnormal GraphQL gateway.

manifest.json      what is in here, each file with its SHA-256; manifest.sig is the Ed25519 signature of its bytes
report.html        the verdicts, to read and print; report.json and report.oscal.json are the same for programs
assessment-plan.oscal.json and component-definition.oscal.json belong to report.oscal.json
results.csv        one line for each control; exceptions.csv has every exception; population.ndjson has every member of every population
policy.yaml        the organisation's policy that was used, if there is one; its SHA-256 is in every report
seals.ndjson       the seals that cover what was recorded: "text" is what is hashed and signed, to the letter
revisions.ndjson   every version recorded since the period began, up to the view: "received" is what Abnormal sent
ledger.ndjson      every reading of Abnormal's lists recorded meanwhile; runs.ndjson has the runs that read them
public-keys.json   the keys that the seals name; compare them with those that were published (public-keys.pem has them too)

With the gateway:    abnormal-gateway verify --pack THIS-FILE.tar --public-key published-keys.json --seal HASH
By standard tools:   sha256sum FILE
                     openssl pkeyutl -verify -rawin -pubin -inkey KEY.pem -in manifest.json -sigfile manifest.sig
                     head -n 1 revisions.ndjson | jq -rj .received | sha256sum
`;
