import { Option } from 'commander';

/** `--integration`, given once for each account wanted; without it all are. */
export function integrationOption(): Option {
  return new Option(
    '-i, --integration <name>',
    'only this account; may be given several times (all, unless given)',
  ).argParser((name, before: readonly string[] | undefined) => [...(before ?? []), name]);
}
