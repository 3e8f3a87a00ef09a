import { randomUUID } from 'node:crypto';
import type { Command } from 'commander';
import { loadPolicy } from '../app/policy-file.js';
import { endpointsOf, webhookSecretsOf } from '../app/webhooks.js';
import { ConfigError } from '../config/reader.js';
import type { HistoryStore, OpenMode } from '../history/store.js';
import { newWebhookSecret } from '../integrations/webhook-secrets.js';
import { toInstant } from '../values/instant.js';
import { type DeliveryStatus, deliveryStatus, type WebhookEndpoint } from '../webhooks/deliveries.js';
import { endWait, readLetters, removeLetter } from '../webhooks/delivery-state.js';
import type { EventMessage } from '../webhooks/messages.js';
import { type SendOutcome, sendMessage } from '../webhooks/send.js';
import { withHistory } from './collection.js';
import { type CommandAction, type CommandContext, type Dispatch, EXIT } from './command.js';
import { auditedAction } from './vault-session.js';

const GROUP_TEXT = `
The policy file declares webhooks (section "webhooks", docs/webhooks.md). The process that polls sends their messages. All of
these commands work while serve is running.

Examples:
  abnormal-gateway webhooks secret siem-2026
  abnormal-gateway webhooks test siem
  abnormal-gateway webhooks list
  abnormal-gateway webhooks replay siem`;

export function addWebhooks(program: Command, choose: Dispatch): void {
  const webhooks = program
    .command('webhooks')
    .description('messages to other systems: list, test, replay, and the secrets that sign them')
    .helpCommand(false)
    .addHelpText('after', GROUP_TEXT);
  webhooks
    .command('list')
    .description('print each webhook with its state')
    .option('--json', 'print one JSON array')
    .addHelpText('after', LIST_TEXT)
    .action(({ json = false }: { json?: boolean }) => choose(list(json)));
  webhooks
    .command('test <name>')
    .description('send a message of type webhook.test')
    .addHelpText('after', TEST_TEXT)
    .action((name: string) => choose(test(name)));
  webhooks
    .command('replay <name>')
    .description('send dead letters again')
    .addHelpText('after', REPLAY_TEXT)
    .action((name: string) => choose(replay(name)));
  webhooks
    .command('secret [name]')
    .description('create a secret that signs messages; with a name, store it')
    .addHelpText('after', SECRET_TEXT)
    .action((name: string | undefined) => choose(createSecret(name)));
}

interface Work extends CommandContext {
  readonly store: HistoryStore;
  readonly endpoints: readonly WebhookEndpoint[];
}

function withEndpoints(mode: OpenMode, work: (work: Work) => Promise<number>): CommandAction {
  return async (context) => {
    const endpoints = endpointsOf(loadPolicy(context.config.policy));
    return withHistory(context, mode, (store) => work({ ...context, store, endpoints }));
  };
}

function endpointNamed({ endpoints }: Work, name: string): WebhookEndpoint {
  const endpoint = endpoints.find((each) => each.name === name);
  if (endpoint) return endpoint;
  const known = endpoints.map((each) => each.name).join(', ');
  throw new ConfigError(
    known === ''
      ? 'The policy (POLICY) declares no webhook.'
      : `The policy declares no webhook "${name}". Declared: ${known}.`,
  );
}

const LIST_TEXT = `
BEHIND is the number of recorded batches of which the webhook was not notified yet. Exit code 1 if a webhook fails or has dead
letters.

Examples:
  abnormal-gateway webhooks list
  abnormal-gateway webhooks list --json | jq '.[] | select(.failure)'`;

function list(isJson: boolean): CommandAction {
  return withEndpoints('read', async ({ store, endpoints, terminal }) => {
    const states = await deliveryStatus(store, endpoints);
    if (isJson) terminal.json(states);
    else if (states.length === 0) terminal.print('The policy (POLICY) declares no webhook.');
    else {
      const rows = states.map((state) => [
        ...[state.name, stateOf(state), state.lastSentAt ?? '-', String(state.behind)],
        String(state.deadLetters),
      ]);
      terminal.table([['WEBHOOK', 'STATE', 'LAST SENT', 'BEHIND', 'DEAD LETTERS'], ...rows]);
    }
    const isWell = states.every(({ failure, gone, deadLetters }) => !failure && !gone && deadLetters === 0);
    return isWell ? EXIT.ok : EXIT.failed;
  });
}

function stateOf({ failure, gone }: DeliveryStatus): string {
  if (gone !== null) return 'stopped: it responded with 410; “webhooks test” starts it again';
  if (failure === null) return 'ok';
  return `fails since ${failure.since}, ${failure.tries} tries, next ${failure.retryAt}: ${failure.error}`;
}

const TEST_TEXT = `
If the receiver accepts the message, a wait for a retry ends. Exit code 1 if it does not.

Example:
  abnormal-gateway webhooks test siem`;

function test(name: string): CommandAction {
  return withEndpoints('manage', async (work) => {
    const { store, terminal, clock } = work;
    const endpoint = endpointNamed(work, name);
    const id = `msg_${randomUUID().replaceAll('-', '')}`;
    const message = { id, type: 'webhook.test', timestamp: toInstant(clock()), data: { webhook: name } };
    const sending = () => send(work, endpoint, message);
    const outcome = await auditedAction(work, 'TEST_WEBHOOK', name, sending, outcomeText);
    terminal.print(`${name}: ${outcomeText(outcome)}`);
    if (outcome.result !== 'DELIVERED') return EXIT.failed;
    await endWait(store, endpoint.document, toInstant(clock()));
    return EXIT.ok;
  });
}

function send(
  { config, store, clock, stop: signal }: Work,
  { target }: WebhookEndpoint,
  message: EventMessage,
) {
  return sendMessage(target, message, { secrets: webhookSecretsOf(config, store, clock), clock, signal });
}

function outcomeText(outcome: SendOutcome): string {
  return outcome.result === 'DELIVERED' ? 'accepted' : `not accepted: ${outcome.error}`;
}

const REPLAY_TEXT = `
Each has the id and the content that it had before, and a new signature. Those that the receiver accepts are removed from the
dead letters. Exit code 1 if one was not accepted.

Example:
  abnormal-gateway webhooks replay siem`;

function replay(name: string): CommandAction {
  return withEndpoints('manage', async (work) => {
    const { store, terminal, clock, stop } = work;
    const endpoint = endpointNamed(work, name);
    const letters = await readLetters(store, name);
    const failed = await auditedAction(
      work,
      'REPLAY_WEBHOOK',
      name,
      async () => {
        let count = 0;
        for (const { message } of letters) {
          if (stop.aborted) break;
          const outcome = await send(work, endpoint, message);
          terminal.print(`${message.id} ${message.type} ${outcomeText(outcome)}`);
          if (outcome.result === 'DELIVERED') await removeLetter(store, name, message.id);
          else count += 1;
        }
        return count;
      },
      (count) => `${letters.length} sent again, ${count} not accepted`,
    );
    terminal.print(`${name}: ${letters.length - failed} of ${letters.length} accepted.`);
    if (failed > 0) return EXIT.failed;
    if (letters.length > 0) await endWait(store, endpoint.document, toInstant(clock()));
    return EXIT.ok;
  });
}

const SECRET_TEXT = `
Prints the secret once. Without a name it is not stored: set WEBHOOK_SECRETS=<name>=<secret>. With a name it is stored in the
history, encrypted with ENCRYPTION_KEY, and replaces the one of that name.

Examples:
  abnormal-gateway webhooks secret siem-2026
  echo "WEBHOOK_SECRETS=siem=$(abnormal-gateway webhooks secret)" >> .env`;

function createSecret(name: string | undefined): CommandAction {
  return async (context) => {
    if (name === undefined) {
      context.terminal.print(newWebhookSecret());
      return EXIT.ok;
    }
    const { config, clock, terminal } = context;
    return withHistory(context, 'manage', async (store) => {
      const create = () => webhookSecretsOf(config, store, clock).create(name);
      terminal.print(await auditedAction({ store, clock }, 'CHANGE_WEBHOOK_SECRET', name, create));
      terminal.err.write(`Stored as "${name}". Give it to the receiver; it is not shown again.\n`);
      return EXIT.ok;
    });
  };
}
