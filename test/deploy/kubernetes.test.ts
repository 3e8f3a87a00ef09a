import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { VARIABLE_NAMES } from '../../src/config/reader.js';

/*
 * The manifests against the schemas that Kubernetes publishes, as the package kubernetes-models has them: its validators
 * check values and required fields, its types find fields that do not exist. Neither a cluster nor the program kustomize
 * runs here.
 */

interface Kustomization {
  readonly resources: readonly string[];
  readonly configMapGenerator?: readonly { readonly name: string; readonly literals: readonly string[] }[];
  readonly secretGenerator?: readonly { readonly name: string; readonly envs: readonly string[] }[];
  readonly images?: readonly { readonly name: string }[];
}

interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string };
  readonly spec: Record<string, unknown>;
}

interface Workload {
  readonly replicas: number;
  readonly selector: { readonly matchLabels: Record<string, string> };
  readonly template: {
    readonly metadata: { readonly labels: Record<string, string> };
    readonly spec: Pod;
  };
}

interface Pod {
  readonly serviceAccountName: string;
  readonly securityContext: { readonly runAsUser: number; readonly runAsGroup: number };
  readonly containers: readonly [Container];
}

interface Container {
  readonly image: string;
  readonly ports: readonly { readonly name: string; readonly containerPort: number }[];
  readonly envFrom: readonly Readonly<
    Record<'configMapRef' | 'secretRef', { readonly name: string } | undefined>
  >[];
  readonly securityContext: { readonly readOnlyRootFilesystem: boolean };
  readonly volumeMounts: readonly { readonly name: string; readonly mountPath: string }[];
  readonly livenessProbe: Probe;
  readonly readinessProbe: Probe;
  readonly startupProbe: Probe;
}

interface Probe {
  readonly httpGet: { readonly path: string; readonly port: string };
}

const readYaml = (path: string) => parse(readFileSync(path, 'utf8')) as unknown;

/** All manifests of a kustomization, with those of the folders that it names. */
function manifestsIn(folder: string): { manifests: Manifest[]; kustomizations: Kustomization[] } {
  const kustomization = readYaml(join(folder, 'kustomization.yaml')) as Kustomization;
  const manifests: Manifest[] = [];
  const kustomizations = [kustomization];
  for (const name of kustomization.resources) {
    if (name.endsWith('.yaml')) manifests.push(readYaml(join(folder, name)) as Manifest);
    else {
      const inner = manifestsIn(join(folder, name));
      manifests.push(...inner.manifests);
      kustomizations.push(...inner.kustomizations);
    }
  }
  return { manifests, kustomizations };
}

const MODULES: Readonly<Record<string, string>> = {
  v1: 'kubernetes-models/v1',
  'apps/v1': 'kubernetes-models/apps/v1',
  'networking.k8s.io/v1': 'kubernetes-models/networking.k8s.io/v1',
  'policy/v1': 'kubernetes-models/policy/v1',
};

const load = createRequire(import.meta.url);

/** Throws with the first value that Kubernetes would refuse. */
function validate(manifest: Manifest): void {
  const models = load(MODULES[manifest.apiVersion] ?? '') as Record<
    string,
    new (
      data: Manifest,
    ) => { validate(): void }
  >;
  const Model = models[manifest.kind];
  if (!Model) throw new Error(`there is no kind ${manifest.kind} in ${manifest.apiVersion}`);
  new Model(manifest).validate();
}

/** What the compiler says of the manifests as literals of their types: a field that does not exist is an error. */
async function unknownFields(manifests: readonly Manifest[]): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), 'kubernetes-'));
  try {
    symlinkSync(resolve('node_modules'), join(folder, 'node_modules'));
    const lines = manifests.map(
      (each, index) =>
        `import type { I${each.kind} as T${index} } from '${MODULES[each.apiVersion]}';\nexport const m${index}: T${index} = ${JSON.stringify(each)};`,
    );
    writeFileSync(join(folder, 'manifests.ts'), lines.join('\n'));
    const compiler = resolve('node_modules/typescript-native/bin/tsc');
    const options = ['--noEmit', '--strict', '--skipLibCheck', '--module', 'nodenext', '--types', ''];
    const command = [compiler, ...options, join(folder, 'manifests.ts')];
    return await promisify(execFile)(process.execPath, command, { cwd: folder }).then(
      () => '',
      (error: { stdout?: string }) => error.stdout ?? String(error),
    );
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

const ROOT = 'deploy/kubernetes';
const dockerfile = readFileSync('Dockerfile', 'utf8');

describe.each([
  ['sqlite', 'StatefulSet', 1],
  ['mongodb', 'Deployment', 2],
])('the manifests for %s', (form, kind, replicas) => {
  const folder = join(ROOT, form);
  const { manifests, kustomizations } = manifestsIn(folder);
  const workload = manifests.find((each) => each.kind === kind)?.spec as unknown as Workload;
  const pod = workload.template.spec;
  const [container] = pod.containers;

  test('are valid for Kubernetes', () => {
    for (const manifest of manifests) validate(manifest);
  });

  test('have no field that does not exist', async () => {
    expect(await unknownFields(manifests)).toBe('');
  });

  test(`run ${replicas} of the image, as its user and with a read-only root file system`, () => {
    expect(workload.replicas).toBe(replicas);
    expect(kustomizations.flatMap(({ images = [] }) => images.map(({ name }) => name))).toEqual([
      container.image,
    ]);
    const { runAsUser, runAsGroup } = pod.securityContext;
    expect(dockerfile).toContain(`\nUSER ${runAsUser}:${runAsGroup}\n`);
    expect(container.securityContext.readOnlyRootFilesystem).toBe(true);
    expect(dockerfile).toContain(`\nEXPOSE ${container.ports[0]?.containerPort}\n`);
  });

  test('name only what exists: accounts, settings, secrets, ports and labels', () => {
    const names = (of: string) =>
      manifests.filter((each) => each.kind === of).map((each) => each.metadata.name);
    expect(names('ServiceAccount')).toContain(pod.serviceAccountName);
    const maps = kustomizations.flatMap(({ configMapGenerator = [] }) => configMapGenerator);
    const secrets = kustomizations.flatMap(({ secretGenerator = [] }) => secretGenerator);
    expect(container.envFrom.flatMap(({ configMapRef }) => configMapRef?.name ?? [])).toEqual(
      maps.map(({ name }) => name),
    );
    expect(container.envFrom.flatMap(({ secretRef }) => secretRef?.name ?? [])).toEqual(
      secrets.map(({ name }) => name),
    );
    const variables = [
      ...maps.flatMap(({ literals }) => literals),
      ...secrets.flatMap(({ envs }) =>
        envs.flatMap((name) =>
          readFileSync(join(folder, name.replace('.env', '.example.env')), 'utf8').match(/^\w+=/gm),
        ),
      ),
    ].map((line) => line?.split('=', 1)[0] ?? '');
    expect(variables.length).toBeGreaterThan(3);
    expect(VARIABLE_NAMES).toEqual(expect.arrayContaining(variables));
    const { labels } = workload.template.metadata;
    expect(labels).toMatchObject(workload.selector.matchLabels);
    for (const { kind: each, spec } of manifests) {
      const selector =
        each === 'Service' ? spec.selector : (spec?.podSelector as { matchLabels: object })?.matchLabels;
      if (selector) expect(labels).toMatchObject(selector);
    }
    const ports = container.ports.map(({ name }) => name);
    for (const probe of [container.livenessProbe, container.readinessProbe, container.startupProbe]) {
      expect(ports).toContain(probe.httpGet.port);
    }
    expect([container.livenessProbe.httpGet.path, container.readinessProbe.httpGet.path]).toEqual([
      '/healthz',
      '/readyz',
    ]);
  });

  test('have a network policy for both directions', () => {
    const policies = manifests.filter((each) => each.kind === 'NetworkPolicy');
    expect(policies.map(({ spec }) => spec.policyTypes)).toContainEqual(['Ingress', 'Egress']);
  });
});

test('the volume of a SQLite history is where the image has it', () => {
  const { spec } = readYaml(join(ROOT, 'sqlite/stateful-set.yaml')) as Manifest;
  const { template, volumeClaimTemplates } = spec as unknown as Workload & {
    volumeClaimTemplates: [Manifest];
  };
  const [container] = template.spec.containers;
  const data = container.volumeMounts.find(({ name }) => name === volumeClaimTemplates[0].metadata.name);
  expect(dockerfile).toContain(`\nVOLUME ${data?.mountPath}\n`);
});

test('a wrong value and a field that does not exist are found', async () => {
  const path = join(ROOT, 'sqlite/stateful-set.yaml');
  const manifest = readYaml(path) as Manifest;
  expect(() => validate({ ...manifest, spec: { ...manifest.spec, replicas: 'one' } })).toThrow('replicas');
  const misspelt = { ...manifest, spec: { ...manifest.spec, replica: 1 } };
  expect(await unknownFields([misspelt])).toContain('"replica"');
});
