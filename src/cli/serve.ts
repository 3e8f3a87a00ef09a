import { once } from 'node:events';
import type { Command } from 'commander';
import { createApp } from '../app.js';
import { type CommandAction, type Dispatch, EXIT, formatTable, print } from './command.js';

const EXAMPLES = `
Prints its addresses, one a line, when it is ready to answer; logs go to the standard error. SIGTERM and SIGINT end it:
requests in flight are answered first, and a second signal ends it at once.

Examples:
  abnormal-gateway serve
  PORT=8080 LOG_LEVEL=debug abnormal-gateway serve`;

/** The gateway itself: the graph over HTTP, and the poller. */
export function addServe(program: Command, choose: Dispatch): void {
  program
    .command('serve')
    .description('collect in intervals and serve the graph: what is done without a command')
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
