import type { Instant } from '../values/instant.js';

/*
 * What the gateway understands of Abnormal's details. Names are the gateway's own; a `…Raw` field holds an
 * upstream string as received, since all of the API's word lists are open sets. `null` is "not said".
 */

/** What may be wrong with what was received. */
export interface Unreadable {
  /** Parts of the answer that do not read, by path with what is wrong, at most ten; only where there are any. */
  readonly unread?: readonly string[];
}

/** One e-mail of a threat, from `GET /threats/{id}`. Attributes such as the attack type are per message. */
export interface Message {
  /** Abnormal's message id: a signed 64-bit integer as text. */
  readonly messageId: string;
  readonly portalUrl: string | null;
  readonly subject: string | null;
  readonly fromAddress: string | null;
  readonly fromName: string | null;
  readonly senderDomain: string | null;
  readonly senderIpAddress: string | null;
  readonly toAddresses: readonly string[];
  readonly recipientAddress: string | null;
  readonly ccAddresses: readonly string[];
  readonly replyToAddresses: readonly string[];
  readonly returnPath: string | null;
  readonly receivedTime: Instant | null;
  readonly sentTime: Instant | null;
  readonly internetMessageId: string | null;
  readonly attackTypeRaw: string | null;
  readonly attackStrategyRaw: string | null;
  readonly attackVectorRaw: string | null;
  readonly attackedPartyRaw: string | null;
  readonly impersonatedPartyRaw: string | null;
  readonly remediationStatusRaw: string | null;
  readonly remediationTime: Instant | null;
  readonly autoRemediated: boolean | null;
  readonly postRemediated: boolean | null;
  readonly isRead: boolean | null;
  readonly attachmentCount: number | null;
  readonly attachmentNames: readonly string[];
  /** Abnormal's own count, which need not equal the number of `urls` it sends. */
  readonly urlCount: number | null;
  readonly urls: readonly string[];
  readonly summaryInsights: readonly string[];
  /** Abnormal's judgement of the message (`source` upstream), such as `Attack`. */
  readonly judgementRaw: string | null;
  readonly customerOverride: CustomerOverride | null;
}

export interface CustomerOverride {
  readonly overrideType: string | null;
  readonly reason: string | null;
  readonly overrideJudgement: string | null;
  readonly value: string | null;
}

/** One attack, as e-mails that belong together. */
export interface Threat extends Unreadable {
  readonly threatId: string;
  /** How many mailboxes Abnormal counts; may exceed the number of messages it gives. */
  readonly recipientCount: number | null;
  /** Newest first, ties by id; at most what Abnormal gives (a sample of 10 on some accounts, 2,000 at most). */
  readonly messages: readonly Message[];
  /** Whether every page that Abnormal offered was read. */
  readonly pagesComplete: boolean;
  readonly tenantId: string | null;
  readonly tenantName: string | null;
}

/** One account-takeover case: the list item and the detail joined, since each has fields that the other lacks. */
export interface Case extends Unreadable {
  readonly caseId: string;
  readonly description: string | null;
  /** Free text such as `Potential Account Takeover`. */
  readonly severityRaw: string | null;
  readonly severityLevelRaw: string | null;
  readonly confidenceRaw: string | null;
  readonly statusRaw: string | null;
  readonly remediationStatusRaw: string | null;
  readonly analysisRaw: string | null;
  /** A display name or an e-mail address, as Abnormal happens to send it. */
  readonly affectedEmployee: string | null;
  readonly firstObservedTime: Instant | null;
  readonly customerVisibleTime: Instant | null;
  readonly createdTime: Instant | null;
  readonly lastModifiedTime: Instant | null;
  readonly threatIds: readonly string[];
  readonly genaiSummary: readonly string[];
  readonly tenant: string | null;
}

/** One abuse-mailbox campaign: what users reported, and how it was judged. */
export interface Campaign extends Unreadable {
  readonly campaignId: string;
  readonly firstReportedTime: Instant | null;
  readonly lastReportedTime: Instant | null;
  /** The first reported message's id: a signed 64-bit integer as text. */
  readonly messageId: string | null;
  readonly subject: string | null;
  readonly fromName: string | null;
  readonly fromAddress: string | null;
  readonly recipientName: string | null;
  readonly recipientAddress: string | null;
  readonly judgementStatusRaw: string | null;
  readonly overallStatusRaw: string | null;
  readonly attackTypeRaw: string | null;
}

/** A case's insights and timeline, from `GET /cases/{id}/analysis`. */
export interface CaseAnalysis {
  readonly caseId: string;
  readonly insights: readonly { readonly signal: string | null; readonly description: string | null }[];
  readonly events: readonly TimelineEvent[];
}

export interface TimelineEvent {
  readonly time: Instant | null;
  readonly categoryRaw: string | null;
  readonly title: string | null;
  readonly description: string | null;
  readonly ipAddress: string | null;
  readonly location: string | null;
  readonly previousLocation: string | null;
  /** Everything else that Abnormal said of the event, by its own names. */
  readonly details: Readonly<Record<string, unknown>>;
}

/** Attachment names of a threat's messages, from `GET /threats/{id}/attachments`. */
export interface ThreatAttachments {
  readonly threatId: string;
  readonly attachments: readonly { readonly messageId: string | null; readonly name: string | null }[];
}

/** Links in a threat's messages, from `GET /threats/{id}/links`. */
export interface ThreatLinks {
  readonly threatId: string;
  readonly links: readonly {
    readonly messageId: string | null;
    readonly url: string | null;
    readonly domain: string | null;
    readonly linkType: string | null;
    readonly source: string | null;
    readonly displayText: string | null;
  }[];
}

/** The decoded record of each kind. */
export interface RecordOf {
  threat: Threat;
  case: Case;
  campaign: Campaign;
  caseAnalysis: CaseAnalysis;
  threatAttachments: ThreatAttachments;
  threatLinks: ThreatLinks;
}

export type AnyRecord = RecordOf[keyof RecordOf];
