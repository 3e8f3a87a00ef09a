import { isUtf8 } from 'node:buffer';
import { deflateRawSync, inflateRawSync, type ZlibOptions } from 'node:zlib';

/*
 * How both stores keep the two texts of a version, entries of journals, runs, and outcomes of batches. Texts that earlier
 * versions of the gateway stored in other ways, or as they are because they are short, stay readable: bytes are
 * compressed text, text is text.
 */

/** Inflating a shorter text takes longer than what it saves is worth: records are read for every page. */
const LONG_TEXT = 2_000;
/** Received texts are read for one version and for `verify` only, so those of a batch are compressed together. */
const GROUP_CHARACTERS = 64_000;
const LEAST_CHARACTERS = 400;
/** From level 4 on, a write takes a third longer or more and saves 3 to 8 %; larger pieces of memory give garbage collection more work. */
const DEFLATED = { level: 2, chunkSize: 2_048 };

/** Most records fit one piece. */
const INFLATED = { chunkSize: 8_192 };

/** What texts of one sort are compressed with, and the byte that what is stored of them begins with. */
interface Sort {
  readonly marker: Buffer;
  readonly deflated: ZlibOptions;
  readonly inflated: ZlibOptions;
}

/**
 * Texts that are compressed with words that all of their sort have. What is stored refers to the words by their places,
 * so those of a number must never change, not in one character: others get another number. The last ones are the
 * cheapest to refer to.
 */
function sortOf(number: number, level: number, words: readonly string[]): Sort {
  const dictionary = Buffer.from(words.join(''));
  return {
    // no compressed text begins so: two bits say a kind of its first block that does not exist
    marker: Buffer.from([(number << 3) | 0b110]),
    deflated: { ...DEFLATED, level, dictionary },
    inflated: { ...INFLATED, dictionary },
  };
}

/** What the gateway writes of its own: entries of the audit trail, seals, readings, runs and outcomes of batches. */
const OWN = sortOf(0, 9, [
  '{"previous":"","caller":{"kind":"COMMAND","id":"","name":"","role":"ADMIN"},"action":"POLL","target":null,"outcome":"SUCCEEDED","detail":"',
  String.raw`{"text":"{\"at\":\"2026-00-00T00:00:00.000Z\",\"audit\":{\"digest\":\"\",\"index\":1},\"batches\":{\"count\":1,\"fromSeq\":1,\"root\":\"\"},\"coverage\":[{\"complete\":false,\"from\":\"2025-00-00T00:00:00.000Z\",\"gapCount\":2,\"gaps\":[{\"from\":\"2026-00-00T00:00:00.000Z\",\"reason\":\"NOT_COLLECTED\",\"to\":\"2026-00-00T00:00:00.000Z\"},{\"from\":\"2026-00-00T00:00:00.000Z\",\"reason\":\"PROVISIONAL\",\"to\":\"2026-00-00T00:00:00.000Z\"}],\"stream\":\"default/`,
  String.raw`\",\"to\":\"2026-00-00T00:00:00.000Z\",\"windows\":{\"COMPLETE\":1}},{\"complete\":true,\"from\":\"2025-00-00T00:00:00.000Z\",\"gapCount\":1,`,
  String.raw`\"gaps\":[],\"gapCount\":0}],\"fromSeq\":1,\"index\":1,\"key\":null,\"ledger\":{\"count\":4,\"root\":\"`,
  String.raw`\"key\":{\"crv\":\"Ed25519\",\"kid\":\"\",\"kty\":\"OKP\",\"x\":\"\"},\"ledger\":{\"count\":`,
  String.raw`\"},\"list\":\"\",\"policy\":\"\",\"previous\":\"\",\"revisions\":{\"count\":0,\"root\":\"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855\"},\"runs\":[{\"digest\":\"`,
  String.raw`\",\"endedAt\":\"2026-00-00T00:00:00.000Z\",\"id\":\"\",\"integration\":\"default\",\"parameters\":{\"from\":\"2025-00-00T00:00:00.000Z\",\"to\":\"2026-00-00T00:00:00.000Z\"},\"resource\":\"`,
  String.raw`\",\"startedAt\":\"2026-00-00T00:00:00.000Z\",\"status\":\"SUCCEEDED\",\"trigger\":\"REREAD\"},{\"digest\":\"`,
  String.raw`\",\"status\":\"SUCCEEDED\",\"trigger\":\"POLL\"}],\"runsBefore\":\"2026-00-00T00:00:00.000Z\",\"runsLeft\":false,\"toAt\":\"2026-00-00T00:00:00.000Z\",\"toSeq\":1,\"type\":\"abnormal-gateway/seal\",\"version\":1}","hash":"`,
  String.raw`","signature":null,"list":"[\"l\",1,\"default/\",\"2026-00-00T00:00:00.000Z\",\"2026-00-00T00:00:00.000Z\",\"0\",\"\"]\n[\"b\",1,\"\"]\n[\"d\",1,\"integrations\",\"default\",\"\"]\n[\"d\",1,\"settings\",\"\"]\n[\"d\",1,\"drift\",\"default\",\"\"]\n[\"d\",1,\"apiKeys\",\"\"]\n"}`,
  '{"integration":"default","resource":"","filterKey":"","from":"2026-00-00T00:00:00.000Z","to":"2026-00-00T00:00:00.000Z","runId":"","readAt":"2026-00-00T00:00:00.000Z","settledTo":"2026-00-00T00:00:00.000Z","status":"COMPLETE","filter":" gte 2026-00-00T00:00:00Z lte 2026-00-00T00:00:00Z","declared":null,"listed":0,"held":0,"pages":1,"reason":null,"seq":1}',
  '{"id":"","integration":"default","resource":"","trigger":"REREAD","status":"SUCCEEDED","startedAt":"2026-00-00T00:00:00.000Z","endedAt":"2026-00-00T00:00:00.000Z","parameters":{"from":"2025-00-00T00:00:00.000Z","to":"2026-00-00T00:00:00.000Z"},"counts":{"calls":1,"listCalls":1,"detailCalls":0,"listed":0,"skipped":0,"quarantined":0,"windows":1,"added":0,"changed":0,"unchanged":0,"deleted":0},"errors":[]}',
  '{"seq":1,"at":"2026-00-00T00:00:00.000Z","added":0,"changed":0,"unchanged":0,"deleted":0,"conflicts":[],"stated":{"run":["","',
  '"],"otherRuns":[["",""]],"streams":[["default/",""],["default/",""]],"quarantine":[],"verified":""}}',
]);
/** Longer texts have their words in themselves, and would take long. */
const MOST_CHARACTERS = 16_384;

/** The fields of records, and the words that Abnormal has for their values; those of threats, most of all, come last. */
const RECORD = sortOf(1, DEFLATED.level, [
  '{"threatId":"","attachments":[{"messageId":"","name":""}]}{"threatId":"","links":[{"messageId":"","url":"https://","domain":"","linkType":"","source":"","displayText":""}]}',
  '{"caseId":"","insights":[{"signal":"","description":""}],"events":[{"time":"2026-00-00T00:00:00.000Z","categoryRaw":"","title":"","description":"","ipAddress":"","location":"","previousLocation":null,"details":{"field_labels":{"ip_address":[""],"operating_system":[""]},"rule_name":"","condition":"","flagging_detectors":"","subject":"","sender":"","recipient":"","isp":"","browser":"","operating_system":"","device_trust_type":"","protocol":"","application":""}}]}',
  '{"vendorCaseId":"","vendorDomain":"","firstObservedTime":"2026-00-00T00:00:00.000Z","lastModifiedTime":"2026-00-00T00:00:00.000Z","insights":[{"highlight":"","description":""}],"timeline":[{"time":"2026-00-00T00:00:00.000Z","senderAddress":"","recipientAddress":"","subject":"","markedAsRaw":"Malicious","threatId":""}],"threatIds":[""]}',
  '{"caseId":"","description":"","severityRaw":"","severityLevelRaw":"HIGH","confidenceRaw":"MEDIUM","statusRaw":"Action Required","remediationStatusRaw":"Not remediated","analysisRaw":"","affectedEmployee":"","firstObservedTime":"2026-00-00T00:00:00.000Z","customerVisibleTime":"2026-00-00T00:00:00.000Z","createdTime":"2026-00-00T00:00:00.000Z","lastModifiedTime":"2026-00-00T00:00:00.000Z","threatIds":[""],"genaiSummary":[""],"tenant":""}',
  '"Covid 19 Related Attack","Internal Compromised Email Account","External Compromised Email Account","Spoofed Email","Unknown Sender","Calendar Invite","Spam Bomb","QR Code","Attachment with Zipped File","Text","Attachment",',
  '"Automated System (Internal)","Automated System (External)","Assistants","Unknown Partner","Known Partners","Brand","External Recipients","VIP","Would Remediate","Marked Safe","Post Remediated","Remediation Attempted","Auto-Remediated to Junk","Not remediated",',
  '"Internal-to-Internal Attacks (Email Account Takeover)","Reconnaissance","Phishing: Sensitive Data","Social Engineering (BEC)","Invoice/Payment Fraud (BEC)","Graymail","Extortion","Malware","Scam","Spam",null,false,true,',
  '{"threatId":"","recipientCount":1,"messages":[{"messageId":"-","portalUrl":"https://portal.abnormalsecurity.com/home/threat-center/remediation-history/-","subject":"","fromAddress":"","fromName":"","senderDomain":"","senderIpAddress":"","toAddresses":[""],"recipientAddress":"","ccAddresses":[],"replyToAddresses":[],"returnPath":"","receivedTime":"2026-00-00T00:00:00.000Z","sentTime":"2026-00-00T00:00:00.000Z","internetMessageId":"<@',
  '","attackTypeRaw":"Phishing: Credential","attackStrategyRaw":"Name Impersonation","attackVectorRaw":"Link","attackedPartyRaw":"Employee (other)","impersonatedPartyRaw":"None / Others","remediationStatusRaw":"Auto-Remediated","remediationTime":"2026-00-00T00:00:00.000Z","autoRemediated":true,"postRemediated":false,"isRead":null,"attachmentCount":0,"attachmentNames":[],"urlCount":1,"urls":["https://"],"summaryInsights":[""],"judgementRaw":"Attack","customerOverride":null}],"pagesComplete":true,"tenantId":null,"tenantName":null}',
]);

/** The same of received texts, which are canonical JSON. */
const RECEIVED = sortOf(2, DEFLATED.level, [
  '{"action":"","actionDetails":{"messageId":"","providedReason":"","requestUrl":""},"category":"","sourceIp":"","status":"SUCCESS","tenantName":"","timestamp":"2026-00-00T00:00:00Z","user":{"email":""}}',
  '{"id":"","inquiry_type":"MISSED_ATTACK","messages":[""],"report":{"analysis":"","root_causes":[{"description":"","name":""}]},"status":"RESOLVED","submission_datetime":"2026-00-00T00:00:00Z","submitted_by":{"email":"","name":""}}',
  '{"abx_message_id":"","not_analyzed_reason":"","recipient":{"email":"","name":""},"reported_datetime":"2026-00-00T00:00:00Z","reporter":{"email":"","name":""},"subject":""}',
  '{"firstObservedTime":"2026-00-00T00:00:00Z","insights":[{"description":"","highlight":""}],"lastModifiedTime":"2026-00-00T00:00:00Z","timeline":[{"eventTimestamp":"2026-00-00T00:00:00Z","markedAs":"Malicious","recipientAddress":"","senderAddress":"","subject":"","threatId":""}],"vendorCaseId":1,"vendorDomain":""}',
  '{"campaignId":"","firstReported":"2026-00-00T00:00:00Z","fromAddress":"","fromName":"","judgementStatus":"Malicious","lastReported":"2026-00-00T00:00:00Z","messageId":"","overallStatus":"","recipientAddress":"","recipientName":"","subject":""}',
  '{"detail":{"affectedEmployee":"","analysis":"","caseId":"","case_status":"Action Required","confidence":"HIGH","customerVisibleTime":"2026-00-00T00:00:00.000000+00:00","firstObserved":"2026-00-00T00:00:00Z","genai_summary":[""],"remediation_status":"Not remediated","severity":"","severity_level":"HIGH","threatIds":[""]},"item":{"caseId":"","created":"","description":"","first_observed":"","last_modified":"","severity_level":""}}',
  '"Internal-to-Internal Attacks (Email Account Takeover)","Phishing: Sensitive Data","Social Engineering (BEC)","Invoice/Payment Fraud (BEC)","Internal Compromised Email Account","External Compromised Email Account","Spoofed Email","Unknown Sender","Automated System (External)","Known Partners","Not remediated",null,',
  '{"messages":[{"abxMessageId":1,"abxMessageIdStr":"","abxPortalUrl":"https://portal.abnormalsecurity.com/home/threat-center/remediation-history/","attachmentCount":0,"attachmentNames":[],"attackStrategy":"Name Impersonation","attackType":"Phishing: Credential","attackVector":"Link","attackedParty":"Employee (other)","autoRemediated":true,"ccEmails":[],"fromAddress":"","fromName":"","impersonatedParty":"None / Others","internetMessageId":"<@',
  '>","isRead":false,"postRemediated":false,"receivedTime":"2026-00-00T00:00:00Z","recipientAddress":"","remediationStatus":"Auto-Remediated","remediationTimestamp":"2026-00-00T00:00:00Z","replyToEmails":[],"returnPath":"","senderDomain":"","senderIpAddress":"","sentTime":"2026-00-00T00:00:00Z","source":"Attack","subject":"","summaryInsights":[""],"threatId":"","toAddresses":[""],"urlCount":1,"urls":["https://"]}],"recipientCount":1,"tenantId":null,"tenantName":"","threatId":""}',
]);

const SORTS = new Map([OWN, RECORD, RECEIVED].map((sort) => [sort.marker[0], sort] as const));

function packed(text: string, { marker, deflated }: Sort): Buffer {
  return Buffer.concat([marker, deflateRawSync(text, deflated)]);
}

/** What is stored of a JSON text that the gateway writes of its own, most of which is the same in each. */
export function packOwn(text: string): Buffer {
  return text.length > MOST_CHARACTERS ? deflateRawSync(text, DEFLATED) : packed(text, OWN);
}

/** What is stored of the JSON of a record. */
export function packText(text: string): string | Buffer {
  return text.length < LONG_TEXT ? text : packed(text, RECORD);
}

/** The text in a cell; `null` if its bytes are no compressed text. */
export function unpackText(cell: unknown): string | null {
  if (typeof cell === 'string') return cell;
  if (!(cell instanceof Uint8Array)) return null;
  const sort = SORTS.get(cell[0]);
  try {
    const bytes = sort ? inflateRawSync(cell.subarray(1), sort.inflated) : inflateRawSync(cell, INFLATED);
    return isUtf8(bytes) ? bytes.toString() : null;
  } catch {
    return null;
  }
}

/** Begins what is stored instead of a received text that is in the group of another version. Canonical JSON never begins so. */
const REFERENCE = '@';

/**
 * What is stored of the received texts of a batch, by the names of their versions. The first version of a group has the
 * compressed lines `name text` of all of them, the others refer to it. Canonical JSON has no line breaks.
 */
export function packReceived(
  texts: Iterable<readonly [name: string, text: string]>,
): Map<string, string | Buffer> {
  const cells = new Map<string, string | Buffer>();
  let group: [name: string, text: string][] = [];
  let characters = 0;
  const end = () => {
    const [first] = group;
    if (first && characters >= LEAST_CHARACTERS) {
      const lines = group.map(([name, text]) => `${name} ${text}`).join('\n');
      for (const [name] of group) cells.set(name, `${REFERENCE}${first[0]}`);
      cells.set(first[0], packed(lines, RECEIVED));
    } else for (const [name, text] of group) cells.set(name, text);
    group = [];
    characters = 0;
  };
  for (const [name, text] of texts) {
    group.push([name, text]);
    characters += text.length;
    if (characters >= GROUP_CHARACTERS) end();
  }
  end();
  return cells;
}

/** The versions that `cells` (by the names of their versions) refer to, and that are not among them. */
export function referencesIn(cells: ReadonlyMap<string, unknown>): string[] {
  const groups = new Set([...cells.values()].flatMap((cell) => referenceIn(cell) ?? []));
  return [...groups].filter((name) => !cells.has(name));
}

/** The received texts of versions, from cells that include those that they refer to; none where one is damaged. */
export function unpackReceived(
  names: Iterable<string>,
  cells: ReadonlyMap<string, unknown>,
): Map<string, string> {
  const groups = new Map<string, ReadonlyMap<string, string>>();
  const texts = new Map<string, string>();
  for (const name of names) {
    const cell = cells.get(name);
    const group = cell instanceof Uint8Array ? name : referenceIn(cell);
    if (group !== null && !groups.has(group)) groups.set(group, linesIn(cells.get(group)));
    const text = group === null ? cell : groups.get(group)?.get(name);
    if (typeof text === 'string') texts.set(name, text);
  }
  return texts;
}

function referenceIn(cell: unknown): string | null {
  return typeof cell === 'string' && cell.startsWith(REFERENCE) ? cell.slice(REFERENCE.length) : null;
}

function linesIn(cell: unknown): ReadonlyMap<string, string> {
  const lines = cell instanceof Uint8Array ? (unpackText(cell) ?? '') : '';
  const ends = (line: string) => line.indexOf(' ');
  return new Map(
    lines.split('\n').map((line) => [line.slice(0, ends(line)), line.slice(ends(line) + 1)] as const),
  );
}
