import type { Random } from './random.js';

type Words = readonly [string, ...string[]];

export interface Attack {
  readonly type: string;
  readonly strategies: Words;
  readonly vectors: Words;
  readonly subjects: Words;
  readonly insights: Words;
}

/** From the most to the least common. */
export const ATTACKS: readonly [Attack, ...Attack[]] = [
  {
    type: 'Phishing: Credential',
    strategies: [
      'Unknown Sender',
      'Spoofed Email',
      'Name Impersonation',
      'External Compromised Email Account',
    ],
    vectors: ['Link', 'QR Code', 'Attachment'],
    subjects: [
      'Your mailbox is almost full',
      'Action required: password expires today',
      '🔐 Sign-in from a new device',
      'Shared document: “Q3 forecast”',
      'Voice message (0:42) from the front desk',
      'セキュリティのお知らせ：アカウントの確認',
    ],
    insights: ['Suspicious Link', 'Unusual Sender', 'Credential Theft Language'],
  },
  {
    type: 'Spam',
    strategies: ['Unknown Sender'],
    vectors: ['Text', 'Link', 'Spam Bomb'],
    subjects: ['Last chance: 70 % off office chairs', 'Re: your free trial', 'Soldes d’été — jusqu’à −60 %'],
    insights: ['Bulk Mail', 'Unusual Sender'],
  },
  {
    type: 'Invoice/Payment Fraud (BEC)',
    strategies: ['External Compromised Email Account', 'Spoofed Email', 'Name Impersonation'],
    vectors: ['Text', 'Attachment'],
    subjects: [
      'Re: Re: Overdue invoice 40-1187',
      'New bank details for supplier 2209',
      'Rechnung überfällig – bitte prüfen',
      'AW: Zahlungsavis Oktober',
    ],
    insights: ['Invoice', 'Changed Bank Details', 'Lookalike Domain'],
  },
  {
    type: 'Social Engineering (BEC)',
    strategies: ['Name Impersonation', 'Spoofed Email', 'Covid 19 Related Attack'],
    vectors: ['Text'],
    subjects: ['Are you at your desk?', 'Quick favour 🙏', 'Confidential', 'עזרה דחופה'],
    insights: ['Urgent Request', 'Name Impersonation', 'Reply-To Mismatch'],
  },
  {
    type: 'Scam',
    strategies: ['Unknown Sender', 'Name Impersonation'],
    vectors: ['Text', 'Calendar Invite'],
    subjects: ['You have been selected 🎁', 'Inheritance enquiry', 'Invitation: prize collection'],
    insights: ['Too Good To Be True', 'Unusual Sender'],
  },
  {
    type: 'Malware',
    strategies: ['Unknown Sender', 'External Compromised Email Account'],
    vectors: ['Attachment', 'Attachment with Zipped File', 'Link'],
    subjects: ['Delivery note 77120', 'Scanned copy from printer 4', 'Обновление договора'],
    insights: ['Suspicious Attachment', 'Encrypted Archive'],
  },
  {
    type: 'Extortion',
    strategies: ['Unknown Sender', 'Spoofed Email'],
    vectors: ['Text'],
    subjects: ['I know what you did', 'Payment within 48 hours'],
    insights: ['Bitcoin Topics', 'Personal Information Theft'],
  },
  {
    type: 'Reconnaissance',
    strategies: ['Unknown Sender', 'Name Impersonation'],
    vectors: ['Text'],
    subjects: ['Test', 'Who handles your payroll?', ''],
    insights: ['Empty Body', 'Unusual Sender'],
  },
  {
    type: 'Internal-to-Internal Attacks (Email Account Takeover)',
    strategies: ['Internal Compromised Email Account'],
    vectors: ['Link', 'Attachment'],
    subjects: ['Please review the attached statement', 'Team outing – sign up here'],
    insights: ['Internal Sender', 'Unusual Sign-In'],
  },
  {
    type: 'Phishing: Sensitive Data',
    strategies: ['Name Impersonation'],
    vectors: ['Text', 'Link'],
    subjects: ['W-2 forms for all staff', 'Payroll extract needed'],
    insights: ['Sensitive Data Request'],
  },
  {
    type: 'Other',
    strategies: ['Unknown Sender'],
    vectors: ['Others'],
    subjects: ['(no subject)', 'fwd: fwd: fwd:'],
    insights: ['Unusual Sender'],
  },
];

export const IMPERSONATED: Words = [
  'None / Others',
  'Brand',
  'VIP',
  'Employee (other)',
  'Known Partners',
  'Automated System (Internal)',
  'Automated System (External)',
  'Unknown Partner',
  'Assistants',
];

/** Both spellings of one value exist upstream. */
export const ATTACKED: Words = [
  'Employee (other)',
  'Employee (Other)',
  'VIP',
  'Other',
  'External Recipients',
];

export const REMEDIATED: Words = [
  'Auto-Remediated',
  'Auto-Remediated',
  'Auto Remediated',
  'Auto-Remediated to Junk',
];

export const ATTACHMENTS: Words = [
  'statement.pdf',
  'invoice_40-1187.pdf',
  'remittance.xlsx',
  'scan0007.zip',
  'voicemail.htm',
  'überweisung.docx',
];

export const LINK_HOSTS: Words = [
  'login.mailbox-quota.test',
  'files.docsign-portal.test',
  'track.parcel-desk.test',
  'pay.invoice-centre.example.net',
];

export const CASE_DESCRIPTIONS: Words = [
  'Impossible travel followed by a new mail rule',
  'Sign-in through an anonymising proxy',
  'Mail rule that deletes replies',
  'Many failed second factors, then one accepted',
  'Unusual correspondence with an external party',
];

export const CASE_ANALYSES: Words = ['SIGN_IN', 'MAIL_FILTER', 'RISK_EVENT', 'Risk Event', 'Mail Sent'];

export const CASE_SUMMARIES: Words = [
  'The account signed in from a country it had never been seen in.',
  'A mail rule that hides replies was created shortly afterwards.',
  'Several internal recipients were sent a link to a sign-in page.',
  'The session was ended and the password reset by an administrator.',
  'No data is known to have left the mailbox.',
];

export const PLACES: readonly [CityPlace, ...CityPlace[]] = [
  { city: 'Reykjavík', state: 'Capital Region', country: 'Iceland' },
  { city: 'Oulu', state: 'North Ostrobothnia', country: 'Finland' },
  { city: 'Valdivia', state: 'Los Ríos', country: 'Chile' },
  { country: 'Ireland' },
  { city: 'Dunedin', state: 'Otago', country: 'New Zealand' },
];

interface CityPlace {
  readonly city?: string;
  readonly state?: string;
  readonly country: string;
}

function listed(text: string): [string, ...string[]] {
  return text.trim().split(/\s+/) as [string, ...string[]];
}

const FIRST_NAMES = listed(`
  Adaeze Aino Anselm Beatriz Björn Carys Chiara Dilnoza Edvard Eilidh Farida Gaëlle Goran Haruka Ines
  Ivo Jelena Juhani Kamala Kofi Leilani Lucjan Maëva Matteo Nadia Nils Odalys Oisín Paloma Petra Quim
  Rafiq Ráhel Sakura Selim Tadeusz Thandiwe Ulla Veda Wanjiru Xoán Yusuf Zdeněk Zofia
`);

const LAST_NAMES = listed(`
  Abernethy-Voss Aldersea Bexcombe Brookmire Carrowdale Dunmarrow Eastvale Ferncastle Glenhollow
  Greystead Hartsmoor Illingmere Jarrowby Kestlewick Larkmoor Maplethorn Netherby-Low Oakhurst
  Penhallow Quillstone Ravensmoor Saltmarsh Thornvale Umberfield Vinterhav Wexmoor Yarrowgate Zennorby
  Åkersund Ørnstrand
`);

const TITLES: readonly [string, ...string[]] = [
  'Accounts Payable',
  'Facilities',
  'Finance',
  'Human Resources',
  'IT Service Desk',
  'Legal',
  'Payroll',
  'Procurement',
  'Sales',
  'Treasury',
];

const OUTSIDE_DOMAINS = listed(`
  alder-supply.example.net bluefjord-logistics.example.com cloud-notices.test docsign-portal.test
  harbour-freight.example.org invoice-centre.example.net kiln-and-co.example.com mailbox-quota.test
  north-quay-bank.example.net parcel-desk.test secure-reply.example.net tax-office.test
`);

const HOME_DOMAIN = 'meridian-mills.example.com';

export interface Person {
  readonly name: string;
  readonly address: string;
}

export function employee(random: Random): Person {
  return person(random, HOME_DOMAIN);
}

/** Sometimes a department. */
export function outsider(random: Random): Person {
  const domain = random.pick(OUTSIDE_DOMAINS);
  if (random.chance(0.7)) return person(random, domain);
  const name = random.pick(TITLES);
  return { name, address: `${slug(name)}@${domain}` };
}

function person(random: Random, domain: string): Person {
  const [first, last] = [random.pick(FIRST_NAMES), random.pick(LAST_NAMES)];
  return { name: `${first} ${last}`, address: `${slug(first)}.${slug(last)}@${domain}` };
}

function slug(text: string): string {
  return text
    .normalize('NFD')
    .replace(/[øØ]/g, 'o')
    .replace(/[^A-Za-z0-9 -]/g, '')
    .replace(/ +/g, '.')
    .toLowerCase();
}
