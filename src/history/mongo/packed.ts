import { Binary } from 'mongodb';
import { type LedgerEntry, type RecordedEntry, streamText } from '../../model/ledger.js';
import type { RunRecord } from '../../model/run.js';
import { parsedJson } from '../../values/canonical-json.js';
import { checkStored, damaged, parseStored } from '../errors.js';
import type { BatchNote, BatchStatement, Recorded } from '../store.js';
import { packOwn, unpackText } from '../stored-texts.js';
import { type BatchDoc, type LedgerDoc, type RunDoc, reachOf } from './stored-types.js';

/*
 * Runs, readings and what batches came to, as documents: the fields by which they are found, and the whole as compressed
 * JSON. Earlier versions of the gateway stored all as fields.
 */

function packed(value: object): Binary {
  return new Binary(packOwn(JSON.stringify(value)));
}

export function runDoc({ id, ...run }: RunRecord): RunDoc {
  const { integration, startedAt, trigger } = run;
  return { _id: id, integration, startedAt, trigger, run: packed(run) };
}

export function runOf({ _id, run, ...found }: RunDoc): RunRecord {
  const what = `Run ${_id}`;
  if (!run) return checkStored<RunRecord>({ id: _id, ...found }, what, 'run');
  const whole = parsedJson(unpackText(run.value()) ?? '') as object | undefined;
  const stored = checkStored<RunRecord>({ id: _id, ...whole }, what, 'run');
  const isFound = (['integration', 'startedAt', 'trigger'] as const).every(
    (key) => stored[key] === found[key],
  );
  if (!isFound) throw damaged(what);
  return stored;
}

export function ledgerDoc(entry: LedgerEntry, seq: number, n: number): LedgerDoc {
  const { from, to } = entry;
  const place = { _id: `${seq} ${n}`, stream: streamText(entry), from, to, seq, n, reach: reachOf(entry) };
  return { ...place, entry: packed({ ...entry, seq }) };
}

/** As it was recorded, with its batch; throws if it cannot be read, or is not what it is found by. */
export function entryOf(doc: LedgerDoc): RecordedEntry {
  const { _id, stream, n: _n, reach: _reach, entry, ...found } = doc;
  const what = `A reading of ${stream}`;
  if (!entry) return checkStored<RecordedEntry>(found, what, 'reading');
  const stored = parseStored<RecordedEntry>(unpackText(entry.value()), what, 'reading');
  const isFound = stored.from === found.from && stored.to === found.to && stored.seq === found.seq;
  if (!isFound || streamText(stored) !== stream) throw damaged(what);
  return stored;
}

type Outcome = Pick<BatchNote, 'recorded' | 'stated'>;

export function outcomeDoc(recorded: Recorded, stated: BatchStatement): Pick<BatchDoc, 'outcome'> {
  return { outcome: packed({ recorded, stated }) };
}

export function storedOutcomeOf({ outcome, recorded, stated }: BatchDoc): Outcome {
  if (outcome) return parseStored<Outcome>(unpackText(outcome.value()), 'The outcome of a batch');
  return { recorded: checkStored<Recorded>(recorded, 'The outcome of a batch'), stated: stated ?? null };
}
