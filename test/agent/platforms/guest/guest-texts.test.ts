import { describe, expect, it } from 'vitest';
import { cleanText } from '../../../../agent/platforms/libvirt/guest/clean-text.ts';
import { adviceFor, isCertain, readGuestFailure } from '../../../../agent/platforms/libvirt/guest/guest-failure.ts';
import { parseStatusAnswer } from '../../../../agent/platforms/libvirt/guest/guest-agent-answers.ts';
import { readCount } from '../../../../agent/platforms/libvirt/guest/thaw-loop.ts';

describe('texts about a guest', () => {
  it.each([
    ['error: argument unsupported: QEMU guest agent is not configured', 'noChannel', true],
    ['error: Guest agent is not responding: QEMU guest agent is not connected', 'notConnected', true],
    ['error: Guest agent is not responding: Guest agent not available for now', 'hangs', false],
    [
      'error: Timed out during operation: cannot acquire state change lock (held by agent=remoteDispatchDomainFSFreeze)',
      'hangs',
      false,
    ],
    ['virsh did not finish in 10000 ms', 'hangs', false],
    ['error: failed to connect to the hypervisor', 'unreachable', false],
    ['error: something new', 'unknown', false],
  ])('%s', (text, kind, certain) => {
    const failure = readGuestFailure(new Error(`virsh: ${text}`));
    expect(failure.kind).toBe(kind);
    expect(isCertain(failure.kind)).toBe(certain);
    expect(adviceFor(failure)).toMatch(/^because .{20,}/u);
    expect(failure.text).not.toMatch(/virsh:|error:/u);
  });

  it('counts file systems, whichever word libvirt uses', () => {
    expect(readCount('Froze 3 filesystem(s)\n\n')).toBe(3);
    expect(readCount('Freezed 1 filesystem(s)')).toBe(1);
    expect(readCount('Thawed 0 filesystem(s)')).toBe(0);
    expect(readCount('2 Dateisysteme eingefroren')).toBeUndefined();
  });

  it('from a guest become one short harmless line', () => {
    expect(cleanText('a\r\n\tb\u001B]0;title\u0007c\u009Bd\u202Ee\u2028f')).toBe('a b ]0;title c d e f');
    expect(cleanText('é'.repeat(600))).toBe(`${'é'.repeat(500)}…`);
    expect(cleanText('😀'.repeat(600), 10)).toBe(`${'😀'.repeat(10)}…`);
    expect(cleanText('\uD800x')).toBe('x');
    expect(cleanText('\n'.repeat(1_000_000))).toBe('');
  });

  it('output of a script is looked at only in its beginning', () => {
    const data = Buffer.alloc(3_000_000, 'x').toString('base64');
    const status = parseStatusAnswer(JSON.stringify({ return: { exited: true, exitcode: 1, 'err-data': data } }));
    expect(status?.output).toHaveLength(6144);
    const only = JSON.stringify({ return: { exited: true, signal: 9, 'out-data': 'aGk=' } });
    expect(parseStatusAnswer(only)).toEqual({ exited: true, exitCode: undefined, signal: 9, output: 'hi' });
  });
});
