import { describe, expect, it } from 'vitest';
import { cleanText } from '../../agent/platforms/libvirt/guest/clean-text.ts';
import { parseExecAnswer, parseStatusAnswer } from '../../agent/platforms/libvirt/guest/guest-agent-answers.ts';
import { adviceFor, readGuestFailure } from '../../agent/platforms/libvirt/guest/guest-failure.ts';
import { readCount } from '../../agent/platforms/libvirt/guest/thaw-loop.ts';
import { fuzz } from './fuzz.ts';
import { mutateText } from './mutate.ts';

const answers = [
  '{"return":{"pid":146}}',
  '{"return":{"exited":false}}',
  '{"return":{"exited":true,"exitcode":3,"signal":9,"err-data":"bm8gbGljZW5zZQo=","out-data":"aGk=","out-truncated":true}}',
  '{"error":{"class":"GenericError","desc":"no"}}',
];
const jsonTokens = [
  '[',
  ']',
  '{',
  '}',
  '{"return":',
  ',',
  '"err-data":"AAAA"',
  '"__proto__":{"exited":true}',
  'null',
  'true',
  '"\\ud800"',
  '"\\u0000"',
  'AAAA',
];

const texts = [
  "error: internal error: unable to execute QEMU agent command 'guest-fsfreeze-freeze': fsfreeze hook has failed with status 1",
  'error: Guest agent is not responding: Guest agent not available for now',
  "error: internal error: unable to execute QEMU agent command 'guest-exec': Failed to execute child process “/x” (Permission denied)",
  'Froze 1 filesystem(s)\n\n',
];
const textTokens = ['error: ', 'agent command', 'Permission denied', '\n', ' ', '\u001B[2J', '\u202E', 'command ', '9'];

/** What nobody wants in a log or on a page. */
const harmful = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/u;

describe('a hostile guest agent', () => {
  it('in the answers to its commands', async () => {
    let understood = 0;
    await fuzz({
      make: (random) => mutateText(answers, jsonTokens, random),
      parse: (text) => {
        const pid = parseExecAnswer(text);
        if (pid !== undefined) expect(Number.isSafeInteger(pid) && pid > 0).toBe(true);
        const status = parseStatusAnswer(text);
        if (status !== undefined) expect(cleanText(status.output)).not.toMatch(harmful);
        if (pid !== undefined || status !== undefined) understood++;
      },
      leastShare: -1,
    });
    expect(understood).toBeGreaterThan(0);
  });

  it('in its error texts', async () => {
    await fuzz({
      make: (random) => mutateText(texts, textTokens, random),
      parse: (text) => {
        const failure = readGuestFailure(new Error(text));
        const sentence = adviceFor(failure);
        expect(sentence).not.toMatch(harmful);
        expect(sentence.length).toBeLessThan(1600);
        const count = readCount(text) ?? 0;
        expect(Number.isSafeInteger(count) && count >= 0).toBe(true);
      },
      leastShare: -1,
    });
  });
});
