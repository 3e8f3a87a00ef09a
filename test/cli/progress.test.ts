import { expect, test } from 'vitest';
import { withProgressLine } from '../../src/cli/command.js';

function harness(isTTY: boolean) {
  let now = 0;
  const parts: string[] = [];
  const output = { isTTY, columns: 20, write: (part: string) => parts.push(part) };
  const line = withProgressLine(output, () => now);
  const pass = (ms: number) => {
    now += ms;
  };
  return { line, progress: line.progress, pass, written: () => parts.join('') };
}

const CLEAR = '\r\u001b[2K';

/** What a terminal would show: a line is cleared and written over, then left behind by a line feed. */
function screen(text: string): string[] {
  const lines = [''];
  for (const part of text.replaceAll(CLEAR, '\r').split(/(\r|\n)/)) {
    if (part === '\n') lines.push('');
    else if (part === '\r') lines[lines.length - 1] = '';
    else lines[lines.length - 1] += part;
  }
  return lines;
}

test('at a terminal, one line is overwritten and cut to the width of the terminal', () => {
  const { progress, pass, written } = harness(true);
  for (const text of ['1 of 3', '2 of 3', 'a line that is too long for it']) {
    progress.show(text);
    pass(200);
  }
  progress.end();
  expect(screen(written())).toEqual(['a line that is too ', '']);
});

test('other output at a terminal appears above the progress line, which stays last', () => {
  const { line, progress, pass, written } = harness(true);
  line.write('before\n');
  progress.show('1 of 3');
  line.write('a log line\n');
  pass(200);
  progress.show('2 of 3');
  line.write('another\n');
  progress.end();
  line.write('after\n');
  expect(screen(written())).toEqual(['before', 'a log line', 'another', '2 of 3', 'after', '']);
});

test('the line is redrawn at a bounded rate, and the final state is always shown', () => {
  const { progress, written } = harness(true);
  for (let i = 0; i < 1000; i++) progress.show(`${i}`);
  expect(written().length).toBeLessThan(20);
  progress.end();
  expect(screen(written())).toEqual(['999', '']);
});

test('without a terminal, a plain line is written from time to time, and the last one once', () => {
  const { progress, pass, written } = harness(false);
  for (let i = 0; i < 25; i++) {
    progress.show(`${i} done`);
    pass(1000);
  }
  progress.end();
  progress.end();
  expect(written()).toBe('0 done\n10 done\n20 done\n24 done\n');
});
