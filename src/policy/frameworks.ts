/** A requirement of a framework, by its own id, in a few words of ours: the texts of the frameworks are not copied. */
type Criteria = Readonly<Record<string, string>>;

interface Framework {
  readonly title: string;
  readonly source: string;
  readonly criteria: Criteria;
}

/** The frameworks to which controls refer, with the requirements that a control of this gateway is evidence for. */
export const FRAMEWORKS = {
  'nist-800-53': {
    title: 'NIST SP 800-53 Rev. 5',
    source: 'https://csrc.nist.gov/pubs/sp/800/53/r5/upd1/final',
    criteria: {
      'AC-2(12)': 'Account monitoring for atypical usage',
      'AU-6': 'Audit record review, analysis and reporting',
      'AU-10': 'Non-repudiation',
      'AU-12': 'Audit record generation',
      'CA-7': 'Continuous monitoring',
      'IA-5': 'Authenticator management',
      'IR-4': 'Incident handling',
      'IR-5': 'Incident monitoring',
      'IR-6': 'Incident reporting',
      'SI-3': 'Malicious code protection',
      'SI-4': 'System monitoring',
      'SI-8': 'Spam protection',
    },
  },
  'nist-csf': {
    title: 'NIST Cybersecurity Framework 2.0',
    source: 'https://doi.org/10.6028/NIST.CSWP.29',
    criteria: {
      'PR.AA-01': 'Identities and credentials are managed',
      'PR.PS-04': 'Log records are generated for continuous monitoring',
      'DE.CM-03': 'Personnel activity and technology usage are monitored',
      'DE.CM-06': 'External service provider activities are monitored',
      'DE.CM-09': 'Computing hardware, software and their data are monitored',
      'DE.AE-02': 'Potentially adverse events are analysed',
      'DE.AE-06': 'Information on adverse events is provided to staff and tools',
      'RS.MA-02': 'Incident reports are triaged and validated',
      'RS.MI-01': 'Incidents are contained',
      'RS.MI-02': 'Incidents are eradicated',
    },
  },
  'iso-27001': {
    title: 'ISO/IEC 27001:2022 Annex A',
    source: 'https://www.iso.org/standard/27001',
    criteria: {
      'A.5.17': 'Authentication information',
      'A.5.25': 'Assessment and decision on information security events',
      'A.5.26': 'Response to information security incidents',
      'A.5.28': 'Collection of evidence',
      'A.6.8': 'Information security event reporting',
      'A.8.7': 'Protection against malware',
      'A.8.15': 'Logging',
      'A.8.16': 'Monitoring activities',
    },
  },
  soc2: {
    title: 'SOC 2 trust services criteria',
    source:
      'https://www.aicpa-cima.com/resources/download/2017-trust-services-criteria-with-revised-points-of-focus-2022',
    criteria: {
      'CC4.1': 'Evaluations show whether controls are present and functioning',
      'CC6.1': 'Logical access security protects information assets',
      'CC6.8': 'Unauthorised or malicious software is prevented or detected',
      'CC7.2': 'System components are monitored for anomalies',
      'CC7.3': 'Security events are evaluated',
      'CC7.4': 'Security incidents are responded to',
    },
  },
  'cis-controls': {
    title: 'CIS Controls v8.1',
    source: 'https://www.cisecurity.org/controls/v8-1',
    criteria: {
      '8.2': 'Collect audit logs',
      '8.11': 'Conduct audit log reviews',
      '9.7': 'Deploy and maintain e-mail server anti-malware protections',
      '13.1': 'Centralise security event alerting',
      '17.3': 'Establish and maintain a process for reporting incidents',
      '17.4': 'Establish and maintain an incident response process',
    },
  },
  'pci-dss': {
    title: 'PCI DSS v4.0.1',
    source: 'https://www.pcisecuritystandards.org/document_library/',
    criteria: {
      '5.2.2': 'Malware is detected, and removed, blocked or contained',
      '5.4.1': 'Processes and automated mechanisms detect and protect against phishing',
      '8.6.3': 'Passwords of application and system accounts are protected against misuse',
      '10.2.1': 'Audit logs are enabled',
      '10.7.2': 'Failures of critical security control systems are detected',
      '12.10.5': 'The incident response plan covers alerts of security monitoring systems',
    },
  },
  nis2: {
    title: 'NIS2, Directive (EU) 2022/2555',
    source: 'https://eur-lex.europa.eu/eli/dir/2022/2555/oj',
    criteria: {
      '21(2)(b)': 'Incident handling',
      '21(2)(f)': 'Assessment of the effectiveness of risk-management measures',
      '21(2)(g)': 'Basic cyber hygiene practices and training',
      '21(2)(i)': 'Human resources security, access control and asset management',
    },
  },
  dora: {
    title: 'DORA, Regulation (EU) 2022/2554',
    source: 'https://eur-lex.europa.eu/eli/reg/2022/2554/oj',
    criteria: {
      '9(4)': 'Protection and prevention: access rights and authentication',
      '10(1)': 'Prompt detection of anomalous activities',
      '10(2)': 'Detection with alert thresholds and several layers of control',
      '17(1)': 'ICT-related incident management process',
      '17(3)': 'Indicators, tracking, roles and response of incident management',
    },
  },
} as const satisfies Readonly<Record<string, Framework>>;

export type FrameworkId = keyof typeof FRAMEWORKS;

export const FRAMEWORK_IDS = Object.keys(FRAMEWORKS) as FrameworkId[];

export interface Reference {
  readonly framework: FrameworkId;
  readonly criterion: string;
}

/** The references of a control to some frameworks, in their order; `null`: to all. */
export function listReferences(
  references: FrameworkReferences,
  frameworks: readonly FrameworkId[] | null,
): Reference[] {
  const shown = FRAMEWORK_IDS.filter((id) => frameworks?.includes(id) ?? true);
  return shown.flatMap((framework) => references[framework].map((criterion) => ({ framework, criterion })));
}

export function criterionTitle({ framework, criterion }: Reference): string {
  const { criteria }: Framework = FRAMEWORKS[framework];
  return criteria[criterion] ?? criterion;
}

/** `NIST SP 800-53 Rev. 5 SI-3, SI-8; SOC 2 trust services criteria CC6.8`. */
export function referencesText(references: readonly Reference[]): string {
  const used = FRAMEWORK_IDS.filter((id) => references.some(({ framework }) => framework === id));
  const texts = used.map((id) => {
    const own = references.filter(({ framework }) => framework === id);
    return `${FRAMEWORKS[id].title} ${own.map(({ criterion }) => criterion).join(', ')}`;
  });
  return texts.join('; ');
}

export type FrameworkReferences = {
  readonly [F in FrameworkId]: readonly (keyof (typeof FRAMEWORKS)[F]['criteria'])[];
};
