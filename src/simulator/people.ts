import type { Random } from './random.js';

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
