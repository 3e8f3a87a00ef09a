import { type Command, Option } from 'commander';
import { REGIONS, type Region } from '../integrations/address.js';

export interface AddressOptions {
  readonly region?: Region;
  readonly baseUrl?: string;
}

/** `--region` and `--base-url`, of which one may be given. */
export function addAddressOptions(command: Command): Command {
  const regions = Object.keys(REGIONS);
  return command
    .addOption(new Option('--region <region>', 'where the account is served').choices(regions))
    .addOption(
      new Option('--base-url <url>', 'the address itself, in place of a region').conflicts('region'),
    );
}
