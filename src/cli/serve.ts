import { once } from 'node:events';
import type { Command } from 'commander';
import { createApp } from '../app.js';
import { type CommandAction, type Dispatch, EXIT, formatTable, print } from './command.js';

const EXAMPLES = `
Prints its addresses, one per line, when it is ready; logs go to standard error. SIGTERM and SIGINT stop it: requests in
flight are answered first; a second signal stops it immediately.

Examples:
  abnormal-gateway serve
  PORT=8080 LOG_LEVEL=debug abnormal-gateway serve`;

/** The gateway itself: the graph over HTTP, and the poller. */
export function addServe(program: Command, choose: Dispatch): void {
  program
    .command('serve')
    .description('poll at intervals and serve the graph (the default command)')
    .addHelpText('after', EXAMPLES)
    .action(() => choose(serve, 'info'));
}

const serve: CommandAction = async ({ config, log, terminal, stop, clock }) => {
  const app = createApp(config, { log, clock });
  try {
    const { url, accounts } = await app.start();
    const rows = [
      ['graphql', `${url}/graphql`],
      ...(config.http.ide ? [['ide', `${url}/ide`]] : []),
      ['health', `${url}/healthz`],
      ...(accounts.length > 0 ? accounts : ['none yet']).map((name) => ['account', name]),
      ['ready', url],
    ];
    print(terminal, formatTable(rows).join('\n'));
    if (!stop.aborted) await once(stop, 'abort');
    log.info({ signal: stop.reason }, 'stopping');
    return EXIT.ok;
  } finally {
    await app.close();
  }
};
