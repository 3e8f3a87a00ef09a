import type { Command } from 'commander';
import { loadPolicy } from '../app/policy-file.js';
import { choiceOf } from '../app/report-question.js';
import { postureRequest } from '../app/reports.js';
import type { EvaluatedControl } from '../controls/evaluate.js';
import { instantText } from '../controls/words.js';
import {
  type ControlState,
  changeText,
  directionOf,
  evaluateBefore,
  evaluatePosture,
  POSTURE_WINDOWS,
  type PostureRequest,
  type PostureWindow,
  WINDOWS,
} from '../evidence/posture.js';
import { type Since, sinceOf } from '../evidence/posture-since.js';
import type { HistoryStore } from '../history/store.js';
import { withHistory } from './collection.js';
import { type CommandAction, type CommandContext, type Dispatch, untilStopped } from './command.js';
import { addIntegrationOption, several } from './options.js';
import { optionName, reportExitCode } from './report-output.js';

interface PostureOptions {
  readonly window?: readonly string[];
  readonly controls?: readonly string[];
  readonly integration?: readonly string[];
  readonly json?: boolean;
}

const DETAILS = `
Only reads; works while serve is running. A window ends where the collection for a control is complete, so up to a polling
interval ago: the verdict is the one of “report --controls ID --period last-30d”. If a poll is overdue, a passed control is
undecided.

SINCE is the recording with which the state began; “at least” that long if the beginning is older than what was looked at.
TREND compares with the window before. VALID UNTIL: then the next poll is overdue, unless it returned new data before.

Exit codes: those of report: 0 every state passed or does not apply, 1 one failed, 2 one is undecided and none failed, 3 and 4
as for other commands, 64 wrong options or configuration, 70 an unexpected failure, 130 or 143 ended by a signal.

Examples:
  abnormal-gateway posture
  abnormal-gateway posture --window 24h --controls attacks-remediated
  abnormal-gateway posture --json | jq '.states[] | select(.verdict == "FAIL") | {control, window, since}'`;

export function addPosture(program: Command, choose: Dispatch): void {
  const windows = POSTURE_WINDOWS.map((window) => WINDOWS[window].text).join(', ');
  const command = program
    .command('posture')
    .description('show the current state of each control')
    .option('-w, --window <window>', `only this window: ${windows}; may be given several times`, several)
    .option('--controls <ids>', 'only these controls, comma-separated', several);
  addIntegrationOption(command)
    .option('--json', 'print one JSON object instead of text')
    .addHelpText('after', DETAILS)
    .action((options: PostureOptions) => choose(showPosture(options)));
}

interface Shown extends ControlState {
  readonly since: Since | undefined;
  readonly before: EvaluatedControl | undefined;
}

function showPosture(options: PostureOptions): CommandAction {
  return (context) =>
    withHistory(context, 'read', async (store) => {
      const request = { ...(await requestOf(store, options, context)), signal: context.stop };
      return untilStopped(context, async () => {
        context.progress.show('reading this and earlier recordings');
        const { integrations, states } = await evaluatePosture(store, request);
        const since = await sinceOf(store, request, states);
        const before = await evaluateBefore(store, request, states);
        context.progress.end();
        const shown = states.map((state, i): Shown => ({ ...state, since: since[i], before: before[i] }));
        if (options.json) context.terminal.json(jsonOf(request, integrations, shown));
        else printPosture(context, request, shown);
        return reportExitCode({ results: states.map(({ result }) => result) });
      });
    });
}

async function requestOf(
  store: HistoryStore,
  { window: windows, ...options }: PostureOptions,
  { config, clock }: CommandContext,
): Promise<PostureRequest> {
  const policy = loadPolicy(config.policy);
  const services = { store, config, clock, policy: () => policy };
  return postureRequest(services, { ...options, windows: windowsOf(windows) }, optionName);
}

function windowsOf(texts: readonly string[] | undefined): PostureWindow[] {
  const names = POSTURE_WINDOWS.map((window) => WINDOWS[window].text);
  const wanted = texts?.map((text) => choiceOf('--window', text, names));
  return POSTURE_WINDOWS.filter((window) => wanted?.includes(WINDOWS[window].text) ?? true);
}

function jsonOf(
  { pin, now, rules }: PostureRequest,
  integrations: readonly string[],
  shown: readonly Shown[],
): object {
  const states = shown.map(({ window, result, validUntil, since = null, before }) => {
    const { control, period, verdict, reason, headline, outcomes } = result;
    return {
      ...{ control, window: WINDOWS[window].text, period, verdict, reason, headline },
      ...{ exceptions: outcomes.EXCEPTION, waived: outcomes.WAIVED, since, validUntil },
      wouldChange: changeText(result),
      trend: before && {
        ...{ period: before.period, verdict: before.verdict, direction: directionOf(result, before) },
      },
    };
  });
  const policy = rules.policy.file?.digest ?? null;
  return { now, asOf: pin.at, seq: pin.seq, integrations, policy, states };
}

function printPosture(
  { terminal }: CommandContext,
  { pin, now }: PostureRequest,
  shown: readonly Shown[],
): void {
  terminal.print(`Now    ${instantText(now)}`);
  terminal.print(`As of  ${instantText(pin.at)}, snapshot ${pin.seq}`);
  terminal.print();
  const heading = ['CONTROL', 'WINDOW', 'VERDICT', 'SINCE', 'TREND', 'VALID UNTIL', 'DECIDED BY'];
  const rows = shown.map(({ window, result, validUntil, since, before }) => [
    ...[result.control, WINDOWS[window].text, result.verdict, sinceText(since)],
    (before && directionOf(result, before)?.toLowerCase()) ?? '',
    validUntil === null ? '' : instantText(validUntil),
    result.headline.text,
  ]);
  terminal.table([heading, ...rows]);
  const changes = shown.flatMap(({ window, result }) => {
    const change = result.verdict === 'PASS' ? null : changeText(result);
    return change === null ? [] : `${result.control}, ${WINDOWS[window].text}: ${change}`;
  });
  for (const line of changes.length > 0 ? ['', ...changes] : []) terminal.print(line);
}

function sinceText(since: Since | undefined): string {
  if (!since) return '';
  return since.before === null ? `at least ${instantText(since.at)}` : instantText(since.at);
}
