/** What can be masked from readers, each with what belongs to it. */
export const REDACTION_GROUPS = {
  subject: 'subject lines',
  addresses: 'e-mail addresses and domains of senders and recipients, and Message-ID headers',
  names: 'display names, and whose account a case is about',
  urls: 'links, with the text that shows and the domain they lead to',
  attachments: 'names of attached files',
  locations: 'IP addresses, and the places that accounts were used from',
  texts: 'what Abnormal writes in words: descriptions, summaries, insights',
  received: 'what Abnormal sent, as received',
} as const;

export type RedactionGroup = keyof typeof REDACTION_GROUPS;

/** What stands in the place of what is masked: the same for everything, so that nothing can be told from it. */
export const MASK = '[redacted]';
