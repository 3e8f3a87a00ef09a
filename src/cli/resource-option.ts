import { InvalidArgumentError, Option } from 'commander';
import { RESOURCES, type Resource } from '../resources/kind.js';

/** `--resource`, given once for each resource wanted; without it all are. */
export function resourceOption(): Option {
  return new Option(
    '-r, --resource <name>',
    `only this resource (${RESOURCES.join(', ')}); may be given several times`,
  ).argParser(add);
}

function add(text: string, before: readonly Resource[] | undefined): Resource[] {
  const resource = RESOURCES.find((name) => name === text);
  if (!resource) throw new InvalidArgumentError(`Right: one of ${RESOURCES.join(', ')}.`);
  return [...(before ?? []), resource];
}
