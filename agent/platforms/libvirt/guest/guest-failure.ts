import { messageOf } from '../../../../shared/errors.ts';
import { cleanText } from './clean-text.ts';

/** What the text of a failed call about a guest means. */
export type GuestFailureKind =
  | 'noChannel'
  | 'notConnected'
  | 'hangs'
  | 'alreadyFrozen'
  | 'hookFailed'
  | 'denied'
  | 'disabled'
  | 'answered'
  | 'notRunning'
  | 'vanished'
  | 'unreachable'
  | 'unknown';

export interface GuestFailure {
  readonly kind: GuestFailureKind;
  /** libvirt's or the guest agent's text, cleaned. */
  readonly text: string;
}

/** First match wins; the texts are libvirt's and qemu-ga's, the same since libvirt 6 and qemu-ga 4. */
const meanings: readonly (readonly [RegExp, GuestFailureKind])[] = [
  [/failed to connect to the hypervisor|cannot connect to|end of file while reading data/iu, 'unreachable'],
  [/failed to get domain|Domain not found|no domain with matching/iu, 'vanished'],
  [/guest agent is not configured/iu, 'noChannel'],
  [/guest agent is not connected/iu, 'notConnected'],
  [/domain is not running/iu, 'notRunning'],
  [/agent is in frozen state/iu, 'alreadyFrozen'],
  [/fsfreeze hook/iu, 'hookFailed'],
  [/agent command.*Permission denied/isu, 'denied'],
  [/has been disabled|CommandNotFound|command .* has not been found/iu, 'disabled'],
  [/unable to execute QEMU agent command/iu, 'answered'],
  [/guest agent is not responding|guest agent not available|agent=remoteDispatch|did not finish in/iu, 'hangs'],
];

/** Reads the error of a call about a guest. */
export function readGuestFailure(error: unknown): GuestFailure {
  const raw = messageOf(error).slice(0, 4096);
  const kind = meanings.find(([pattern]) => pattern.test(raw))?.[1] ?? 'unknown';
  return { kind, text: cleanText(raw.replaceAll(/(^virsh: )|\berror: /gmu, '')) };
}

/** Kinds that say for certain that a freeze did not happen and will not: nothing was sent, or the agent said no. */
export function isCertain(kind: GuestFailureKind): boolean {
  return !['hangs', 'unreachable', 'unknown'].includes(kind);
}

const advice: Readonly<Record<GuestFailureKind, (text: string) => string>> = {
  noChannel: () =>
    'because the virtual machine has no channel for the guest agent: add org.qemu.guest_agent.0 to it and install qemu-guest-agent in the guest',
  notConnected: () => 'because no guest agent is connected: install qemu-guest-agent in the guest and start it',
  hangs: (text) => `because the guest agent does not answer: restart qemu-guest-agent in the guest (${text})`,
  alreadyFrozen: () =>
    'because somebody else has frozen it, and such a freeze is left alone: end the other backup, or thaw the guest with virsh domfsthaw',
  hookFailed: (text) =>
    `because the freeze hook in the guest refused: see its log in the guest, usually /var/log/qga-fsfreeze-hook.log (${text})`,
  denied: (text) =>
    `because the guest agent may not open a file system: where SELinux is on, run "setsebool -P virt_qemu_ga_read_nonsecurity_files on" as root in the guest or correct the labels of that file system with restorecon; "setenforce 0" shows whether it is SELinux at all (${text})`,
  disabled: (text) =>
    `because the guest agent does not allow it: take guest-fsfreeze-* out of the blocked commands of qemu-ga in the guest (${text})`,
  answered: (text) => `because the guest agent failed: see its log in the guest (${text})`,
  notRunning: () => 'because the virtual machine was paused or shut off at that moment: resume it before the backup',
  vanished: (text) => `because the virtual machine does not exist any more (${text})`,
  unreachable: (text) => `because libvirt does not answer: is libvirtd running on the client? (${text})`,
  unknown: (text) => `because of an unexpected error: ${text}`,
};

/** Why a guest was not frozen and what to do, as the rest of a sentence that begins "the guest was not frozen, ". */
export function adviceFor({ kind, text }: GuestFailure): string {
  return advice[kind](text);
}
